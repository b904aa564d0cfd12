import gzip
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnistx_train import datasets
from mnistx_train.datasets import SOURCES, Source, Split, digits, folder, published, source, stratified, training_data
from mnistx_train.datasets.idx import read_idx
from mnistx_train.errors import TrainError


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def random_images(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), np.uint8)


def write_idx_folder(where: Path, classes: int = 3, count: int = 12) -> None:
    where.mkdir(parents=True, exist_ok=True)
    labels = (np.arange(count) % classes).astype(np.uint8)
    for seed, prefix in enumerate(("train", "t10k")):
        (where / f"{prefix}-images-idx3-ubyte").write_bytes(idx_bytes(random_images(count, seed)))
        (where / f"{prefix}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))


def write_picture(path: Path, ink: int) -> None:
    """A 28x28 picture that the runtime takes as it is, told from others by the brightness of its ink."""
    image = np.zeros((28, 28), np.uint8)
    image[8:20, 12:16] = ink
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def inks(split: Split) -> list[int]:
    return [int(image.max()) for image in split.images]


def keys(split: Split) -> Counter[bytes]:
    return Counter(image.tobytes() + bytes([label]) for image, label in zip(split.images, split.labels, strict=True))


def same(one: Split, other: Split) -> bool:
    return np.array_equal(one.images, other.images) and np.array_equal(one.labels, other.labels)


@pytest.mark.parametrize("shape", [(5,), (2, 28, 28), (2, 3, 4, 5)])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_files_hold_arrays(tmp_path: Path, shape: tuple[int, ...], ending: str) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    path = tmp_path / f"some-ubyte{ending}"
    path.write_bytes(gzip.compress(idx_bytes(array)) if ending else idx_bytes(array))

    found = read_idx(path)

    assert found.dtype == np.uint8
    assert np.array_equal(found, array)
    assert found.flags.writeable


@pytest.mark.parametrize(
    ("ending", "damage"),
    [
        pytest.param("", lambda data: data[:-1], id="truncated"),
        pytest.param("", lambda data: data[:9], id="truncated in the dimensions"),
        pytest.param("", lambda data: data[:3], id="truncated in the magic number"),
        pytest.param("", lambda _: b"", id="empty"),
        pytest.param("", lambda data: data + b"\0", id="too long"),
        pytest.param("", lambda data: b"\0\0\x0d" + data[3:], id="of floats"),
        pytest.param("", lambda data: b"\x1f" + data[1:], id="wrong magic number"),
        pytest.param("", gzip.compress, id="gzipped without saying so"),
        pytest.param(".gz", lambda data: data, id="not gzipped"),
        pytest.param(".gz", lambda data: gzip.compress(data)[:-20], id="truncated gzip"),
        pytest.param(".gz", lambda data: gzip.compress(data[:-1]), id="gzip of truncated data"),
        pytest.param(".gz", lambda data: gzip.compress(data)[:-8] + bytes(8), id="gzip with a wrong checksum"),
    ],
)
def test_damaged_idx_files_are_named(tmp_path: Path, ending: str, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"some-ubyte{ending}"
    path.write_bytes(damage(idx_bytes(random_images(4))))

    with pytest.raises(TrainError, match=f"some-ubyte{ending} can't be read as an IDX file"):
        read_idx(path)


@pytest.mark.parametrize("joint", ["-", "."])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_folder_is_read_however_it_was_unpacked(tmp_path: Path, joint: str, ending: str) -> None:
    where = tmp_path / "letters"
    write_idx_folder(where)
    for path in list(where.iterdir()):
        data = path.read_bytes()
        path.unlink()
        name = path.name.replace("-idx", f"{joint}idx") + ending
        (where / name).write_bytes(gzip.compress(data) if ending else data)

    found = source(str(where))

    assert (found.name, found.names) == ("./letters", ("0", "1", "2"))
    for train in (True, False):
        split = found.read(train)
        assert np.array_equal(split.images, random_images(12, seed=0 if train else 1))
        assert split.labels.dtype == np.int64
        assert split.labels.tolist() == [0, 1, 2] * 4


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        pytest.param(np.zeros((4, 27, 28), np.uint8), np.zeros(4, np.uint8), id="27 rows"),
        pytest.param(np.zeros((4, 784), np.uint8), np.zeros(4, np.uint8), id="flat"),
        pytest.param(np.zeros((4, 28, 28, 3), np.uint8), np.zeros(4, np.uint8), id="in colour"),
        pytest.param(np.zeros((4, 28, 28), np.uint8), np.zeros(3, np.uint8), id="a label too few"),
        pytest.param(np.zeros((4, 28, 28), np.uint8), np.zeros(5, np.uint8), id="a label too many"),
        pytest.param(np.zeros((4, 28, 28), np.uint8), np.zeros((4, 1), np.uint8), id="labels in a column"),
        pytest.param(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8), id="no image"),
    ],
)
def test_idx_shapes_must_fit(tmp_path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    write_idx_folder(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(images))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(labels))

    with pytest.raises(TrainError, match=r"need \(N, 28, 28\) and \(N,\)|can't be read as an IDX file"):
        source(str(tmp_path))


def test_idx_folder_without_training_labels_is_refused_at_once(tmp_path: Path) -> None:
    write_idx_folder(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()

    with pytest.raises(TrainError, match="lacks train-images-idx3-ubyte or train-labels-idx1-ubyte"):
        source(str(tmp_path))


@pytest.mark.parametrize("missing", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_idx_folder_without_test_files_is_refused_before_training(tmp_path: Path, missing: str) -> None:
    write_idx_folder(tmp_path)
    (tmp_path / missing).unlink()

    with pytest.raises(TrainError, match=missing):
        source(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("alpha\nbeta\ngamma", ("alpha", "beta", "gamma")),
        ("alpha\r\nbeta\r\n\r\ngamma\r\n", ("alpha", "beta", "gamma")),
        ("  a b \nc\nd\nof no image\n", ("a b", "c", "d", "of no image")),
    ],
)
def test_idx_folder_takes_names_from_a_file(tmp_path: Path, text: str, names: tuple[str, ...]) -> None:
    write_idx_folder(tmp_path)
    (tmp_path / "names.txt").write_bytes(text.encode())

    assert source(str(tmp_path)).names == names


@pytest.mark.parametrize("text", ["", "alpha\nbeta\n", "alpha\n\nbeta\n\n"])
def test_idx_folder_with_too_few_names_is_refused(tmp_path: Path, text: str) -> None:
    write_idx_folder(tmp_path)
    (tmp_path / "names.txt").write_text(text)

    with pytest.raises(TrainError, match=r"names\.txt names [02] classes, the labels need 3"):
        source(str(tmp_path))


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


def test_digits_are_1797_in_mnists_layout() -> None:
    found = source("digits")
    training, test = found.read(True), found.read(False)
    images = np.concatenate([training.images, test.images])

    assert (found.name, found.names) == ("digits", tuple("0123456789"))
    assert images.shape == (1797, 28, 28)
    assert images.dtype == np.uint8
    assert not images[:, :4].any()
    assert not images[:, 24:].any()
    assert not images[:, :, :4].any()
    assert not images[:, :, 24:].any()
    assert images.max() == 255


def test_digits_split_into_training_and_test_without_loss_or_overlap() -> None:
    found = source("digits")
    training, test = found.read(True), found.read(False)

    assert keys(training) + keys(test) == keys(digits._read())
    assert not keys(training) & keys(test)


def test_digits_keep_a_sixth_of_every_class_for_the_test() -> None:
    found = source("digits")
    test = np.bincount(found.read(False).labels)
    whole = test + np.bincount(found.read(True).labels)

    assert test.sum() == 300
    assert (np.abs(test - whole / 6) < 1).all()


def test_digits_are_split_alike_every_time() -> None:
    np.random.seed(1)
    once = source("digits")
    parts = [once.read(train) for train in (True, False)]
    np.random.seed(2)
    again = source("digits")

    assert all(same(part, again.read(train)) for part, train in zip(parts, (True, False), strict=True))
    assert all(same(part, once.read(train)) for part, train in zip(parts, (True, False), strict=True))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty cache folder of a user who has set no MNISTX_DATA."""
    monkeypatch.delenv("MNISTX_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mnistx"


def test_data_dir_goes_before_environment_before_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    named, environment = tmp_path / "named", tmp_path / "environment"

    assert published.root("MNIST", None) is None
    write_idx_folder(cache / "MNIST" / "raw")
    assert published.root("MNIST", None) == cache
    write_idx_folder(environment / "MNIST" / "raw")
    monkeypatch.setenv("MNISTX_DATA", str(environment))
    assert published.root("MNIST", None) == environment
    write_idx_folder(named / "MNIST" / "raw")
    assert published.root("MNIST", named) == named


def test_empty_environment_variable_names_nothing(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    write_idx_folder(cache / "MNIST" / "raw")
    monkeypatch.setenv("MNISTX_DATA", "")

    assert published.root("MNIST", None) == cache


@pytest.mark.parametrize("value", [None, ""])
def test_cache_lies_at_home_unless_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)

    assert published.cache_folder() == tmp_path / ".cache" / "mnistx"


def test_a_named_folder_without_the_set_is_refused_and_the_environment_s_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    write_idx_folder(cache / "MNIST" / "raw")
    named = tmp_path / "named"
    write_idx_folder(named / "KMNIST" / "raw")
    monkeypatch.setenv("MNISTX_DATA", str(named))

    assert published.root("MNIST", None) == cache
    assert published.root("KMNIST", None) == named
    with pytest.raises(TrainError, match="named holds no MNIST/raw/train-images-idx3-ubyte"):
        source("mnist", named)


def test_a_picture_stays_on_its_side_of_the_split_when_others_are_added(tmp_path: Path) -> None:
    for name, ink in (("a", 0), ("b", 60)):
        for seed in range(12):
            write_picture(tmp_path / name / f"{seed:02}.png", 100 + ink + seed)
    before = {image.tobytes() for image in source(str(tmp_path)).read(False).images}
    for name in ("a", "b"):
        write_picture(tmp_path / name / "00-new.png", 90)
    after = {image.tobytes() for image in source(str(tmp_path)).read(True).images}

    assert before and len(after & before) <= 1


@pytest.mark.parametrize(
    ("name", "where", "names"),
    [
        ("mnist", "MNIST", published.DIGITS),
        ("fashion-mnist", "FashionMNIST", published.GARMENTS),
        ("kmnist", "KMNIST", published.KUZUSHIJI),
    ],
)
def test_published_sets_are_read_where_torchvision_puts_them(
    tmp_path: Path, name: str, where: str, names: tuple[str, ...]
) -> None:
    write_idx_folder(tmp_path / where / "raw", classes=10, count=20)

    found = source(name, tmp_path)

    assert (found.name, found.names) == (name, names)
    assert len(found.names) == 10
    assert np.array_equal(found.read(False).images, random_images(20, seed=1))


def fake_torchvision(fetch: Callable[..., None]) -> Callable[[], Any]:
    return lambda: SimpleNamespace(datasets=SimpleNamespace(MNIST=fetch))


@pytest.mark.usefixtures("cache")
def test_nothing_is_downloaded_when_that_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*_: object, **__: object) -> None:
        pytest.fail("downloads")

    monkeypatch.setattr(published, "torchvision", fake_torchvision(fetch))

    with pytest.raises(TrainError, match="MNIST isn't at hand; name a folder that holds MNIST/raw"):
        source("mnist", download=False)


def test_a_missing_set_is_downloaded_to_the_cache(
    monkeypatch: pytest.MonkeyPatch, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fetch(root: Path, download: bool) -> None:
        assert download
        write_idx_folder(root / "MNIST" / "raw")

    monkeypatch.setattr(published, "torchvision", fake_torchvision(fetch))

    assert len(source("mnist").read(True)) == 12
    assert published.root("MNIST", None) == cache
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"downloading MNIST to {cache}\n"


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("error", [OSError("no route to host"), RuntimeError("file not found or corrupted")])
def test_a_failed_download_says_what_else_to_do(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fetch(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(published, "torchvision", fake_torchvision(fetch))

    with pytest.raises(TrainError, match=f"can't be downloaded \\({error}\\).* or use --dataset digits"):
        source("mnist")


def test_unknown_name_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")

    for name in ("minst", str(tmp_path / "absent"), str(tmp_path / "file")):
        with pytest.raises(TrainError, match=f"neither a folder nor one of {', '.join(SOURCES)}"):
            source(name)


@pytest.mark.parametrize("counts", [[60, 60], [30, 60, 90], [2, 2], [2] * 10, [100] * 12])
def test_stratified_takes_a_share_of_each_class(counts: list[int]) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    whole = Split(random_images(len(labels)), labels)

    kept, off = stratified(whole, 1 / 12)

    assert len(off) == max(len(counts), round(len(labels) / 12))
    assert keys(kept) + keys(off) == keys(whole)
    expected = np.array(counts) * len(off) / len(labels)
    assert (np.abs(np.bincount(off.labels, minlength=len(counts)) - expected) < 1).all()
    assert np.bincount(kept.labels, minlength=len(counts)).min() >= 1
    assert same(stratified(whole, 1 / 12)[1], off)


def test_the_split_is_the_one_that_scikit_learn_draws() -> None:
    from sklearn.model_selection import train_test_split

    random = np.random.default_rng(0)
    for _ in range(60):
        classes = int(random.integers(2, 12))
        labels = np.concatenate(
            [np.arange(classes).repeat(2), random.integers(0, classes, random.integers(classes, 400))]
        )
        random.shuffle(labels)
        size = int(random.integers(classes, len(labels) - classes + 1))

        kept, off = datasets._drawn_by_class(labels, size)

        theirs = train_test_split(np.arange(len(labels)), test_size=size, random_state=0, stratify=labels)
        assert [sorted(kept), sorted(off)] == [sorted(part) for part in theirs]


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 2, 2], [1, 1, 1]])
def test_stratified_needs_two_images_of_two_classes(labels: list[int]) -> None:
    whole = Split(random_images(len(labels)), np.array(labels, np.int64))

    with pytest.raises(TrainError, match="at least 2 training images"):
        stratified(whole, 1 / 12)


def test_training_data_never_looks_at_the_test_images(digits_whole: Split) -> None:
    asked: list[bool] = []

    def read(train: bool) -> Split:
        asked.append(train)
        return digits_whole

    found = training_data(Source("watched", tuple("0123456789"), read))

    assert asked == [True]
    assert keys(found.training) + keys(found.validation) == keys(digits_whole)
    assert len(found.validation) == round(len(digits_whole) / 12)
    assert found.mean == round(float(np.mean(digits_whole.images / 255)), 4)
    assert found.std == round(float(np.std(digits_whole.images / 255)), 4)
