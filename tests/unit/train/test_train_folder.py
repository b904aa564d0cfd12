from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnistx_train.datasets import folder, source
from mnistx_train.errors import TrainError
from sets import inks, same, write_picture


def test_picture_folder_with_train_and_test_keeps_them_apart(tmp_path: Path) -> None:
    for ink, name in enumerate(["train/b/1.png", "train/b/2.png", "train/a/9.png", "test/a/1.png", "test/b/1.png"]):
        write_picture(tmp_path / "mine" / name, 100 + ink)

    found = source(str(tmp_path / "mine"))

    assert (found.name, found.names) == ("./mine", ("a", "b"))
    training, test = found.read(True), found.read(False)
    assert (training.labels.tolist(), inks(training)) == ([0, 1, 1], [102, 100, 101])
    assert (test.labels.tolist(), inks(test)) == ([0, 1], [103, 104])


def test_picture_folder_without_test_keeps_a_sixth_of_each_class_apart(tmp_path: Path) -> None:
    for ink in range(24):
        write_picture(tmp_path / ("cat", "dog")[ink % 2] / f"{ink}.png", 100 + ink)

    found = source(str(tmp_path))
    training, test = found.read(True), found.read(False)

    assert found.names == ("cat", "dog")
    assert np.bincount(test.labels).tolist() == [2, 2]
    assert sorted(inks(training) + inks(test)) == list(range(100, 124))
    for split in (training, test):
        assert [ink % 2 for ink in inks(split)] == split.labels.tolist()
    assert same(found.read(False), test)


def test_pictures_of_any_size_become_28x28(tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "test/a", "test/b"):
        page = Image.new("RGB", (90, 120), "white")
        page.paste((20, 20, 90), (40, 20, 52, 100))
        (tmp_path / name).mkdir(parents=True)
        page.save(tmp_path / name / "1.jpg")

    split = source(str(tmp_path)).read(True)

    assert split.images.shape == (2, 28, 28)
    assert split.images.dtype == np.uint8
    assert split.images[0, 14, 14] > 200
    assert not split.images[0, 0].any()


def test_hidden_files_are_no_pictures(tmp_path: Path) -> None:
    for ink, name in enumerate(["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png"]):
        write_picture(tmp_path / name, 100 + ink)
    (tmp_path / "train" / "a" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "train" / "a" / "older").mkdir()

    assert len(source(str(tmp_path)).read(True)) == 2


@pytest.mark.parametrize("names", [[], ["only/1.png"], ["train/only/1.png", "test/only/1.png"], ["1.png", "2.png"]])
def test_picture_folder_needs_two_classes(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        write_picture(tmp_path / "mine" / name, 200)
    (tmp_path / "mine").mkdir(exist_ok=True)

    with pytest.raises(
        TrainError, match="mine holds neither IDX files nor a subfolder for each of two or more classes"
    ):
        source(str(tmp_path / "mine"))


def test_picture_folder_with_an_empty_class_is_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "full" / "1.png", 200)
    (tmp_path / "void").mkdir()

    with pytest.raises(TrainError, match="void: no picture in this folder"):
        source(str(tmp_path)).read(True)


def test_picture_folder_whose_test_lacks_a_class_is_refused(tmp_path: Path) -> None:
    for name in ("train/a/1.png", "train/b/1.png", "test/a/1.png"):
        write_picture(tmp_path / name, 200)

    with pytest.raises(TrainError, match=r"test.b: no picture in this folder"):
        source(str(tmp_path)).read(False)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: b"not a picture", id="text"),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda data: data[: len(data) // 2], id="truncated"),
    ],
)
def test_unreadable_picture_is_named(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    for name in ("a/1.png", "a/2.png", "b/1.png", "b/second.png"):
        write_picture(tmp_path / name, 200)
    bad = tmp_path / "b" / "second.png"
    bad.write_bytes(damage(bad.read_bytes()))

    with pytest.raises(TrainError, match=r"b.second\.png"):
        source(str(tmp_path)).read(True)


def test_blank_picture_is_named(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png"):
        write_picture(tmp_path / name, 200)
    Image.new("L", (60, 60), 255).save(tmp_path / "b" / "blank.png")

    with pytest.raises(TrainError, match=r"blank\.png: no ink found"):
        source(str(tmp_path)).read(True)


def test_pictures_need_the_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/1.png", "b/1.png"):
        write_picture(tmp_path / name, 200)
    monkeypatch.setattr(folder, "entry_points", lambda **_: [])

    with pytest.raises(TrainError, match="pictures need mnistx-runtime"):
        source(str(tmp_path)).read(True)


def test_a_bug_in_the_runtime_is_not_blamed_on_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> NDArray[np.uint8]:
        raise ZeroDivisionError(path)

    for name in ("a/1.png", "b/1.png"):
        write_picture(tmp_path / name, 200)
    monkeypatch.setattr(folder, "entry_points", lambda **_: [SimpleNamespace(load=lambda: broken)])

    with pytest.raises(ZeroDivisionError):
        source(str(tmp_path)).read(True)


def test_a_picture_stays_on_its_side_of_the_split_when_others_are_added(tmp_path: Path) -> None:
    for name, ink in (("a", 0), ("b", 60)):
        for seed in range(12):
            write_picture(tmp_path / name / f"{seed:02}.png", 100 + ink + seed)
    before = {image.tobytes() for image in source(str(tmp_path)).read(False).images}
    for name in ("a", "b"):
        write_picture(tmp_path / name / "00-new.png", 90)
    after = {image.tobytes() for image in source(str(tmp_path)).read(True).images}

    assert before and len(after & before) <= 1
