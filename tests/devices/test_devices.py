"""The released model as generated C, run on every device: the self-test, and test images beside PyTorch's answers."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command import ROOT
from devices.run import Answers, build, build_reader, read, run
from devices.sources import Sources
from devices.targets import DEVICES, packages
from golden_pictures import GOLDEN
from mnistx_export.model import Model
from mnistx_runtime import image_from_picture
from mnistx_runtime.artifact.parity import FLOAT32, compare

IMAGES = 200
SELFTEST = 20  # images of float32; where fewer are run, the self-test's 44 take too long, too
LIBRARY = 1e-5  # how far answers of the same sums may lie apart, as libraries' logarithms do
HOST = "this machine"

Run = Callable[[str, str], Answers]


@pytest.fixture(scope="module")
def answers(
    model: Model, sources: dict[tuple[str, str], Sources], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    """What a device answers to the first test images; all devices are set to work at the first call."""
    assert model.test is not None
    images = model.test.images[:IMAGES]

    def measure(name: str, format: str, folder: Path) -> Answers:
        device = DEVICES[name]
        count = IMAGES if format == "c-int8" else device.float_images
        return run(device, build(device, sources[format, device.target], images[:count], folder, count >= SELFTEST))

    with ThreadPoolExecutor(max_workers=2) as pool:
        found: dict[tuple[str, str], Future[Answers]] = {
            (name, format): pool.submit(measure, name, format, tmp_path_factory.mktemp("device"))
            for format in ("c-int8", "c")
            for name, device in DEVICES.items()
            if not device.missing()
        }
        yield lambda name, format: found[name, format].result()
        for each in found.values():
            each.cancel()


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    """A device's name; where this machine lacks what runs it, CI fails, and others skip."""
    line = DEVICES[request.param].missing()
    if line:
        assert not os.environ.get("CI"), f".ci/run installs what {request.param} needs: {line}"
        pytest.skip(f"{request.param} needs: {line}")
    return str(request.param)


@pytest.mark.slow
def test_int8_gives_the_same_bits_on_every_device(device: str, answers: Run, model: Model) -> None:
    found, expected = answers(device, "c-int8"), answers(HOST, "c-int8")
    assert found.selftest == 0
    assert len(found.digests) == IMAGES and np.array_equal(found.digests, expected.digests)
    assert np.abs(found.log_probs - expected.log_probs).max() < LIBRARY
    assert model.test is not None
    trained = model.log_probs(model.test.images[:IMAGES])
    assert np.array_equal(found.log_probs.argmax(1), trained.argmax(1))


@pytest.mark.slow
def test_float32_answers_as_pytorch_does(device: str, answers: Run, model: Model) -> None:
    found, count = answers(device, "c"), DEVICES[device].float_images
    assert found.selftest == (0 if count >= SELFTEST else None)
    assert model.test is not None
    assert len(found.log_probs) == count
    trained = model.log_probs(model.test.images[: len(found.log_probs)]).astype(np.float32)
    parity = compare(found.log_probs, trained, FLOAT32)
    assert parity.passed, parity


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Cortex-M7", "s390x"])
def test_pictures_are_read_as_python_reads_them(
    name: str, model: Model, sources: dict[tuple[str, str], Sources], tmp_path: Path
) -> None:
    device = DEVICES[name]
    if line := device.missing():
        assert not os.environ.get("CI"), line
        pytest.skip(f"{name} needs: {line}")
    pictures = [np.asarray(Image.open(path).convert("L")) for path in sorted(GOLDEN.glob("*.in.png"))]
    pictures.append(np.zeros((30, 40), np.uint8))
    found = read(device, build_reader(device, sources["c-int8", device.target], pictures, tmp_path))
    assert [status for status, _ in found] == [0] * 12 + [1]
    for (_, image), picture in zip(found[:12], pictures, strict=False):
        expected = image_from_picture(Image.fromarray(picture)).ravel()
        assert np.abs(image.astype(int) - expected).max() <= 1


def test_ci_installs_what_the_devices_need() -> None:
    assert "$(python3 benchmarks/devices/targets.py)" in (ROOT / ".ci" / "run").read_text()
    assert {"qemu-user", "qemu-system-arm", "musl-tools"} < set(packages())
