from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnistx_runtime import batch
from mnistx_runtime.pictures import open_picture
from mnistx_runtime.preprocess import preprocess_for
from mnistx_train.datasets import folder, picture_spec, source, training_data
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

    assert split.images.shape == (2, 1, 28, 28)
    assert split.images.dtype == np.uint8
    assert split.images[0, 0, 14, 14] > 200
    assert not split.images[0, 0, 0].any()


@pytest.mark.parametrize(
    "name", [".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX/1.png", ".git/1.png", "@eaDir/1.png"]
)
def test_what_systems_leave_in_folders_is_no_picture(tmp_path: Path, name: str) -> None:
    for ink, picture in enumerate(["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png"]):
        write_picture(tmp_path / picture, 100 + ink)
    for inside in ("train/a", "train", "test"):
        path = tmp_path / inside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")

    found = source(str(tmp_path))

    assert (found.names, len(found.read(True)), len(found.read(False))) == (("a", "b"), 2, 2)


def test_pictures_in_folders_inside_a_class_belong_to_it(tmp_path: Path) -> None:
    for ink, name in enumerate(["a/1.png", "a/older/deep/1.png", "b/1.png", "b/2.png"]):
        write_picture(tmp_path / "train" / name, 100 + ink)
        write_picture(tmp_path / "test" / name, 100 + ink)
    (tmp_path / "train" / "a" / "empty").mkdir()

    split = source(str(tmp_path)).read(True)

    assert (split.labels.tolist(), inks(split)) == ([0, 0, 1, 1], [100, 101, 102, 103])


def test_hidden_folders_are_no_classes(tmp_path: Path) -> None:
    for name in ("a", "b", ".git"):
        (tmp_path / name).mkdir()
    assert source(str(tmp_path)).names == ("a", "b")


def test_a_class_that_only_test_has_is_told(tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "test/a", "test/c"):
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(TrainError, match="classes that train/ lacks: c"):
        source(str(tmp_path))


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


def test_a_class_of_pictures_to_be_converted_first_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a/1.png", "a/2.png", "b/1.png", "b/2.png"):
        write_picture(tmp_path / name, 200)
    (tmp_path / "a" / "3.heic").write_bytes(b"x")
    assert len(source(str(tmp_path)).read(True)) == 2
    assert "a: left out 3.heic; convert HEIC to JPEG or PNG first" in caplog.text

    for path in (tmp_path / "b").iterdir():
        path.rename(path.with_suffix(".heic"))
    with pytest.raises(TrainError, match=r"b: no picture in this folder .* left out 1\.heic, 2\.heic; convert HEIC"):
        source(str(tmp_path)).read(True)


def test_a_class_of_one_picture_is_named(tmp_path: Path) -> None:
    for name in ("a/1.png", "a/2.png", "lone/1.png"):
        write_picture(tmp_path / name, 200)

    with pytest.raises(TrainError, match="every class needs at least 2 pictures; 'lone' has 1"):
        source(str(tmp_path)).read(True)


def test_a_class_whose_name_is_not_utf8_is_told_before_training(tmp_path: Path) -> None:
    for name in ("a", "b\udcff"):
        (tmp_path / name).mkdir()

    with pytest.raises(TrainError, match=r"rename the folder 'b\\udcff'; the name of a class must be UTF-8"):
        source(str(tmp_path))


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

    with pytest.raises(TrainError, match=r"class b: .*b.second\.png") as caught:
        source(str(tmp_path)).read(True)
    assert str(caught.value).count("second.png") == 1 and "\n" not in str(caught.value)


def test_blank_picture_is_named(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png"):
        write_picture(tmp_path / name, 200)
    Image.new("L", (60, 60), 255).save(tmp_path / "b" / "blank.png")

    with pytest.raises(TrainError, match=r"class b: .*blank\.png: no ink found"):
        source(str(tmp_path)).read(True)


def test_a_bug_in_the_runtime_is_not_blamed_on_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Image.Image:
        raise ZeroDivisionError

    for name in ("a/1.png", "b/1.png"):
        write_picture(tmp_path / name, 200)
    monkeypatch.setattr(batch, "open_picture", broken)

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


def draw_colours(folder: Path, count: int = 12) -> None:
    """Red and green pictures of 60x50 pixels, in two classes."""
    for label, name in enumerate(("green", "red")):
        (folder / name).mkdir(parents=True)
        for seed in range(count):
            page = Image.new("RGB", (60, 50), (10, 10, 10))
            page.paste((200 * label + seed, 200 * (1 - label) + seed, seed), (10, 10, 50, 40))
            page.save(folder / name / f"{seed}.png")


@pytest.mark.parametrize("shape", [(3, 40, 48), (1, 16, 9), (3, 28, 28)])
def test_pictures_become_what_the_spec_asks_for_as_the_device_makes_it(
    tmp_path: Path, shape: tuple[int, int, int]
) -> None:
    draw_colours(tmp_path)
    channels, height, width = shape
    spec = picture_spec(height, width, channels)

    found = source(str(tmp_path), spec=spec)
    split = found.read(True)

    assert spec is not None and found.spec == spec
    assert split.images.shape[1:] == shape and split.images.dtype == np.uint8
    made = {
        preprocess_for(spec).prepare(open_picture(path)).image.tobytes(): path.parent.name
        for path in tmp_path.glob("*/*.png")
    }
    assert all(
        made[image.tobytes()] == found.names[label] for image, label in zip(split.images, split.labels, strict=True)
    )
    measured = training_data(found).spec
    assert measured.shape == shape and measured.preprocess == "resize" and len(measured.mean) == channels


def test_too_many_pictures_are_told_before_the_memory_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_colours(tmp_path)
    monkeypatch.setattr(folder, "MOST_BYTES", 3 * 96 * 96 * 23)

    with pytest.raises(TrainError, match=r"24 pictures of 96x96 take more than .* choose a smaller --size"):
        source(str(tmp_path), spec=picture_spec(96, 96)).read(True)
