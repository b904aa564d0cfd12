"""From a picture to the image that a model reads: what each entry of the table in `input_spec` fulfils."""

from math import inf
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mnistx_runtime.errors import BadInput
from mnistx_runtime.input_spec import PREPROCESSES, InputSpec
from mnistx_runtime.registry import look_up

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

Box = tuple[int, int, int, int]


class Prepared(NamedTuple):
    """A picture on its way to the model.

    Args:
        picture: as a person sees it, grey or RGB.
        box: left, top, right, bottom in it, in pixels, of what the image was made of.
        image: uint8 `(channels, height, width)`: what the model reads.
        ink: of the digit reader alone: the ink that was found inside the box, `(height, width)`, 0..1.
        rejection_reason: why what was found can't be an object of any class; None if it may be one.
        rejected_below: the probability from which on the answer is given in spite of that reason.
        span: the places on its line that it takes, from the first to past the last: where the ink can be cut in several
            ways, the spans of the images overlap, and those that go on from one to the next compete with the others.
        penalty: added to the negative log of an answer's probability where images compete.
        mark: what it is instead of an object that the model knows, as a point between digits; "" where nothing is to be
            said of it; None for an object.
        alternatives: of one picture's image, others that compete with it.
    """

    picture: "Image.Image"
    box: Box
    image: "NDArray[np.uint8]"
    ink: "NDArray[np.float32] | None" = None
    rejection_reason: str | None = None
    rejected_below: float = inf
    span: tuple[int, int] = (0, 1)
    penalty: float = 0.0
    mark: str | None = None
    alternatives: "tuple[Prepared, ...]" = ()


class Preprocess(Protocol):
    """One way from pictures to images, made for one model's input.

    Attributes:
        version: of the function; it rises when its answers change.
        draft: a JPEG may be decoded at the smallest scale whose sides are at least this; None: in full.
    """

    version: int
    draft: int | None

    def __init__(self, spec: InputSpec) -> None:
        """Check the spec and its parameters.

        Raises:
            BadInput: it can't make such images, or a parameter is unknown or out of its bounds.
        """

    def prepare(self, picture: "Image.Image") -> Prepared:
        """The image of one picture, with what was found on the way.

        Raises:
            PredictionRefused: there is nothing on it to read.
        """

    def prepare_many(self, picture: "Image.Image") -> list[list[Prepared]]:
        """The images of all that is to be read in a picture, line by line.

        Raises:
            BadInput: this preprocess makes one image of a picture.
            PredictionRefused: there is nothing on it to read.
        """


def preprocess_for(spec: InputSpec) -> Preprocess:
    """The preprocess that a spec names.

    Raises:
        BadInput: it can't fulfil the spec.
    """
    found: Preprocess = look_up(PREPROCESSES, spec.preprocess, "preprocess")(spec)
    return found


def one_image_only(spec: InputSpec) -> BadInput:
    """What to tell who wants many answers of one picture."""
    return BadInput(
        f"--many reads all the digits of a picture; this model's preprocess, {spec.preprocess!r}, makes one"
    )
