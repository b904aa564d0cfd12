"""MNIST, Fashion-MNIST and KMNIST where torchvision puts them: ROOT/MNIST/raw and so on."""

import logging
import os
from pathlib import Path

from mnistx_runtime.system.files import user_cache
from mnistx_train.datasets.base import DIGITS, Source, digit_spec
from mnistx_train.datasets.idx import is_whole, read_split
from mnistx_train.errors import NotAtHand
from mnistx_train.torches import torchvision

_log = logging.getLogger(__name__)

GARMENTS = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


def mnist(data_dir: Path | None, download: bool) -> Source:
    """Handwritten digits: LeCun, Cortes, Burges."""
    return _published("mnist", "MNIST", DIGITS, data_dir, download)


def fashion_mnist(data_dir: Path | None, download: bool) -> Source:
    """Garments: Xiao, Rasul, Vollgraf, 2017."""
    return _published("fashion-mnist", "FashionMNIST", GARMENTS, data_dir, download)


def kmnist(data_dir: Path | None, download: bool) -> Source:
    """Cursive Japanese characters: Clanuwat and others, 2018."""
    return _published("kmnist", "KMNIST", KUZUSHIJI, data_dir, download)


def cache_folder() -> Path:
    """Where downloads go: XDG_CACHE_HOME/mnistx, else ~/.cache/mnistx.

    Raises:
        NotAtHand: there's neither.
    """
    cache = user_cache()
    if cache is None:
        raise NotAtHand("there's no home folder to look for data in; set MNISTX_DATA or XDG_CACHE_HOME")
    return cache


def root(folder: str, data_dir: Path | None) -> Path | None:
    """The first of --data-dir, MNISTX_DATA and the cache folder in which the data set lies.

    Raises:
        NotAtHand: --data-dir was named and doesn't hold it.
    """
    if data_dir is not None and not is_whole(data_dir / folder / "raw"):
        raise NotAtHand(f"{data_dir} holds no {folder}/raw/train-images-idx3-ubyte and the three files beside it")
    named = os.environ.get("MNISTX_DATA")
    places = [place for place in (data_dir, Path(named) if named else None, cache_folder()) if place]
    return next((place for place in places if is_whole(place / folder / "raw")), None)


def _published(name: str, folder: str, names: tuple[str, ...], data_dir: Path | None, download: bool) -> Source:
    where = root(folder, data_dir) or _download(folder, download)
    spec = digit_spec(names)
    size = spec.height, spec.width
    return Source(name, names, lambda train: read_split(where / folder / "raw", train, size), spec)


def _download(folder: str, allowed: bool) -> Path:
    where = cache_folder()
    help_text = f"name a folder that holds {folder}/raw with --data-dir or MNISTX_DATA"
    if not allowed:
        raise NotAtHand(f"{folder} isn't at hand; {help_text}")
    _log.warning("downloading %s to %s", folder, where)  # shown without any set-up: nobody should miss it
    try:
        getattr(torchvision().datasets, folder)(where, download=True)
    except (OSError, RuntimeError) as error:
        raise NotAtHand(
            f"{folder} isn't at hand and can't be downloaded ({error}); {help_text}, or use --dataset digits, "
            "which needs no download"
        ) from error
    return where
