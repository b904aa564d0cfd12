"""The input of a model: the one place that says how large an image is, of how many channels, and what makes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from mnistx_runtime.errors import BadInput
from mnistx_runtime.registry import look_up, nearest

PREPROCESSES = {
    "mnist-digit": "mnistx_runtime.preprocess.mnist_digit:MnistDigit",
    "resize": "mnistx_runtime.preprocess.resize:ResizePreprocess",
    "none": "mnistx_runtime.preprocess.none:NoPreprocess",
}
"""What makes images of pictures; see `mnistx_runtime.preprocess.Preprocess`."""

CHANNELS = (1, 3)
SIDES = range(8, 1025)  # pixels; tested from 8x8 to 224x224


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """What a model takes, and how a picture becomes it.

    Args:
        channels: 1, grey, or 3, RGB.
        height: of the image in pixels, 8 to 1,024.
        width: likewise.
        mean: of the training pixels, 0..1, one a channel; a number alone is for all channels. The artifact subtracts it
            after dividing by 255.
        std: their standard deviation, above 0, likewise; the artifact divides by it.
        preprocess: what makes the image of a picture: "resize", "mnist-digit", or "none" for images that already are
            as the model reads them.
        parameters: of the preprocess, JSON-ready; see its own class.
        preprocess_version: of the function that was in force when the model was exported; 0 for the one of today.

    Raises:
        BadInput: a value is of another type or out of its bounds.

    >>> spec = InputSpec(channels=3, height=40, width=48, mean=(0.4, 0.5, 0.6), std=0.2, preprocess="resize")
    >>> spec.shape, spec.std
    ((3, 40, 48), (0.2, 0.2, 0.2))
    """

    channels: int
    height: int
    width: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    preprocess: str = "none"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    preprocess_version: int = 0

    def __post_init__(self) -> None:
        """Check every value, and complete those that were given short."""
        if self.channels not in CHANNELS or isinstance(self.channels, bool):
            raise BadInput(f"channels must be 1 (grey) or 3 (RGB), not {self.channels!r}")
        for name in ("height", "width"):
            side = getattr(self, name)
            if not isinstance(side, int) or isinstance(side, bool) or side not in SIDES:
                raise BadInput(f"{name} must be a whole number from {SIDES[0]} to {SIDES[-1]}, not {side!r}")
        for name, low in (("mean", 0.0), ("std", 1e-6)):
            object.__setattr__(self, name, _numbers(name, getattr(self, name), self.channels, low))
        if not isinstance(self.preprocess, str) or self.preprocess not in PREPROCESSES:
            raise BadInput(f"unknown preprocess {self.preprocess!r}; {nearest(str(self.preprocess), PREPROCESSES)}")
        if not isinstance(self.parameters, Mapping):
            raise BadInput(f"the parameters of a preprocess are names and values, not {self.parameters!r}")
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        object.__setattr__(self, "preprocess_version", _check_preprocess(self))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width: an image as the model reads it, and a batch after its first dimension."""
        return self.channels, self.height, self.width

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, by the names of the fields."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return values | {"mean": list(self.mean), "std": list(self.std), "parameters": dict(self.parameters)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "InputSpec":
        """The inverse of `to_dict`.

        Raises:
            BadInput: a value is missing, unknown or out of its bounds.
        """
        if not isinstance(values, Mapping):
            raise BadInput(f"an input is a table of names and values, not {values!r}")
        known = [each.name for each in fields(cls)]
        unknown = [name for name in values if name not in known]
        if unknown:
            raise BadInput(f"an input has no {unknown[0]!r}; {nearest(str(unknown[0]), known)}")
        missing = [name for name in ("channels", "height", "width", "mean", "std") if name not in values]
        if missing:
            raise BadInput(f"the input lacks {', '.join(missing)}")
        return cls(**values)


def _check_preprocess(spec: InputSpec) -> int:
    """The version of a spec's preprocess: the one it names, else today's."""
    given: Any = spec.preprocess_version
    if not isinstance(given, int) or isinstance(given, bool) or given < 0:
        raise BadInput(f"preprocess_version must be a whole number, not {given!r}")
    version: int = look_up(PREPROCESSES, spec.preprocess, "preprocess")(spec).version
    if given > version:
        raise BadInput(
            f"made for pictures as version {given} of {spec.preprocess} gives them, this mnistx has version {version}; "
            "update mnistx-runtime"
        )
    return given or version


def _numbers(name: str, given: Any, channels: int, low: float) -> tuple[float, ...]:
    listed = list(given) if isinstance(given, tuple | list) else [given] * channels
    if len(listed) != channels:
        raise BadInput(f"{name} has {len(listed)} numbers for {channels} channels: {given!r}")
    for value in listed:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= 1:
            raise BadInput(f"{name} must be numbers from {low:g} to 1, of pixels scaled to 0..1, not {given!r}")
    return tuple(float(value) for value in listed)
