"""How many digits are read right that are written into forms: `python benchmarks/forms.py`.

MNIST's validation split is drawn into printed boxes, combs and cells, on guide lines and on cheques, each time with
another pen, line, paper and place: beside the lines, on them and across them.
"""

import sys
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from mnistx_runtime import MnistxError, Predictor
from mnistx_train.datasets import source, training_data
from mnistx_train.datasets.base import Split

PICTURES = 200
Floats = NDArray[np.float32]
Random = np.random.Generator
Digits = Callable[[], tuple[int, NDArray[np.uint8]]]


def ink_image(digit: NDArray[np.uint8], height: int, random: Random, slant: float = 0.0) -> Floats:
    """The ink of an MNIST digit, cut out, 0..1, of a height in pixels, with a pen of its own.

    Args:
        digit: uint8 `(28, 28)`, bright on black.
        height: of its ink, in pixels.
        random: draws the pen.
        slant: of the digit, as a share of its height.
    """
    large = Image.fromarray(digit).resize((224, 224), Image.Resampling.BICUBIC)
    large = large.transform((224, 224), Image.Transform.AFFINE, (1, slant, -112 * slant, 0, 1, 0))
    level = random.uniform(0.4, 0.6)
    sharp = np.clip((np.asarray(large.filter(ImageFilter.GaussianBlur(4)), np.float32) / 255 - level) * 6 + 0.5, 0, 1)
    rows, columns = (np.flatnonzero(sharp.max(axis) > 0.5) for axis in (1, 0))
    sharp = sharp[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    width = max(1, round(sharp.shape[1] * height / sharp.shape[0]))
    return np.asarray(Image.fromarray(sharp).resize((width, height), Image.Resampling.BOX))


def put(page: Floats, ink: Floats, left: int, top: int) -> None:
    """Lay ink on a page, as far as it lies on it."""
    height, width = page.shape
    y, x = max(0, top), max(0, left)
    part = ink[y - top : height - top, x - left : width - left]
    target = page[y : y + part.shape[0], x : x + part.shape[1]]
    np.maximum(target, part[: target.shape[0], : target.shape[1]], out=target)


def finish(ink: Floats, lines: Floats, random: Random, ground: Floats | None = None) -> Image.Image:
    """A scan: the lines and the ink on paper, a little turned, soft and noisy."""
    paper = random.uniform(170, 255)
    pen, print_ = random.uniform(0, 0.45) * paper, random.uniform(0, 0.6) * paper
    picture = np.full(ink.shape, paper, np.float32) if ground is None else ground * paper
    picture = picture * (1 - lines) + print_ * lines
    picture = picture * (1 - ink) + np.minimum(picture, pen) * ink
    scan = Image.fromarray(picture)
    scan = scan.rotate(float(random.normal(0, 0.7)), Image.Resampling.BILINEAR, fillcolor=float(paper))
    noisy = np.asarray(scan) + random.normal(0, random.uniform(0.5, 6), ink.shape)
    grey = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    return grey.filter(ImageFilter.GaussianBlur(float(random.uniform(0.2, 0.9))))


def box_row(count: int, digits: Digits, random: Random, empty: bool = False) -> tuple[str, Image.Image]:
    """Boxes side by side with a digit in each; with `empty`, now and then none."""
    side = int(random.integers(36, 150))
    aspect = random.uniform(0.75, 1.1)
    width, thick, margin = (
        round(side * aspect),
        int(random.integers(1, 2 + side // 25)),
        int(side * random.uniform(0.05, 0.5)),
    )
    gap = 0 if random.random() < 0.6 else round(side * random.uniform(0.1, 0.5))
    page_width = margin * 2 + count * width + (count - 1) * gap
    ink, lines = (np.zeros((side + 2 * margin, page_width + thick), np.float32) for _ in range(2))
    drawn = Image.fromarray(lines)
    draw = ImageDraw.Draw(drawn)
    style = random.choice(["box", "box", "box", "comb", "overrun"])
    text = ""
    for k in range(count):
        left = margin + k * (width + gap)
        right, top, bottom = left + width, margin, margin + side
        if style == "comb":
            top_line = bottom - side // 3 if random.random() < 0.5 else top
            for x in (left, right):
                draw.line((x, top_line, x, bottom), 1.0, thick)
            draw.line((left, bottom, right, bottom), 1.0, thick)
        else:
            draw.rectangle((left, top, right, bottom), outline=1.0, width=thick)
            if style == "overrun":
                draw.line((0, top, page_width, top), 1.0, thick)
                draw.line((0, bottom, page_width, bottom), 1.0, thick)
        if empty and random.random() < 0.2 and (text.strip("_") or k < count - 1):
            text += "_"
            continue
        label, digit = digits()
        shape = ink_image(digit, round(side * random.uniform(0.45, 0.8)), random)
        while shape.shape[1] > 0.85 * width:
            shape = (
                shape[:, : int(0.85 * width)]
                if shape.shape[0] < 8
                else np.asarray(
                    Image.fromarray(shape).resize(
                        (int(width * 0.8), max(4, int(shape.shape[0] * 0.8 * width / shape.shape[1])))
                    )
                )
            )
        where = random.random()
        x = left + round((width - shape.shape[1]) * random.uniform(0.15, 0.85))
        y = top + round((side - shape.shape[0]) * random.uniform(0.15, 0.85))
        if where < 0.15:  # on the lower line
            y = bottom - shape.shape[0] + thick
        elif where < 0.25:  # through the lower line
            y = bottom - shape.shape[0] + round(0.12 * side)
        elif where < 0.3:  # through the right line
            x = right - shape.shape[1] + round(0.06 * side)
        put(ink, shape, x, y)
        text += str(label)
    return text, finish(ink, np.asarray(drawn), random)


def single_box(digits: Digits, random: Random) -> tuple[str, Image.Image]:
    """A digit in its box."""
    return box_row(1, digits, random)


def guide_lines(digits: Digits, random: Random) -> tuple[str, Image.Image]:
    """A digit on one line from edge to edge, or between two."""
    side = int(random.integers(28, 160))
    label, digit = digits()
    shape = ink_image(digit, side, random)
    pad = max(2, round(side * random.uniform(0.08, 0.5)))
    ink = np.zeros((side + 2 * pad, shape.shape[1] + 2 * max(pad, side // 4)), np.float32)
    put(ink, shape, (ink.shape[1] - shape.shape[1]) // 2, pad)
    lines = np.zeros_like(ink)
    thick = int(random.integers(1, 2 + side // 30))
    at = [pad + side + round(side * random.uniform(-0.06, 0.06))] + ([pad // 2] if random.random() < 0.4 else [])
    for y in at:
        lines[max(0, y) : y + thick] = 1
    return str(label), finish(ink, lines, random)


def cheque_ground(shape: tuple[int, int], random: Random) -> Floats:
    """Security print: waves that cross, and dots."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    ground = np.ones(shape, np.float32)
    for _ in range(int(random.integers(1, 4))):
        angle, length, bend = random.uniform(0, np.pi), random.uniform(5, 14), random.uniform(0, 6)
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        wave = np.abs((across + bend * np.sin(along / random.uniform(6, 20))) % length - length / 2)
        ground -= random.uniform(0.05, 0.3) * np.clip(1.2 - wave, 0, 1)
    if random.random() < 0.4:
        ground -= 0.15 * (((x // 2 + y // 2) % 2) == 0)
    return np.clip(ground, 0.3, 1)


def cheque_amount(digits: Digits, random: Random) -> tuple[str, Image.Image]:
    """An amount: digits that near, touch and overlap, points and dashes, a line, security print."""
    height, count = int(random.integers(24, 40)), int(random.integers(2, 6))
    slant = random.normal(0, 0.15)
    parts, text, x = [], "", round(height * random.uniform(0.2, 0.5))
    point = count - 3 if random.random() < 0.5 else -1
    for k in range(count):
        if k == point and k > 0:
            dot = np.ones((3, 3), np.float32)
            parts.append((dot, x + 2, 0))
            x += 5 + round(height * random.uniform(0.05, 0.2))
        label, digit = digits()
        shape = ink_image(digit, round(height * random.uniform(0.8, 1.05)), random, slant)
        parts.append((shape, x, 1))
        x += shape.shape[1] + round(height * random.normal(0.12, 0.15))
        text += str(label)
    if random.random() < 0.2:
        parts.append((np.ones((3, 3), np.float32), x + 3, 0))
        x += 6
    if random.random() < 0.15:
        parts.append((np.ones((2, round(height * random.uniform(0.3, 0.6))), np.float32), x + 4, 2))
        x += height // 2
    pad = round(height * random.uniform(0.1, 0.4))
    base = pad + height
    ink = np.zeros((height + 2 * pad, x + round(height * random.uniform(0.15, 0.5))), np.float32)
    for shape, at, sort in parts:
        top = (
            base - shape.shape[0] + int(random.integers(-2, 3))
            if sort == 1
            else (base - 3 if sort == 0 else base - height // 2)
        )
        put(ink, shape, at, top)
    lines = np.zeros_like(ink)
    if random.random() < 0.6:
        at = min(base + int(random.integers(-1, 4)), len(lines) - 2)
        lines[at : at + int(random.integers(1, 3))] = 1
    return text, finish(ink, lines, random, cheque_ground(ink.shape, random))


def cheque_digit(digits: Digits, random: Random) -> tuple[str, Image.Image]:
    """One digit of such an amount, cut out with its surroundings."""
    side, pad = int(random.integers(24, 40)), int(random.integers(1, 8))
    label, digit = digits()
    shape = ink_image(digit, side, random, random.normal(0, 0.15))
    ink = np.zeros((side + 2 * pad, shape.shape[1] + 2 * pad), np.float32)
    put(ink, shape, pad, pad)
    if random.random() < 0.3:
        _, other = digits()
        put(ink, ink_image(other, side, random), ink.shape[1] - int(random.integers(1, 2 + pad // 2)), pad)
    lines = np.zeros_like(ink)
    if random.random() < 0.4:
        lines[side + pad + int(random.integers(-1, 2)) :][: int(random.integers(1, 3))] = 1
    return str(label), finish(ink, lines, random, cheque_ground(ink.shape, random))


KINDS: dict[str, tuple[bool, Callable[[Digits, Random], tuple[str, Image.Image]]]] = {
    "one digit in its box": (False, single_box),
    "one digit on guide lines": (False, guide_lines),
    "one digit cut from a cheque": (False, cheque_digit),
    "row of boxes": (True, lambda digits, random: box_row(int(random.integers(2, 9)), digits, random)),
    "row of boxes, some empty": (
        True,
        lambda digits, random: box_row(int(random.integers(3, 9)), digits, random, True),
    ),
    "amount on a cheque": (True, cheque_amount),
}


@cache
def validation() -> Split:
    """The images that MNIST's own training set leaves out, with their labels."""
    return training_data(source("mnist", download=False)).validation


def draw(kind: str, number: int) -> tuple[str, Image.Image]:
    """A text and its picture."""
    data = validation()
    random = np.random.default_rng([7, number])

    def digits() -> tuple[int, NDArray[np.uint8]]:
        chosen = int(random.integers(0, len(data)))
        return int(data.labels[chosen]), data.images[chosen, 0]

    return KINDS[kind][1](digits, random)


def read(predictor: Predictor, picture: Image.Image, many: bool, boxed: bool) -> str | None:
    """What is read, of boxes with the empty ones; None where it is refused."""
    try:
        if not many:
            return predictor.predict(picture).name
        reading = predictor.predict_many(picture)
        return reading.text if boxed else reading.digits_only
    except MnistxError:
        return None


if __name__ == "__main__":
    predictor = Predictor(threads=1)
    for kind, (many, _) in KINDS.items():
        if len(sys.argv) > 1 and not any(word in kind for word in sys.argv[1:]):
            continue
        pairs = [
            (text, read(predictor, picture, many, "box" in kind))
            for text, picture in (draw(kind, k) for k in range(PICTURES))
        ]
        right, given = sum(a == b for a, b in pairs), sum(b is not None for _, b in pairs)
        print(f"{kind:<28} {right / PICTURES:6.1%} read right, {PICTURES - given} refused, {given - right} misread")
