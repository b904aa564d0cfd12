import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command import mnistx
from mnistx_runtime.errors import BadInput
from mnistx_runtime.picture_folder import class_folders, find_pictures
from mnistx_runtime.pictures import open_picture

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99)


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(HEIC)
    return folder


def test_pictures_are_found_by_their_endings_in_folders_inside_too(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a/z.png", "a/deep/y.webp", "a.jpeg", "notes.txt", "c.heic")

    found = find_pictures(tmp_path)

    assert [path.relative_to(tmp_path).as_posix() for path in found.pictures] == [
        "a/deep/y.webp", "a/z.png", "a.jpeg", "b.JPG"
    ]  # fmt: skip
    assert [path.name for path in found.left_out] == ["c.heic", "notes.txt"]


@pytest.mark.parametrize(
    "name", [".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX/._1.png", ".git/1.png", "@eaDir/1.png", "._1.png"]
)
def test_what_systems_leave_is_neither_a_picture_nor_a_class(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name, "dog/1.png", f"dog/{name}")
    (tmp_path / "__MACOSX").mkdir(exist_ok=True)

    found = find_pictures(tmp_path)

    assert [path.name for path in found.pictures] == ["1.png"] and not found.left_out
    assert class_folders(tmp_path) == [tmp_path / "dog"]


def test_pictures_to_be_converted_first_are_named(tmp_path: Path) -> None:
    touch(tmp_path, *(f"IMG_{number}.HEIC" for number in range(5)), "a.jxl", "list.csv")

    found = find_pictures(tmp_path)

    said = "left out IMG_0.HEIC, IMG_1.HEIC, IMG_2.HEIC and 3 more; convert HEIC and JXL to JPEG or PNG first"
    assert found.note == f"{tmp_path}: {said}"
    assert found.nothing_found == f"{tmp_path}: no picture in this folder that is read here: {said}"


def test_where_there_is_no_picture_what_is_there_is_told(tmp_path: Path) -> None:
    assert find_pictures(tmp_path).nothing_found == f"{tmp_path}: no picture in this folder"
    touch(tmp_path, "a.txt", "image0001")
    found = find_pictures(tmp_path)
    assert found.note == "" and found.nothing_found.endswith("no picture in this folder, but a.txt, image0001")


def test_links_that_lead_round_and_what_is_no_file_stop_nothing(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png")
    (tmp_path / "a" / "round").symlink_to(tmp_path)
    (tmp_path / "a" / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "a" / "pipe.png")

    found = find_pictures(tmp_path)
    assert [path.name for path in found.pictures] == ["1.png"]
    assert found.note == f"{tmp_path}: left out dangling.png, pipe.png: pipes, sockets, devices or links to nothing"


def test_every_ending_is_one_of_a_format_that_is_decoded(tmp_path: Path) -> None:
    from mnistx_runtime.pictures import _FORMATS, SUFFIXES

    Image.init()
    assert {Image.registered_extensions()[ending] for ending in SUFFIXES} <= {*_FORMATS}
    assert Image.registered_extensions().keys() >= SUFFIXES and len(SUFFIXES) == 18


def test_a_heic_picture_is_called_so_whatever_its_ending(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"1\.jpg is a HEIC picture; convert it to JPEG or PNG first"):
        open_picture(touch(tmp_path, "1.jpg") / "1.jpg")


def test_predict_answers_what_it_can_and_says_what_it_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "IMG_1.heic", "Thumbs.db", "__MACOSX/a.png")
    found = mnistx("predict", tmp_path)
    assert found.exit_code == 2 and found.stderr.count("\n") == 1
    assert f"{tmp_path}: no picture in this folder that is read here: left out IMG_1.heic; convert HEIC" in found.stderr

    page = np.full((60, 60), 255, np.uint8)
    page[10:50, 28:33] = 0
    Image.fromarray(page).save(tmp_path / "one.png")
    found = mnistx("predict", tmp_path, "--min-confidence", "0")
    assert found.exit_code == 0 and "one.png" in found.stdout
    assert found.stderr == f"{tmp_path}: left out IMG_1.heic; convert HEIC to JPEG or PNG first\n"
