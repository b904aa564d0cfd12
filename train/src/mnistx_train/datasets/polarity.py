"""Whether images are of bright ink on dark, as the digit reader makes them of every picture, or the other way round."""

import logging
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mnistx_train.datasets.base import Source, Split

_log = logging.getLogger(__name__)

_CONTRAST = 1.5  # how many times as far from the darkest pixel as from the brightest, or the other way round
_NEARLY_ALL, _HARDLY_ANY = 0.9, 0.1  # shares of the images


def grounds(images: NDArray[np.uint8]) -> tuple[float, float]:
    """The shares of images whose ground is light, and whose ground is dark; of noise it is neither.

    The ground is the median of the pixels along the edges, which little ink reaches.

    Args:
        images: uint8 `(N, channels, height, width)`.

    >>> page = np.full((1, 1, 8, 8), 200, np.uint8)
    >>> page[:, :, 3:5, 2:6] = 30
    >>> grounds(page), grounds(255 - page)
    ((1.0, 0.0), (0.0, 1.0))
    """
    count = len(images)
    edges = [images[:, :, 0], images[:, :, -1], images[:, :, 1:-1, 0], images[:, :, 1:-1, -1]]
    ground = np.median(np.concatenate(edges, axis=2).reshape(count, -1), axis=1)
    pixels = images.reshape(count, -1)
    above_dark, below_bright = ground - pixels.min(1), pixels.max(1) - ground
    light, dark = above_dark > _CONTRAST * below_bright, below_bright > _CONTRAST * above_dark
    return float(light.mean()), float(dark.mean())


def bright_on_dark(origin: Source) -> Callable[[bool], Split]:
    """A `Source.read` that inverts the images of a part whose ground is light, and says so.

    A model that learned them as they are would answer at random: its reader makes bright ink on dark of every picture.
    Images of which some have a light ground and some a dark one are left as they are, and that is said.
    """

    def read(train: bool) -> Split:
        part = origin.read(train)
        light, dark = grounds(part.images)
        what = f"{origin.name}: {'training' if train else 'test'} images"
        if light >= _NEARLY_ALL:
            _log.warning("%s are of dark ink on a light ground; inverted, as pictures will be", what)
            return Split(255 - part.images, part.labels)
        if min(light, dark) > _HARDLY_ANY:
            _log.warning(
                "%s: %.0f%% have a light ground, %.0f%% a dark one; make them alike", what, 100 * light, 100 * dark
            )
        return part

    return read
