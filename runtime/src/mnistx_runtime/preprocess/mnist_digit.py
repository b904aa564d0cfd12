"""Makes of any picture of one digit the image that MNIST would have made of it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistx_runtime.errors import BadInput, PredictionRefused
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.preprocess import Box, Prepared
from mnistx_runtime.preprocess.components import Components
from mnistx_runtime.preprocess.ink import average_down, ink_of, quantile, turn_upright
from mnistx_runtime.preprocess.lattice import compete_as_one, prepare_parts
from mnistx_runtime.preprocess.mnist_image import SIDE
from mnistx_runtime.preprocess.pen import Pen, pen_of
from mnistx_runtime.preprocess.segmentation import MIN_CONTRAST, Patch, Segmentation, segment
from mnistx_runtime.preprocess.several import SEVERAL, WIDEST, are_several

_ENOUGH = 120  # working pixels of a digit; a smaller one in a large picture is looked at again, closer


class MnistDigit:
    """Reads the digit in a picture, of any size, on any paper; or all of its digits.

    Args:
        spec: of the model's input: 1 channel, 28x28. Its parameter `reject` (true without it) turns down what no digit
            looks like; false for models of other things that are written with a pen.

    Raises:
        BadInput: the spec is of another shape, or a parameter is unknown.
    """

    version = 3
    draft = 1024

    def __init__(self, spec: InputSpec) -> None:
        """Check the spec; see the class."""
        if spec.shape != (1, SIDE, SIDE):
            raise BadInput(f"preprocess 'mnist-digit' makes 1 channel of {SIDE}x{SIDE}, not {spec.shape}")
        unknown = [name for name in spec.parameters if name != "reject"]
        reject = spec.parameters.get("reject", True)
        if unknown or not isinstance(reject, bool):
            raise BadInput(f"preprocess 'mnist-digit' takes 'reject', true or false, not {dict(spec.parameters)}")
        self._reject = reject

    def prepare(self, picture: Image.Image) -> Prepared:
        """See `prepare_digit`."""
        return self._judge(prepare_digit(picture))

    def prepare_many(self, picture: Image.Image) -> list[list[Prepared]]:
        """See `prepare_digits`."""
        from mnistx_runtime.preprocess.multi_digit import prepare_digits

        return [[self._judge(digit) for digit in line] for line in prepare_digits(picture)]

    def _judge(self, digit: Prepared) -> Prepared:
        if self._reject:
            return digit
        others = tuple(self._judge(other) for other in digit.alternatives)
        return digit._replace(rejection_reason=None, alternatives=others)


def image_from_picture(picture: Image.Image) -> NDArray[np.uint8]:
    """The 28x28 image of the digit in a picture.

    Args:
        picture: any mode and size, ink darker or lighter than its ground.

    Returns:
        uint8 `(28, 28)`, 0..255, bright ink on black. A 28x28 grey picture on a dark ground, as MNIST's are, comes
        back unchanged.

    Raises:
        BadInput: it is no picture.
        PredictionRefused: there's no ink on it, or more than one digit.

    >>> page = Image.new("L", (200, 300), 255)
    >>> page.paste(0, (90, 50, 110, 250))
    >>> image = image_from_picture(page)
    >>> image.shape, int(image[14, 14]), int(image[14, 2])
    ((28, 28), 255, 0)
    """
    if not isinstance(picture, Image.Image):
        raise BadInput(f"a picture must be a PIL image, not {type(picture).__name__}; `open_picture` makes one")
    image: NDArray[np.uint8] = prepare_digit(picture).image[0]
    return image


def prepare_digit(picture: Image.Image) -> Prepared:
    """What `image_from_picture` does, with the steps on the way; takes and raises the same."""
    picture = turn_upright(picture)
    if picture.size == (SIDE, SIDE):
        grey = np.array(picture.convert("L"))
        if _is_mnists(grey):
            return Prepared(picture, (0, 0, SIDE, SIDE), grey[None], (grey / 255).astype(np.float32))
    look = _look(picture)
    if look.factor > 1 and max(look.digit.mask.shape) < _ENOUGH:
        x, y, right, bottom = look.surroundings(picture.size)
        look = _look(picture.crop((x, y, right, bottom)), look.pen, x, y)
    first, *others = look.prepare(picture)
    if first.rejection_reason:
        others = [
            each._replace(rejection_reason=first.rejection_reason, rejected_below=first.rejected_below)
            for each in others
        ]
    return first._replace(alternatives=tuple(others))


class _Look(NamedTuple):
    """A look at a picture, or at a part of it.

    Args:
        found: the ink.
        digit: the digit in it.
        pen: what ink is.
        factor: the picture's pixels to one of the ink's, along a side.
        x: of the part's left edge in the picture.
        y: of its upper edge.
    """

    found: Segmentation
    digit: Patch
    pen: Pen
    factor: int
    x: int
    y: int

    def prepare(self, picture: Image.Image) -> list[Prepared]:
        """The images of what the digit may be: of all its ink first."""
        parts = compete_as_one(self.digit, self.found.ink.shape)
        prepared = prepare_parts(picture, self.found, parts, self.digit.mask.shape[0], self.factor)
        return [each._replace(box=self._move(each.box)) for each in prepared]

    def _move(self, box: Box) -> Box:
        """A box in this part of the picture, in the whole of it."""
        left, top, right, bottom = box
        return self.x + left, self.y + top, self.x + right, self.y + bottom

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the digit in the picture's pixels."""
        height, width = (side * self.factor for side in self.digit.mask.shape)
        x, y = self.x + self.digit.left * self.factor, self.y + self.digit.top * self.factor
        return x, y, x + width, y + height

    def surroundings(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """The box with paper around it, inside a picture of this size."""
        left, top, right, bottom = self.box
        margin = max(bottom - top, right - left) * 0.6
        return (
            round(max(0, left - margin)),
            round(max(0, top - margin)),
            min(size[0], round(right + margin)),
            min(size[1], round(bottom + margin)),
        )


def _look(picture: Image.Image, pen: Pen | None = None, x: int = 0, y: int = 0) -> _Look:
    """Find the digit's ink.

    Raises:
        PredictionRefused: there's none, or more than one digit.
    """
    small, factor = average_down(picture)
    pen = pen or pen_of(small)
    found = segment(ink_of(small, pen))
    if found.is_empty:
        raise PredictionRefused("no ink found: nothing stands out from the ground")
    if are_several(found.pieces.boxes, found.weight):
        raise PredictionRefused(SEVERAL)
    digit = found.patch(_pieces_of_digit(found.pieces, found.weight))
    if digit.mask.shape[1] > WIDEST * digit.mask.shape[0]:
        raise PredictionRefused(SEVERAL)
    return _Look(found, digit, pen, factor, x, y)


def _is_mnists(grey: NDArray[np.uint8]) -> bool:
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return quantile(border, 0.5) < 64 and int(grey.max()) - int(grey.min()) >= MIN_CONTRAST


def _pieces_of_digit(pieces: Components, weight: NDArray[np.float64]) -> list[int]:
    """The pieces that are the digit: the heaviest, and those near it that are no specks."""
    main = int(weight.argmax())
    kept, others = [main], [int(i) for i in np.flatnonzero(weight >= 0.03 * weight[main]) if i != main]
    top, left, bottom, right = pieces.boxes[main]
    while True:
        reach = 0.25 * max(bottom - top, right - left)
        boxes = {i: pieces.boxes[i] for i in others if i not in kept}
        near = [i for i, b in boxes.items() if max(b[0] - bottom, top - b[2], b[1] - right, left - b[3]) <= reach]
        if not near:
            return kept
        kept += near
        top, left = pieces.boxes[kept, :2].min(0)
        bottom, right = pieces.boxes[kept, 2:].max(0)
