"""What the project releases: one model, in every format, on all of MNIST's test images."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from command import RELEASED, ROOT, mnistx_process
from mnistx_export.export import Reference, reference
from mnistx_export.formats import FORMATS, format_named
from mnistx_runtime.backends import runtime_of
from mnistx_runtime.parity import compare
from mnistx_runtime.predictor import BUNDLED, Predictor
from mnistx_runtime.verification import verify
from mnistx_train.checkpoint import load_checkpoint
from mnistx_train.datasets import source

ATOL = {"onnx": 1e-4, "torchscript": 1e-4}
"""The largest difference of log-probabilities that each format promises."""


def released(name: str) -> Path:
    return RELEASED.with_suffix(format_named(name).suffix)


@pytest.fixture(scope="session")
def truth(mnist: Path) -> Reference:
    network, card = load_checkpoint(RELEASED)
    return reference(network, card, source("mnist", mnist).read(False))


def test_every_format_has_a_tolerance_and_a_released_file() -> None:
    assert ATOL.keys() == FORMATS.keys()
    assert all(released(name).is_file() for name in FORMATS)


def test_the_bundled_model_is_the_released_one() -> None:
    assert BUNDLED.read_bytes() == released("onnx").read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_the_certificate_holds(name: str) -> None:
    assert verify(released(name)).passed


@pytest.mark.parametrize("name", FORMATS)
def test_no_path_of_the_machine_that_made_it_is_inside(name: str) -> None:
    data = released(name).read_bytes()
    assert not re.search(rb"/(home|root|work|tmp|Users|usr|opt|build)/|site-packages|\.py\b[^\n]{0,40}line", data)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_ten_thousand_images_and_not_one_changed_prediction(name: str, truth: Reference) -> None:
    path = released(name)
    predictor = Predictor(path, runtime_of(path))
    answers = predictor.log_probs(truth.test.images)
    for expected in (truth.float32, truth.float64):
        found = compare(answers, expected, ATOL[name])
        assert found.passed and found.count == 10_000, found
    accuracy = float((answers.argmax(1) == truth.test.labels).mean())
    assert accuracy == predictor.metadata.test_accuracy


@pytest.mark.slow
def test_the_metrics_beside_the_released_model_are_its_own(truth: Reference) -> None:
    from mnistx_train.metrics import measure

    written = json.loads((ROOT / "artifacts/metrics.json").read_text())["test"]
    found = measure(truth.float32, truth.test.labels)
    assert written["confusion"] == found.confusion and written["accuracy"] == found.accuracy
    assert written["loss"] == pytest.approx(found.loss, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_another_process_in_another_folder_writes_the_same_bytes(name: str, tmp_path: Path) -> None:
    written = []
    for seed in ("1", "2"):
        folder = tmp_path / f"folder {seed}"
        folder.mkdir()
        code, _, err = mnistx_process(
            "export",
            "--format",
            name,
            "--checkpoint",
            RELEASED,
            "--out",
            folder,
            cwd=folder,
            env={"PYTHONHASHSEED": seed},
        )
        assert code == 0, err
        written.append((folder / released(name).name).read_bytes())
    assert written[0] == written[1]


def test_one_image_and_many_get_the_same_answers() -> None:
    images = np.random.default_rng(3).integers(0, 256, (257, 28, 28)).astype(np.uint8)
    predictor = Predictor()
    whole = predictor.log_probs(images)
    for size in (1, 2, 3, 64):
        parts = np.concatenate([predictor.log_probs(images[at : at + size]) for at in range(0, 257, size)])
        assert compare(parts, whole, 1e-4).passed
