"""The released model, as it is released and in every other format, on all of MNIST's test images."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from command import RELEASED, ROOT, mnistx_process
from mnistx_export.checkpoint_model import model_from_checkpoint
from mnistx_export.formats import FORMATS
from mnistx_export.formats.base import format_named
from mnistx_export.model import Reference
from mnistx_runtime.artifact.parity import Parity, Tolerance, compare
from mnistx_runtime.artifact.verification import verify
from mnistx_runtime.backends import runtime_of
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import ArtifactError
from mnistx_runtime.predictor import Predictor

PROMISED = {
    "onnx": (1e-4, 0),
    "onnx-fp16": (0.05, 1),
    "onnx-int8": (2.0, 10),
    "ort": (1e-4, 0),
    "torchscript": (1e-4, 0),
    "pt2": (1e-4, 0),
    "openvino": (1e-4, 0),
    "litert": (1e-4, 0),
    "litert-int8": (2.0, 10),
    "executorch": (1e-4, 0),
    "ncnn": (1e-4, 0),
    "c": (1e-4, 0),
    "c-int8": (2.0, 10),
    "web": (2.0, 10),
    "web-fp32": (1e-4, 0),
    "triton": (1e-4, 0),
}
"""The largest difference of log-probabilities and the most changed predictions of 10,000 that each format promises."""

KEPT = ("onnx", "torchscript")
"""The formats whose files the project releases."""

FILES = [name for name in PROMISED if not format_named(name).folder]
"""Those whose artifact is a file, whatever lies beside it."""

UNREPRODUCIBLE = {"mnist-cnn.ort": "ONNX Runtime writes its hash tables as they lie in memory"}


def released(name: str) -> Path:
    return RELEASED.with_suffix(format_named(name).suffix)


def test_every_format_makes_a_promise_or_cannot_be_run_here() -> None:
    assert {name for name in FORMATS if not format_named(name).unverified} == PROMISED.keys()
    assert all(released(name).is_file() for name in KEPT)


def test_the_bundled_model_is_the_released_one() -> None:
    assert BUNDLED.read_bytes() == released("onnx").read_bytes()


def test_the_released_file_is_of_the_lowest_ir_version_that_its_operators_go_with() -> None:
    assert onnx.load(released("onnx")).ir_version == 9
    assert Predictor().metadata.requires == "onnxruntime>=1.17"


@pytest.mark.parametrize("name", KEPT)
def test_the_certificate_holds(name: str) -> None:
    assert verify(released(name)).passed


LOCAL = re.compile(rb"/(home|root|work|tmp|Users|usr|opt|build)/|site-packages|\.py\b[^\n]{0,40}line")


@pytest.mark.parametrize("name", KEPT)
def test_no_path_of_the_machine_that_made_it_is_inside(name: str) -> None:
    assert not LOCAL.search(released(name).read_bytes())


def parity_holds(name: str, path: Path, truth: Reference) -> None:
    predictor = Predictor(path, runtime_of(path))
    answers = predictor.log_probs(truth.test.images)
    atol, changed = PROMISED[name]
    for expected in (truth.float32, truth.float64):
        found = compare(answers, expected, Tolerance(atol, changed / 10_000))
        assert found.passed and found.count == 10_000, found
    accuracy = float((answers.argmax(1) == truth.test.labels).mean())
    assert accuracy >= (predictor.metadata.test_accuracy or 0) - (0.0002 if changed else 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", KEPT)
def test_ten_thousand_images_and_not_one_changed_prediction(name: str, truth: Reference) -> None:
    parity_holds(name, released(name), truth)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROMISED)
def test_every_format_under_its_runtime_keeps_its_promise(
    name: str, exported: Callable[[str], Path], truth: Reference
) -> None:
    parity_holds(name, exported(name), truth)
    assert verify(exported(name)).passed


@pytest.mark.slow
def test_pytorch_is_a_runtime_too(truth: Reference) -> None:
    parity_holds("onnx", RELEASED, truth)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_what_was_cut_off_gets_one_line_and_never_a_crash(
    name: str, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    path = exported(name)
    whole = path.read_bytes()
    for size in (1, len(whole) // 3, len(whole) - 100):
        for file in path.parent.iterdir():
            shutil.copy(file, tmp_path)
        (tmp_path / path.name).write_bytes(whole[:size])
        code, out, err = mnistx_process("verify", tmp_path / path.name)
        if name in ("openvino", "ncnn"):  # the metadata beside it is whole, and says what the file was
            assert code == 1 and "IS NOT WHAT WAS EXPORTED: graph differ" in out and not err, out + err
        elif name.startswith("web") and size > len(whole) // 2:  # only a script was cut off, behind model and metadata
            assert code == 1 and "IS NOT WHAT WAS EXPORTED: page differ" in out and not err, out + err
        else:
            assert code == 2 and err.startswith("Error: ") and err.count("\n") == 1, err


def patched(path: Path, folder: Path, old: bytes, new: bytes) -> Path:
    """The artifact with bytes of it, or of the weights beside it, replaced."""
    found = 0
    for file in path.parent.iterdir():
        data = file.read_bytes()
        found += data.count(old)
        (folder / file.name).write_bytes(data.replace(old, new))
    assert found == 1
    return folder / path.name


def caught(path: Path) -> bool:
    try:
        return not verify(path).passed
    except ArtifactError:
        return True


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FILES if "-" not in name and name != "web"])
def test_a_changed_weight_is_caught_without_torch(name: str, exported: Callable[[str], Path], tmp_path: Path) -> None:
    bias = model_from_checkpoint(RELEASED).module.get_submodule("conv2").state_dict()["bias"].numpy()
    changed = bias.copy()
    changed[7] += 0.05
    assert caught(patched(exported(name), tmp_path, bias.tobytes(), changed.tobytes()))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["onnx", "ort", "openvino"])
def test_a_mean_changed_in_the_third_digit_is_caught(
    name: str, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    mean, other = (np.float32(value).tobytes() for value in (0.1307, 0.1317))
    assert caught(patched(exported(name), tmp_path, mean, other))


def reduced(path: Path, folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """An ONNX file with one of its tensors changed."""
    model = onnx.load(path)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), name))
    onnx.save(model, folder / path.name)
    return folder / path.name


def own_answers(path: Path) -> Parity:
    """An artifact's answers beside those in its certificate, whatever its digest says."""
    session = Predictor(path)
    certificate = session.certificate
    assert certificate.own is not None and certificate.tolerance.own_atol is not None
    return compare(session.log_probs(certificate.images), certificate.own, Tolerance(certificate.tolerance.own_atol, 1))


def shifted(index: tuple[int, ...], by: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array[index] += np.array(by).astype(array.dtype)
        return array

    return change


@pytest.mark.slow
def test_reduced_precision_is_as_hard_to_change_unseen(exported: Callable[[str], Path], tmp_path: Path) -> None:
    half, int8 = exported("onnx-fp16"), exported("onnx-int8")
    for path, change in (
        (half, ("fc1.weight", shifted((17, 1234), 1e-3))),
        (int8, ("fc1.weight_quantized", shifted((17, 1234), 1))),
    ):
        assert verify(reduced(path, tmp_path, *change)).differences == ["weights"]
    subtracted = next(node.input[1] for node in onnx.load(half).graph.node if node.op_type == "Sub")
    image = next(node for node in onnx.load(int8).graph.node if "image" in node.input)
    for path, change in (
        (half, (subtracted, shifted((), 1e-3))),
        (int8, (image.input[2], shifted((), 1))),
        (int8, (image.input[1], lambda scale: scale * np.float32(1.01))),
    ):
        own = own_answers(reduced(path, tmp_path, *change))
        assert not own.passed


@pytest.mark.slow
def test_the_metrics_beside_the_released_model_are_its_own(truth: Reference) -> None:
    from mnistx_train.evaluation.calibration import apply_temperature
    from mnistx_train.evaluation.metrics import measure

    temperature = model_from_checkpoint(RELEASED).temperature
    written = json.loads((ROOT / "artifacts/metrics.json").read_text())["test"]
    found = measure(apply_temperature(truth.float32, temperature), truth.test.labels)
    assert written["confusion"] == found.confusion and written["accuracy"] == found.accuracy
    assert written["loss"] == pytest.approx(found.loss, rel=1e-4)
    assert found.calibration_error <= 0.002


@pytest.mark.slow
def test_all_in_another_process_and_folder_gives_the_same_bytes_without_local_paths(
    exported: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = tmp_path / "another folder"
    folder.mkdir()
    code, out, err = mnistx_process(
        *("export", "--format", "all", "--checkpoint", RELEASED, "--out", folder, "--json"),
        cwd=folder,
        env={"PYTHONHASHSEED": "1"},
    )
    assert code == 0, out + err
    rows = {values["format"]: values for values in map(json.loads, out.splitlines())}
    assert rows.keys() == FORMATS.keys()
    for name in FORMATS:
        base = exported(name).parent
        for file, sha256 in rows[name]["sha256"].items():
            data = (folder / file).read_bytes()
            assert not LOCAL.search(data), file
            assert hashlib.sha256(data).hexdigest() == sha256
            same = data == (base / file).read_bytes()  # apart: pytest would look for where megabytes differ
            assert same or file in UNREPRODUCIBLE, file
    assert rows["onnx-int8"]["size"] <= 450_000
    assert rows["onnx-int8"]["accuracy"] >= rows["onnx"]["accuracy"] - 0.0002


def test_one_image_and_many_get_the_same_answers() -> None:
    images = np.random.default_rng(3).integers(0, 256, (257, 28, 28)).astype(np.uint8)
    predictor = Predictor()
    whole = predictor.log_probs(images)
    for size in (1, 2, 3, 64):
        parts = np.concatenate([predictor.log_probs(images[at : at + size]) for at in range(0, 257, size)])
        assert compare(parts, whole).passed


@pytest.mark.slow
def test_the_page_is_small(exported: Callable[[str], Path]) -> None:
    assert exported("web").stat().st_size <= 650_000
