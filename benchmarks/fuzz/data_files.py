"""Files of images to train on: IDX, gzipped or not, CSV and npz."""

import gzip
import io
from functools import partial

import numpy as np

from fuzz.target import Target, folder_of
from mnistx_runtime.errors import MnistxError
from mnistx_train.datasets import source


def _read(name: str, data: bytes) -> None:
    files = {name: data}
    if "idx" in name:
        labels = _idx(np.arange(4, dtype=np.uint8) % 2)
        files[name.replace("images", "labels").replace("idx3", "idx1")] = (
            gzip.compress(labels) if ".gz" in name else labels
        )
    with folder_of(files) as folder:
        for train in (True, False):
            try:
                split = source(str(folder / name)).read(train)
                assert split.images.dtype == np.uint8 and len(split.images) == len(split.labels)
            except MnistxError as error:
                assert "\n" not in str(error), str(error)


def _images() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (4, 8, 8), np.uint8)


def _idx(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def _csv() -> list[bytes]:
    rows = np.column_stack([np.arange(4) % 2, _images().reshape(4, -1)])
    lines = "\n".join(",".join(map(str, row)) for row in rows.tolist()).encode()
    heading = ",".join(["label", *(f"pixel{at}" for at in range(64))]).encode()
    return [heading + b"\n" + lines, lines + b"\n", heading.replace(b"label", b"x") + b"\n" + lines]


def _npz() -> list[bytes]:
    found = []
    images, labels = _images(), np.arange(4) % 2
    for pack in (np.savez, np.savez_compressed):
        for arrays in (
            {"images": images, "labels": labels},
            {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels},
            {"images": np.stack([images] * 3, 3), "labels": labels[:, None].astype(np.uint8)},
        ):
            file = io.BytesIO()
            pack(file, **arrays)
            found.append(file.getvalue())
    return found


IDX = Target(lambda: [_idx(_images())], partial(_read, "train-images-idx3-ubyte"))
IDX_GZ = Target(lambda: [gzip.compress(_idx(_images()), mtime=0)], partial(_read, "train-images-idx3-ubyte.gz"))
CSV = Target(_csv, partial(_read, "train.csv"))
NPZ = Target(_npz, partial(_read, "a.npz"))
