import os
from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper

from foreign_onnx import foreign_model, weights, write, write_external
from mnistx_export.foreign.source import load_onnx
from mnistx_runtime.errors import ArtifactError


@pytest.mark.parametrize("folder", [".", "inner"])
def test_weights_beside_a_model_are_taken_in_from_wherever_it_is_called(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / folder).mkdir(parents=True, exist_ok=True)
    path = write_external(tmp_path / "models" / "m.onnx", foreign_model(["N", 4]), f"{folder}/m.data")
    (tmp_path / "models" / "m.data").rename(tmp_path / "models" / folder / "m.data")
    monkeypatch.chdir(tmp_path)
    for name in (path, path.relative_to(tmp_path)):
        (found,) = load_onnx(name).graph.initializer
        np.testing.assert_array_equal(numpy_helper.to_array(found), weights(4, 10))


@pytest.mark.parametrize("location", ["../m.data", "inner/../../m.data", "{absolute}", "", "..\\m.data"])
def test_nothing_outside_of_its_folder_is_read(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "inner").mkdir()
    (tmp_path / "m.data").write_bytes(weights(4, 10).tobytes())
    location = location.format(absolute=tmp_path / "m.data")
    path = write_external(folder / "m.onnx", foreign_model(["N", 4]), location)
    with pytest.raises(ArtifactError, match=r"outside of its folder.*external_data=False"):
        load_onnx(path)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_out_of_its_folder_is_not_followed(what: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    path = write_external(folder / "m.onnx", foreign_model(["N", 4]), "inner/m.data" if what == "folder" else "m.data")
    (tmp_path / "elsewhere").mkdir()
    (folder / "m.data").rename(tmp_path / "elsewhere" / "m.data")
    if what == "folder":
        (folder / "inner").symlink_to(tmp_path / "elsewhere")
    else:
        (folder / "m.data").symlink_to(tmp_path / "elsewhere" / "m.data")
    with pytest.raises(ArtifactError, match="which is a link"):
        load_onnx(path)


def test_a_model_in_a_folder_that_is_a_link_is_read(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    write_external(tmp_path / "real" / "m.onnx", foreign_model(["N", 4]), "m.data")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert load_onnx(tmp_path / "link" / "m.onnx").graph.initializer[0].raw_data


def test_what_is_missing_or_cut_off_is_told_with_the_line_that_mends_it(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no such model file"):
        load_onnx(tmp_path / "none.onnx")
    path = write_external(tmp_path / "m.onnx", foreign_model(["N", 4]), "m.data")
    os.truncate(tmp_path / "m.data", 10)
    with pytest.raises(ArtifactError, match="is not a readable ONNX model"):
        load_onnx(path)
    (tmp_path / "m.data").unlink()
    with pytest.raises(ArtifactError, match=r"'m.data', which is missing beside it.*external_data=False"):
        load_onnx(path)
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(ArtifactError, match="is not a readable ONNX model"):
        load_onnx(tmp_path / "text.onnx")
    assert len(load_onnx(write(tmp_path / "one.onnx", foreign_model(["N", 4]))).graph.initializer) == 1
