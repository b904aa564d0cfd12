import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistx_train.datasets import source
from mnistx_train.datasets.npz_file import read_arrays, read_part
from mnistx_train.errors import TrainError
from sets import random_images

LABELS = (np.arange(12) % 3).astype(np.uint8)


def write(folder: Path, **arrays: NDArray[Any]) -> Path:
    np.savez_compressed(folder / "a.npz", **arrays)  # type: ignore[arg-type]
    return folder / "a.npz"


@pytest.mark.parametrize(
    "names", ["x_train y_train x_test y_test", "train_images train_labels test_images test_labels"]
)
def test_kerass_and_medmnists_arrays_are_read(tmp_path: Path, names: str) -> None:
    values = random_images(12), LABELS, random_images(6, seed=1), LABELS[:6, None]
    path = write(tmp_path, val_images=random_images(3), **dict(zip(names.split(), values, strict=True)))

    found = source(str(path))

    assert (found.name, found.names, found.spec.preprocess) == ("./a.npz", ("0", "1", "2"), "mnist-digit")
    assert np.array_equal(found.read(True).images[:, 0], values[0])
    assert np.array_equal(found.read(False).images[:, 0], values[2])
    assert found.read(False).labels.tolist() == [0, 1, 2] * 2


def test_images_and_labels_alone_are_split(tmp_path: Path) -> None:
    found = source(str(write(tmp_path, images=random_images(12), labels=LABELS)))

    assert (len(found.read(True)), len(found.read(False))) == (9, 3)


@pytest.mark.parametrize(
    ("shape", "back"),
    [((40, 48, 3), (0, 2, 3, 1)), ((3, 40, 48), (0, 1, 2, 3)), ((40, 48, 1), (0, 2, 3, 1)), ((40, 48), (0, 2, 3, 1))],
)
def test_images_of_any_size_and_colour_are_read(tmp_path: Path, shape: tuple[int, ...], back: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (12, *shape), np.uint8)

    found = source(str(write(tmp_path, images=images, labels=LABELS)))

    assert found.spec.shape == (3 if 3 in shape else 1, 40, 48)
    pixels = read_part(tmp_path / "a.npz", True).images
    assert np.array_equal(pixels.transpose(back).reshape(images.shape), images)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"images": random_images(3) / 255, "labels": LABELS[:3]}, "images must be uint8 of 0 to 255, .* not float64"),
        ({"images": random_images(3).reshape(3, -1), "labels": LABELS[:3]}, r"not uint8 \(3, 784\)"),
        ({"images": random_images(3)[:, :5], "labels": LABELS[:3]}, "8 to 1,024 pixels a side"),
        ({"images": random_images(3)[:0], "labels": LABELS[:0]}, "images must be uint8"),
        ({"images": random_images(3), "labels": LABELS[:2]}, r"labels must be whole numbers \(3,\), not uint8 \(2,\)"),
        ({"images": random_images(3), "labels": LABELS[:3] / 2}, "labels must be whole numbers"),
        ({"arr_0": random_images(3)}, "holds arr_0; images and labels must be called"),
        ({"x_train": random_images(3), "y_train": LABELS[:3]}, "holds x_train, y_train; images and labels must be"),
    ],
)
def test_arrays_of_something_else_are_told(tmp_path: Path, arrays: dict[str, NDArray[Any]], says: str) -> None:
    with pytest.raises(TrainError, match=says):
        source(str(write(tmp_path, **arrays)))


def test_python_objects_are_never_read(tmp_path: Path) -> None:
    path = write(tmp_path, images=random_images(3), labels=np.array([0, "a", None], object))

    with pytest.raises(TrainError, match="labels holds Python objects, no numbers"):
        source(str(path))


def test_what_an_array_declares_takes_no_memory_before_it_is_seen_to_hold_it(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**12, 28, 28)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        for name in ("images", "labels"):
            file.writestr(f"{name}.npy", header.getvalue() + bytes(100))

    with pytest.raises(TrainError, match="images declares 784,000,000,000,000 bytes, and holds 100"):
        source(str(tmp_path / "a.npz"))


def test_damaged_files_are_told(tmp_path: Path) -> None:
    path = write(tmp_path, images=random_images(12), labels=LABELS)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in rng.integers(0, len(data), 150):
        path.write_bytes(data[:at])
        with pytest.raises(TrainError, match=r"a\.npz (is no \.npz file|holds)"):
            source(str(path))
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        try:
            read_arrays(path, ("images", "labels"))
        except TrainError as error:
            assert "\n" not in str(error)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="no such file"):
        read_part(tmp_path / "a.npz", True)
