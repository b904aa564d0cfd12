"""The 1,797 digits that scikit-learn carries: no download, no network."""

from pathlib import Path

import numpy as np
from PIL import Image

from mnistx_train.datasets.base import DIGITS, Source, Split, digit_spec
from mnistx_train.datasets.split import split_off_test

TEST_SHARE = 1 / 6  # as in MNIST, 10,000 of 70,000, about


def digits(data_dir: Path | None, download: bool) -> Source:  # noqa: ARG001
    """Handwritten digits of 8x8 pixels (Alpaydin, Kaynak, UCI 1998), scaled into MNIST's 20x20 box."""
    return Source("digits", DIGITS, split_off_test(_read, TEST_SHARE), digit_spec(DIGITS))


def _read() -> Split:
    from sklearn.datasets import load_digits

    found = load_digits()
    images = np.zeros((len(found.images), 28, 28), np.uint8)
    for image, small in zip(images, found.images, strict=True):
        grey = Image.fromarray(np.round(small * (255 / 16)).astype(np.uint8))
        image[4:24, 4:24] = np.asarray(grey.resize((20, 20), Image.Resampling.BICUBIC))
    return Split(images[:, None], found.target.astype(np.int64))
