"""Draws what the model saw: the picture, the image that was made of it, the probabilities."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mnistx_runtime.prediction import Prediction, Reading
from mnistx_runtime.preprocess import Prepared

_PANEL, _GAP, _HEAD = 300, 24, 40  # pixels
_TEXT, _QUIET, _BLUE, _RED, _WHITE = "#222222", "#8a8a8a", "#1f6fb4", "#d43d2a", "#ffffff"
_SHADES = " ░▒▓█"
_WIDEST_SHADES = 56  # pixels
_MOST_BARS = 10
_WIDE, _ENLARGED, _MOST_SHOWN = 1240, 4, 100  # pixels, times, characters
_THICKEST = 14  # pixels from the middle of a bar
_THUMB, _CELL, _ROW = 56, 68, 86  # pixels
_SURE = 0.9


def draw_explanation(prepared: Prepared, answer: Prediction) -> Image.Image:
    """One figure that a person understands at a glance.

    Args:
        prepared: the picture's way to the model.
        answer: what the model made of it.

    Returns:
        An RGB picture of three panels; of the digit reader four, with the ink that it found.
    """
    panels = [("the picture", _framed(prepared))]
    if prepared.ink is not None:
        panels.append(("the ink found", _grey(prepared.ink * 255, Image.Resampling.BOX)))
    panels.append(("what the model reads", _fitted(image_of(prepared.image), 0)[0]))
    bars = len(panels)
    figure = Image.new("RGB", ((bars + 1) * _PANEL + (bars + 2) * _GAP, _PANEL + _HEAD + 2 * _GAP), _WHITE)
    draw = ImageDraw.Draw(figure)
    for i, (title, panel) in enumerate(panels):
        draw.text((_GAP + i * (_PANEL + _GAP), _GAP), title, _TEXT, _font(20))
        figure.paste(panel, (_GAP + i * (_PANEL + _GAP), _GAP + _HEAD))
    title = "no answer" if answer.rejection_reason else f"the answer: {answer.name}"
    draw.text((_GAP + bars * (_PANEL + _GAP), _GAP), title, _TEXT, _font(20))
    _bars(draw, _GAP + bars * (_PANEL + _GAP), _GAP + _HEAD, answer)
    return figure


def image_of(image: NDArray[np.uint8]) -> Image.Image:
    """What a model reads, uint8 `(channels, height, width)`, as a picture."""
    return Image.fromarray(image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0)))


def draw_explanations(lines: list[list[Prepared]], reading: Reading) -> Image.Image:
    """A figure of a picture of many digits: their boxes and answers in it, and the images that the model reads below.

    Args:
        lines: the digits' way to the model, as `Predictor.explain_many` gives it.
        reading: what the model made of them, in the same order.

    Returns:
        An RGB picture; answers below 90% are red.
    """
    picture = lines[0][0].picture.convert("RGB")
    scale = min(_WIDE / picture.width, _WIDE / picture.height, _ENLARGED)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    columns = _WIDE // _CELL
    rows = sum(-(-len(line) // columns) for line in lines)
    figure = Image.new("RGB", (_WIDE + 2 * _GAP, height + _GAP * (3 + len(lines)) + _HEAD + rows * _ROW), _WHITE)
    draw = ImageDraw.Draw(figure)
    shown = "read: " + reading.text.replace("\n", " / ")
    draw.text((_GAP, _GAP), shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}...", _TEXT, _font(20))
    figure.paste(picture.resize((width, height), Image.Resampling.BICUBIC), (_GAP, _GAP + _HEAD))
    y = height + 2 * _GAP + _HEAD
    for line, answers in zip(lines, reading.lines, strict=True):
        for i, (digit, answer) in enumerate(zip(line, answers, strict=True)):
            colour = _BLUE if answer.probability >= _SURE and not answer.rejection_reason else _RED
            left, top, right, bottom = (round(side * scale) + _GAP for side in digit.box)
            draw.rectangle((left - 2, top + _HEAD - 2, right + 2, bottom + _HEAD + 2), outline=colour, width=2)
            draw.text((left, top + _HEAD - 2), answer.name, colour, _font(18), anchor="lb")
            x, down = _GAP + i % columns * _CELL, y + i // columns * _ROW
            figure.paste(image_of(digit.image).resize((_THUMB, _THUMB), 0), (x, down))
            draw.text((x, down + _THUMB + 2), answer.name, colour, _font(18))
            draw.text((x + 18, down + _THUMB + 6), f"{answer.probability:.0%}", colour, _font(13))
        y += -(-len(line) // columns) * _ROW + _GAP
    return figure


def draw_as_text(image: NDArray[np.uint8]) -> str:
    """What a model reads, in characters, two a pixel, a line a row: its brightness, at most 56 pixels wide.

    Args:
        image: uint8 `(channels, height, width)`.

    >>> draw_as_text(np.array([[[0, 255]]], np.uint8))
    '  ██'
    """
    grey = image_of(image).convert("L")
    grey.thumbnail((_WIDEST_SHADES, _WIDEST_SHADES))
    steps = np.round(np.asarray(grey).astype(int) * (len(_SHADES) - 1) / 255).astype(int)
    return "\n".join("".join(_SHADES[step] * 2 for step in row) for row in steps)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _fitted(picture: Image.Image, resample: int) -> tuple[Image.Image, float]:
    """The picture in the middle of a panel, and its scale."""
    scale = _PANEL / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    panel = Image.new("RGB", (_PANEL, _PANEL), "#f3f6f9")
    scaled = picture.convert("RGB").resize((width, height), Image.Resampling(resample))
    panel.paste(scaled, ((_PANEL - width) // 2, (_PANEL - height) // 2))
    return panel, scale


def _framed(prepared: Prepared) -> Image.Image:
    """The picture with a frame around what the image was made of, if that isn't all of it."""
    picture = prepared.picture.convert("RGB")
    panel, scale = _fitted(picture, Image.Resampling.BICUBIC)
    if prepared.box == (0, 0, *picture.size):
        return panel
    x, y = ((_PANEL - round(side * scale)) // 2 for side in picture.size)
    left, top, right, bottom = (value * scale for value in prepared.box)
    ImageDraw.Draw(panel).rectangle((x + left - 2, y + top - 2, x + right + 2, y + bottom + 2), outline=_RED, width=3)
    return panel


def _grey(values: NDArray[np.floating], resample: int) -> Image.Image:
    return _fitted(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)), resample)[0]


def _bars(draw: ImageDraw.ImageDraw, x: int, y: int, answer: Prediction) -> None:
    """A bar a class, in the order of the names where there are few, else the most probable ones."""
    probabilities = dict(answer.top(min(len(answer.names), _MOST_BARS)))
    names = [name for name in answer.names if name in probabilities]
    step = _PANEL / len(names)
    longest = min(120.0, max(draw.textlength(name, _font(16)) for name in names))
    room = _PANEL - longest - 12 - 70
    for i, name in enumerate(names):
        middle = y + (i + 0.5) * step
        best = name == answer.name
        draw.text((x + longest, middle), name[:16], _TEXT if best else _QUIET, _font(16), anchor="rm")
        start = x + longest + 10
        end = start + max(2, room * probabilities[name])
        half = min(step * 0.3, _THICKEST)
        draw.rectangle((start, middle - half, end, middle + half), _BLUE if best else "#c9d6e2")
        draw.text((end + 6, middle), f"{probabilities[name]:.1%}", _TEXT if best else _QUIET, _font(14), anchor="lm")
