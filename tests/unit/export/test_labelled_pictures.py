from pathlib import Path

import pytest
from PIL import Image

from mnistx_export.labelled_pictures import labelled_files, read_folder, read_pictures
from mnistx_runtime import BadInput, InputSpec

SPEC = InputSpec(channels=3, height=10, width=12, mean=(0.5,) * 3, std=(0.5,) * 3, preprocess="resize")


def folder_of(path: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        (path / name).mkdir(parents=True)
        Image.new("RGB", (20, 30), (number * 40, 100, 200)).save(path / name / "one.png")
    return path


def test_pictures_are_labelled_by_their_folder_and_read_as_the_model_does(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "p", "dog", "cat")
    (folder / ".hidden").mkdir()
    (folder / "dog" / "Thumbs.db").write_text("x")
    (folder / "dog" / ".one.png").write_text("x")
    found = read_folder(folder, SPEC, ("cat", "dog", "owl"))
    assert found.labels.tolist() == [0, 1] and found.images.shape == (2, 3, 10, 12)
    assert found.images[:, 0, 0, 0].tolist() == [40, 0]


def test_a_folder_that_is_no_class_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="subfolder 'dogs', which is no class of this model; did you mean 'dog'"):
        labelled_files(folder_of(tmp_path / "p", "dogs"), ("cat", "dog"))
    with pytest.raises(BadInput, match="no such folder"):
        labelled_files(tmp_path / "none", ("cat", "dog"))
    with pytest.raises(BadInput, match="holds no pictures in subfolders"):
        (tmp_path / "empty" / "dog").mkdir(parents=True)
        labelled_files(tmp_path / "empty", ("cat", "dog"))


def test_what_systems_leave_is_no_class_and_pictures_to_be_converted_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = folder_of(tmp_path / "p", "_dog")
    (folder / "__MACOSX").mkdir()
    (folder / "_dog" / "two.heic").write_text("x")
    assert len(labelled_files(folder, ("_dog", "cat"))) == 1
    assert "left out two.heic; convert HEIC to" in caplog.text

    (folder / "_dog" / "one.png").unlink()
    with pytest.raises(BadInput, match=r"holds no pictures in subfolders .*_dog, cat; .*left out two\.heic"):
        labelled_files(folder, ("_dog", "cat"))
    with pytest.raises(BadInput, match=r"p: no picture in this folder that is read here: left out two\.heic"):
        read_pictures(folder, SPEC)


def test_a_picture_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "p", "dog")
    (folder / "dog" / "two.png").write_text("no picture")
    with pytest.raises(BadInput, match=r"two\.png is not a picture"):
        read_folder(folder, SPEC, ("cat", "dog"))
    with pytest.raises(BadInput, match=r"two\.png"):
        read_pictures(folder, SPEC)
