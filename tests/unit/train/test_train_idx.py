import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistx_train.datasets import source
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
