import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mnistx_runtime import ArtifactError, Predictor, verify
from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.backends.openvino import import_openvino
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import BackendUnavailable
from seal_bundled import seal_bundled

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(1).integers(0, 256, (70, 1, 28, 28)).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the bundled model as OpenVINO's own reader of ONNX takes it, sealed."""
    import openvino

    found = tmp_path_factory.mktemp("openvino")
    openvino.save_model(openvino.Core().read_model(BUNDLED), found / "m.xml", compress_to_fp16=False)
    payload = {ending: (found / f"m{ending}").read_bytes() for ending in (".xml", ".bin")}
    opened = open_artifact(seal_bundled(found / "m.onnx"))
    for ending, data in seal(".xml", payload, opened.metadata, opened.certificate).items():
        (found / f"m{ending}").write_bytes(data)
    yield found


def test_it_answers_as_onnx_runtime_does_in_float32(folder: Path) -> None:
    assert verify(folder / "m.xml").passed
    found = Predictor(folder / "m.xml", "openvino").log_probs(IMAGES)
    assert np.abs(found - Predictor().log_probs(IMAGES)).max() < 1e-4


@pytest.mark.parametrize(("ending", "part"), [(".xml", "graph"), (".bin", "weights")])
def test_a_changed_file_is_not_what_was_exported(folder: Path, ending: str, part: str, tmp_path: Path) -> None:
    for each in (".xml", ".bin", ".json"):
        (tmp_path / f"m{each}").write_bytes((folder / f"m{each}").read_bytes())
    path = tmp_path / f"m{ending}"
    path.write_bytes(
        path.read_bytes().replace(b'name="', b'name="x', 1) if ending == ".xml" else b"\0" + path.read_bytes()
    )
    assert verify(tmp_path / "m.xml").differences == [part]


def test_what_it_cannot_read_is_told(folder: Path, tmp_path: Path) -> None:
    opened = open_artifact(folder / "m.xml")
    payload = {".xml": b"<net/>", ".bin": b"x"}
    for ending, data in seal(".xml", payload, opened.metadata, opened.certificate).items():
        (tmp_path / f"m{ending}").write_bytes(data)
    with pytest.raises(ArtifactError, match="is not a readable OpenVINO model"):
        Predictor(tmp_path / "m.xml", "openvino")


def test_its_maker_is_told_of_no_import_and_others_may_still_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = ModuleType("openvino_telemetry")
    monkeypatch.setitem(sys.modules, "openvino_telemetry", theirs)
    for name in [each for each in sys.modules if each == "openvino" or each.startswith("openvino.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(BackendUnavailable, match="openvino is installed and can't be loaded"):
        import_openvino()
    assert sys.modules["openvino_telemetry"] is theirs
