"""Data sets that can't be learned from."""

import gzip
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from bad.case import Case, both, empty, half, pipe, write
from bad.pictures import drawn, one

_TRAIN = "mnistx train --epochs 1 --device cpu --out run --dataset "


def idx(array: np.ndarray, declared: tuple[int, ...] | None = None) -> bytes:
    """An IDX file, which may declare more than it holds."""
    shape = declared or array.shape
    return bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes() + array.tobytes()


_IMAGES = np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8)
_LABELS = (np.arange(40) % 2).astype(np.uint8)


def _folder(images: bytes, labels: bytes, ending: str = "") -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / "in").mkdir()
        for part, data in (("images-idx3", images), ("labels-idx1", labels)):
            (folder / f"in/train-{part}-ubyte{ending}").write_bytes(data)

    return make


def _without_labels(folder: Path) -> None:
    _folder(idx(_IMAGES), b"")(folder)
    (folder / "in/train-labels-idx1-ubyte").unlink()


def _npz(**arrays: np.ndarray) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        file = io.BytesIO()
        np.savez(file, allow_pickle=True, **arrays)
        (folder / "d.npz").write_bytes(file.getvalue())

    return make


def _classes(*names: str | bytes, picture: bytes | None = None, count: int = 3) -> Callable[[Path], object]:
    """A folder of pictures, one subfolder a class."""

    def make(folder: Path) -> None:
        for name in names:
            place = folder / "in" / (name if isinstance(name, str) else name.decode(errors="surrogateescape"))
            place.mkdir(parents=True)
            for at in range(count):
                (place / f"{at}.png").write_bytes(picture or drawn(partial(one, left=30 + at)))

    return make


def _csv(text: str) -> Callable[[Path], object]:
    return write("d.csv", text)


_PACKED_LABELS = gzip.compress(idx(_LABELS))
_HEAD = ",".join(["label", *(f"p{at}" for at in range(64))]) + "\n"
_ROW = ",".join(["1", *["9"] * 64]) + "\n"

CASES = (
    Case("a pipe as a CSV", f"{_TRAIN}d.csv", pipe("d.csv")),
    Case("a pipe as an .npz", f"{_TRAIN}d.npz", pipe("d.npz")),
    Case("a set that isn't known", f"{_TRAIN}minst"),
    Case("a set that isn't at hand", "mnistx train --dataset mnist --data-dir in --out run", empty("in")),
    Case("an archive that isn't unpacked", f"{_TRAIN}d.zip", write("d.zip", "PK")),
    Case("an empty folder", f"{_TRAIN}in", empty("in")),
    Case(
        "IDX without labels",
        f"{_TRAIN}in",
        _without_labels,
    ),
    Case("half an IDX file", f"{_TRAIN}in", _folder(half(idx(_IMAGES)), idx(_LABELS))),
    Case("IDX that declares 4 TB", f"{_TRAIN}in", _folder(idx(_IMAGES, (2**32 - 1, 28, 28)), idx(_LABELS))),
    Case("fewer labels than images", f"{_TRAIN}in", _folder(idx(_IMAGES), idx(_LABELS[:9]))),
    Case(
        "gzip that ends in the middle",
        f"{_TRAIN}in",
        _folder(half(gzip.compress(idx(_IMAGES))), _PACKED_LABELS, ".gz"),
    ),
    Case(
        "gzip that unpacks to 6 GB",
        f"{_TRAIN}in",
        _folder(gzip.compress(idx(_IMAGES, (7_000_000, 28, 28))), _PACKED_LABELS, ".gz"),
    ),
    Case("images of one brightness", f"{_TRAIN}d.npz", _npz(images=_IMAGES * 0, labels=_LABELS)),
    Case("one class", f"{_TRAIN}d.npz", _npz(images=_IMAGES, labels=_LABELS * 0)),
    Case("two images", f"{_TRAIN}d.npz", _npz(images=_IMAGES[:2], labels=_LABELS[:2])),
    Case("images of floats", f"{_TRAIN}d.npz", _npz(images=_IMAGES / 255, labels=_LABELS)),
    Case("labels below 0", f"{_TRAIN}d.npz", _npz(images=_IMAGES, labels=_LABELS.astype(int) - 1)),
    Case("Python objects in an .npz", f"{_TRAIN}d.npz", _npz(images=np.array([{}] * 40, object), labels=_LABELS)),
    Case("arrays of other names", f"{_TRAIN}d.npz", _npz(a=_IMAGES, b=_LABELS)),
    Case("half an .npz", f"{_TRAIN}d.npz", lambda f: (f / "d.npz").write_bytes(half((f / "good/d.npz").read_bytes()))),
    Case("a CSV without labels", f"{_TRAIN}d.csv", _csv(_HEAD.replace("label", "id") + _ROW)),
    Case("a CSV with a word in it", f"{_TRAIN}d.csv", _csv(_HEAD + _ROW * 9 + _ROW.replace("9,9", "9,x", 1))),
    Case("a CSV with a line too short", f"{_TRAIN}d.csv", _csv(_HEAD + _ROW * 9 + "1,2\n")),
    Case("a CSV with a brightness of 300", f"{_TRAIN}d.csv", _csv(_HEAD + _ROW.replace("9", "300", 1))),
    Case("a CSV of no squares", f"{_TRAIN}d.csv", _csv("label,a,b\n1,2,3\n")),
    Case("a CSV that is no text", f"{_TRAIN}d.csv", write("d.csv", b"\xff\xfe" * 99)),
    Case("one folder of pictures", f"{_TRAIN}in", _classes("a")),
    Case("a class of one picture", f"{_TRAIN}in", _classes("a", "b", count=1)),
    Case("a class without pictures", f"{_TRAIN}in", both(_classes("a", "b"), empty("in/c"))),
    Case("a class whose name is no text", f"{_TRAIN}in", _classes("a", b"\xff")),
    Case("damaged pictures", f"{_TRAIN}in", _classes("a", "b", picture=b"\x89PNG\r\n\x1a\n")),
    Case("white pictures", f"{_TRAIN}in", _classes("a", "b", picture=drawn(lambda _: None))),
    Case(
        "no pictures to measure on",
        "mnistx evaluate good/m.onnx in",
        empty("in"),
    ),
    Case("classes that the model doesn't know", "mnistx evaluate good/m.onnx in", _classes("cat", "dog")),
    Case("a size of one pixel", f"{_TRAIN}in --size 1", _classes("a", "b")),
    Case("another size than the images have", f"{_TRAIN}good/d.npz --size 32"),
    Case("a recipe that isn't known", f"{_TRAIN}digits --recipe fats"),
    Case("no batch", f"{_TRAIN}digits --batch-size 0"),
    Case("a learning rate that is no number", f"{_TRAIN}digits --lr nan"),
    Case("a device that isn't here", f"{_TRAIN}digits --device cuda"),
    Case("a figure of data in no folder", "mnistx data show --dataset digits --out no/a.png"),
)
