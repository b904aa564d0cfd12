from pathlib import Path

import numpy as np
import pytest

from mnistx_runtime import ArtifactError, Predictor, verify
from mnistx_runtime.artifact.archive import read_archive, write_archive
from mnistx_runtime.artifact.container import open_artifact, seal
from torch_archives import IMAGES, expected, write_torch


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_torch(tmp_path_factory.mktemp("pt2") / "m.pt2")


def test_a_sealed_archive_is_run_as_the_module_was(path: Path) -> None:
    assert verify(path).passed
    predictor = Predictor(path, "pt2")
    assert np.abs(predictor.log_probs(IMAGES) - expected()).max() < 1e-5
    assert predictor.metadata.names == tuple("0123456789") and len(predictor.certificate.images) == 4


def test_a_changed_archive_is_told_before_torch_reads_it(path: Path, tmp_path: Path) -> None:
    changed = tmp_path / "m.pt2"
    data = bytearray(path.read_bytes())
    at = data.index(b"log_softmax")
    data[at] ^= 1
    changed.write_bytes(data)
    with pytest.raises(ArtifactError, match=r"is not what was exported|is not a readable archive"):
        Predictor(changed, "pt2")


def test_what_torch_cannot_read_is_told(path: Path, tmp_path: Path) -> None:
    opened = open_artifact(path)
    entries = read_archive(path.read_bytes(), "m")
    kept = dict(list(entries.items())[-1:])
    broken = tmp_path / "m.pt2"
    payload = {".pt2": write_archive(kept)}
    broken.write_bytes(seal(".pt2", payload, opened.metadata, opened.certificate)[".pt2"])
    with pytest.raises(ArtifactError, match="is not a readable"):
        Predictor(broken, "pt2")


def test_a_machine_without_a_temporary_folder_is_no_damaged_archive(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise FileNotFoundError("No usable temporary directory")

    monkeypatch.setattr("torch.export.load", fail)
    with pytest.raises(ArtifactError, match="can't be loaded here: No usable temporary directory"):
        Predictor(path, "pt2")
