"""What every data set is made of: images with labels, where they come from, and the part that training may look at."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.metadata import check_names
from mnistx_runtime.input_spec import InputSpec
from mnistx_train.errors import TrainError

DIGITS = tuple("0123456789")
"""The class names of images in which a label is a digit."""


@dataclass(frozen=True, eq=False)
class Split:
    """Images and what they show.

    Args:
        images: uint8 `(N, channels, height, width)`, RGB where there are three channels.
        labels: int64 `(N,)`, indices of class names.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """How many images."""
        return len(self.images)

    def at(self, indices: NDArray[np.int64]) -> "Split":
        """The images at these indices."""
        return Split(self.images[indices], self.labels[indices])


@dataclass(frozen=True)
class Source:
    """A data set that has not been read yet.

    Args:
        name: what it is called in metadata and reports.
        names: the class names, 2 to 1,000 different ones.
        read: reads the training images (True) or the test images (False).
        spec: of its images; mean 0 and std 1, as `training_data` measures them.

    Raises:
        TrainError: there are too few or too many classes, or two of one name.
    """

    name: str
    names: tuple[str, ...]
    read: Callable[[bool], Split]
    spec: InputSpec

    def __post_init__(self) -> None:
        """Check the class names: a checkpoint with others wouldn't be read again."""
        try:
            check_names(self.names)
        except ValueError as error:
            raise TrainError(f"{self.name}: {error}") from error


@dataclass(frozen=True)
class TrainingData:
    """What training may look at. The test images are not here, so that no choice can be made from them.

    Args:
        training: the images to learn from.
        validation: the images to choose by.
        spec: of the images; mean and std are those of the pixels of both, a channel, rounded to four digits.
        names: the class names.
    """

    training: Split
    validation: Split
    spec: InputSpec
    names: tuple[str, ...]


def digit_spec(names: tuple[str, ...]) -> InputSpec:
    """The spec of 28x28 images made as MNIST's are, whose mean and std nobody measured yet.

    Args:
        names: the class names; a picture that looks like no digit is turned down where all of them are digits.

    >>> digit_spec(("0", "1")).parameters == {}, dict(digit_spec(("cat", "dog")).parameters)
    (True, {'reject': False})
    """
    parameters = {} if {*names} <= {*DIGITS} else {"reject": False}
    return InputSpec(
        channels=1, height=28, width=28, mean=(0.0,), std=(1.0,), preprocess="mnist-digit", parameters=parameters
    )


def picture_spec(height: int | None = None, width: int | None = None, channels: int | None = None) -> InputSpec | None:
    """The spec of pictures that are resized, whose mean and std nobody measured yet; None where nothing was asked for.

    Args:
        height: in pixels, 28 where it is None.
        width: likewise.
        channels: 1, grey, or 3, RGB; 3 where it is None.

    >>> spec = picture_spec(40, 48)
    >>> spec.shape, spec.preprocess
    ((3, 40, 48), 'resize')
    """
    if height is width is channels is None:
        return None
    channels = channels or 3
    return InputSpec(
        channels=channels,
        height=height or 28,
        width=width or 28,
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        preprocess="resize",
        parameters={"mode": "exact"},
    )


def format_shape(shape: tuple[int, int, int]) -> str:
    """Channels, height and width in words.

    >>> format_shape((3, 40, 48))
    '40x48 in colour'
    """
    channels, height, width = shape
    return f"{height}x{width} in {'grey' if channels == 1 else 'colour'}"


def folder_name(folder: Path) -> str:
    """What a user's own folder is called in metadata: never like a published set."""
    return f"./{folder.resolve().name}"
