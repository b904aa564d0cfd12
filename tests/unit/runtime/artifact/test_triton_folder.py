from pathlib import Path

import pytest

from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.artifact.triton_folder import SUFFIX, artifact_paths, folder_files, label_lines
from mnistx_runtime.artifact.verification import verify
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import ArtifactError
from mnistx_runtime.predictor import Predictor


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    bundled = open_artifact(BUNDLED)
    payload = folder_files("digits", bundled.files[".onnx"])
    for ending, data in seal(SUFFIX, payload, bundled.metadata, bundled.certificate).items():
        file = tmp_path / f"m{ending}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return tmp_path / "m.triton"


def test_the_repository_and_the_model_inside_it_match_their_certificate(repository: Path) -> None:
    assert verify(repository).passed and verify(repository / "digits" / "1" / "model.onnx").passed
    assert Predictor(repository).metadata == Predictor(repository / "digits/1/model.onnx").metadata


@pytest.mark.parametrize("name", ["config.pbtxt", "labels.txt"])
def test_what_triton_reads_beside_the_model_is_seen_when_it_changes(name: str, repository: Path) -> None:
    file = repository / "digits" / name
    file.write_text(file.read_text().replace("1", "2", 1))
    assert verify(repository).differences == ["metadata"]


def test_a_folder_of_two_models_or_none_is_told(repository: Path) -> None:
    (repository / "digits").rename(repository / "other")
    assert verify(repository).differences == ["metadata"]  # the configuration names another model
    (repository / "more" / "1").mkdir(parents=True)
    (repository / "more" / "1" / "model.onnx").write_bytes(b"x")
    with pytest.raises(ArtifactError, match="several models"):
        artifact_paths(repository)


@pytest.mark.parametrize("other", ["digits/2", "more/2", "digits/configs"])
def test_what_triton_would_serve_in_the_models_place_is_told(other: str, repository: Path) -> None:
    (repository / "README").write_text("of the user's own")
    assert verify(repository).passed
    (repository / other).mkdir(parents=True)
    with pytest.raises(ArtifactError, match=f"holds {other if 'digits' in other else 'more'}/, too, which Triton"):
        verify(repository)


def test_a_label_is_a_line() -> None:
    assert label_lines(("a", "b\nc")) == "a\nb c\n"
