import gzip
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from command import mnistx
from mnistx_train.datasets import source, training_data
from mnistx_train.datasets.idx import read_idx
from mnistx_train.errors import TrainError
from sets import idx_bytes, random_images, write_idx_folder


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
    assert (found.spec.shape, found.spec.preprocess) == ((1, 28, 28), "mnist-digit")
    for train in (True, False):
        split = found.read(train)
        assert np.array_equal(split.images, random_images(12, seed=0 if train else 1)[:, None])
        assert split.labels.dtype == np.int64
        assert split.labels.tolist() == [0, 1, 2] * 4


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        pytest.param(np.zeros((4, 7, 28), np.uint8), np.zeros(4, np.uint8), id="7 rows"),
        pytest.param(np.zeros((4, 28, 1025), np.uint8), np.zeros(4, np.uint8), id="1025 columns"),
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

    with pytest.raises(
        TrainError, match=r"need \(N, height, width\) of 8 to 1,024 pixels and \(N,\)|can't be read as an IDX file"
    ):
        source(str(tmp_path))


@pytest.mark.parametrize("size", [(8, 8), (40, 48), (27, 28)])
def test_images_of_another_size_than_mnists_have_no_preprocess(tmp_path: Path, size: tuple[int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, *size), np.uint8)
    for prefix in ("train", "t10k"):
        (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(6, dtype=np.uint8) % 2))

    found = source(str(tmp_path))

    assert (found.spec.shape, found.spec.preprocess) == ((1, *size), "none")
    assert np.array_equal(found.read(True).images, images[:, None])
    assert training_data(found).spec.shape == (1, *size)


def test_test_images_of_another_size_are_refused_before_training(tmp_path: Path) -> None:
    write_idx_folder(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros((12, 27, 28), np.uint8)))

    with pytest.raises(TrainError, match=r"training images of shape \(1, 28, 28\), and test images of \(1, 27, 28\)"):
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

    found = source(str(tmp_path))
    assert (found.names, dict(found.spec.parameters)) == (names, {"reject": False})


@pytest.mark.parametrize("text", ["", "alpha\nbeta\n", "alpha\n\nbeta\n\n"])
def test_idx_folder_with_too_few_names_is_refused(tmp_path: Path, text: str) -> None:
    write_idx_folder(tmp_path)
    (tmp_path / "names.txt").write_text(text)

    with pytest.raises(TrainError, match=r"names\.txt names [02] classes, the labels need 3"):
        source(str(tmp_path))


def write_labels(folder: Path, train: list[int], test: list[int]) -> Path:
    """An IDX folder of noise with these labels."""
    write_idx_folder(folder)
    for prefix, labels in (("train", train), ("t10k", test)):
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx_bytes(random_images(len(labels))))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx_bytes(np.array(labels, np.uint8)))
    return folder


def test_a_corrupt_gzip_file_is_told(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(idx_bytes(random_images(7))))
    data[10:60] = bytes(byte ^ 0xFF for byte in data[10:60])
    (tmp_path / "x-ubyte.gz").write_bytes(data)
    with pytest.raises(TrainError, match="can't be read as an IDX file"):
        read_idx(tmp_path / "x-ubyte.gz")


def test_names_that_are_not_utf8_are_told(tmp_path: Path) -> None:
    write_labels(tmp_path, [0, 1] * 4, [0, 1])
    (tmp_path / "names.txt").write_bytes(b"\xff\nb\n")
    with pytest.raises(TrainError, match="UTF-8"):
        source(str(tmp_path))


def test_a_label_that_only_the_test_images_have_is_a_class_without_training_images(tmp_path: Path) -> None:
    folder = write_labels(tmp_path / "d", [0, 1] * 4, [0, 1, 2])
    assert source(str(folder)).names == ("0", "1", "2")
    (folder / "names.txt").write_text("a\nb\n")
    found = mnistx("data", "stats", "--dataset", folder)
    assert found.exit_code == 2 and "names 2 classes, the labels need 3" in found.stderr


@pytest.mark.parametrize("zipped", [False, True])
def test_what_a_file_declares_takes_no_memory_before_it_is_seen_to_hold_it(tmp_path: Path, zipped: bool) -> None:
    data = b"\0\0\x08\x03" + struct.pack(">3I", 60_000, 28, 28) + bytes(100)
    path = tmp_path / f"some-ubyte{'.gz' * zipped}"
    path.write_bytes(gzip.compress(data) if zipped else data)

    tracemalloc.start()
    with pytest.raises(TrainError, match=r"it declares 47,040,000 bytes; [\d,]+ is the most that it can hold"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_a_gzipped_file_is_read_no_further_than_it_declares(tmp_path: Path) -> None:
    path = tmp_path / "some-ubyte.gz"
    path.write_bytes(gzip.compress(idx_bytes(random_images(4)) + bytes(100_000_000)))

    tracemalloc.start()
    with pytest.raises(TrainError, match=r"it declares 3,136 bytes, and holds more"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def write_emnist(folder: Path, split: str, labels: list[int]) -> list[NDArray[np.uint8]]:
    """Files as EMNIST has them, of bars that lie; the images as people see them."""
    folder.mkdir(exist_ok=True)
    seen = []
    for part in ("train", "test"):
        images = np.zeros((len(labels), 28, 28), np.uint8)
        for at, image in enumerate(images):
            image[14 + at % 4, 4:24] = 100 + at
        seen.append(images)
        for kind, array in (("images-idx3", images.swapaxes(1, 2).copy()), ("labels-idx1", np.array(labels, np.uint8))):
            (folder / f"emnist-{split}-{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(idx_bytes(array)))
    return seen


def test_emnist_is_turned_upright_and_that_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    training, test = write_emnist(tmp_path, "digits", [0, 1] * 4)

    found = source(str(tmp_path))

    assert found.names == ("0", "1")
    assert np.array_equal(found.read(True).images[:, 0], training)
    assert np.array_equal(found.read(False).images[:, 0], test)
    assert [message for message in caplog.messages if "turned upright" in message] == caplog.messages[:1]


def test_labels_from_1_are_named_by_emnists_mapping_or_by_their_numbers(tmp_path: Path) -> None:
    write_emnist(tmp_path, "letters", [1, 2, 3, 3, 2, 1])
    found = source(str(tmp_path))
    assert (found.names, found.read(True).labels.tolist()) == (("1", "2", "3"), [0, 1, 2, 2, 1, 0])

    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65 97\n2 66 98\n3 67 99\n")
    found = source(str(tmp_path))
    assert (found.names, found.read(True).labels.tolist()) == (("Aa", "Bb", "Cc"), [0, 1, 2, 2, 1, 0])

    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65 97\n2 66 98\n")
    with pytest.raises(TrainError, match=r"emnist-letters-mapping\.txt has no line for label 3"):
        source(str(tmp_path))


def test_of_several_sets_in_a_folder_one_is_named_by_its_training_images(tmp_path: Path) -> None:
    write_emnist(tmp_path, "letters", [1, 2] * 3)
    write_emnist(tmp_path, "digits", [0, 1] * 3)

    with pytest.raises(TrainError, match=r"holds 2 data sets; name one .*emnist-digits-train-images-\S+, emnist-l"):
        source(str(tmp_path))
    assert source(str(tmp_path / "emnist-letters-train-images-idx3-ubyte.gz")).names == ("1", "2")


def test_the_file_of_the_training_images_names_mnists_like_sets_too(tmp_path: Path) -> None:
    write_idx_folder(tmp_path)

    assert len(source(str(tmp_path / "train-images-idx3-ubyte")).read(True)) == 12
