"""Draws what the model saw: the picture, the ink that was found, the 28x28 image, the probabilities."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mnistx_runtime.predictor import Prediction
from mnistx_runtime.preprocess import Prepared

_PANEL, _GAP, _HEAD = 300, 24, 40  # pixels
_TEXT, _QUIET, _BLUE, _RED, _WHITE = "#222222", "#8a8a8a", "#1f6fb4", "#d43d2a", "#ffffff"
_SHADES = " ░▒▓█"
_MOST_BARS = 10


def explanation(prepared: Prepared, answer: Prediction) -> Image.Image:
    """One figure that a person understands at a glance.

    Args:
        prepared: the picture's way to the model.
        answer: what the model made of it.

    Returns:
        An RGB picture of four panels.
    """
    size = (4 * _PANEL + 5 * _GAP, _PANEL + _HEAD + 2 * _GAP)
    figure = Image.new("RGB", size, _WHITE)
    draw = ImageDraw.Draw(figure)
    panels = [_framed(prepared), _grey(prepared.ink * 255, Image.Resampling.BOX), _grey(prepared.image, 0)]
    titles = ["the picture", "the ink found", "what the model reads", f"the answer: {answer.name}"]
    for i, title in enumerate(titles):
        draw.text((_GAP + i * (_PANEL + _GAP), _GAP), title, _TEXT, _font(20))
    for i, panel in enumerate(panels):
        figure.paste(panel, (_GAP + i * (_PANEL + _GAP), _GAP + _HEAD))
    _bars(draw, _GAP + 3 * (_PANEL + _GAP), _GAP + _HEAD, answer)
    return figure


def shaded(image: NDArray[np.uint8]) -> str:
    """The 28x28 image in characters, two a pixel, a line a row.

    >>> shaded(np.array([[0, 255]], np.uint8))
    '  ██'
    """
    steps = np.round(image.astype(int) * (len(_SHADES) - 1) / 255).astype(int)
    return "\n".join("".join(_SHADES[step] * 2 for step in row) for row in steps)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _fitted(picture: Image.Image, resample: int) -> tuple[Image.Image, float]:
    """The picture in the middle of a panel, and its scale."""
    scale = _PANEL / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    panel = Image.new("RGB", (_PANEL, _PANEL), "#f3f6f9")
    scaled = picture.resize((width, height), Image.Resampling(resample))
    panel.paste(scaled, ((_PANEL - width) // 2, (_PANEL - height) // 2))
    return panel, scale


def _framed(prepared: Prepared) -> Image.Image:
    picture = prepared.picture.convert("RGB")
    panel, scale = _fitted(picture, Image.Resampling.BICUBIC)
    x, y = ((_PANEL - round(side * scale)) // 2 for side in picture.size)
    left, top, right, bottom = (value * scale for value in prepared.box)
    ImageDraw.Draw(panel).rectangle((x + left - 2, y + top - 2, x + right + 2, y + bottom + 2), outline=_RED, width=3)
    return panel


def _grey(values: NDArray[np.floating] | NDArray[np.uint8], resample: int) -> Image.Image:
    panel, _ = _fitted(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).convert("RGB"), resample)
    return panel


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
        draw.rectangle((start, middle - step * 0.3, end, middle + step * 0.3), _BLUE if best else "#c9d6e2")
        draw.text((end + 6, middle), f"{probabilities[name]:.1%}", _TEXT if best else _QUIET, _font(14), anchor="lm")
