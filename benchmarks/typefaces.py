"""How models read digits of typefaces that they never saw, and how much of what is no digit they refuse.

`python benchmarks/typefaces.py artifacts MODEL ...` writes typefaces.json and .md there, two columns a model: artifacts
or checkpoints. The typefaces are those that fonts.csv keeps for tests, fetched by benchmarks/fetch_fonts.py into the
folder MNISTX_FONTS; each character is drawn as a scan of a page and read as `mnistx predict` reads it. Scribbles are
drawn here, and the landscape and the flower are scikit-learn's sample photographs. Nothing learns from these pictures.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from string import ascii_letters

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_images

from forms import finish
from mnistx_runtime import MnistxError, Predictor
from mnistx_runtime.predictor import MIN_CONFIDENCE
from mnistx_runtime.temperature import apply_temperature
from mnistx_train.datasets import DIGITS, source, training_data
from mnistx_train.datasets.fonts import font_files, load_font
from mnistx_train.recipes.fonts import LOOK_LIKE_DIGITS, NO_DIGITS, SYMBOLS

SAMPLES = 60  # scribbles, and as many pieces of photographs
REFUSED = 0.01  # share of MNIST's validation images that the higher bound refuses
Random = np.random.Generator
Shown = Iterator[tuple[str, Image.Image]]
"""Digits, or "" for what is none, with their pictures."""


def scan(character: str, font: ImageFont.FreeTypeFont, random: Random) -> Image.Image | None:
    """A character on a page that was scanned; None where the font lacks it."""
    left, top, right, bottom = (round(side) for side in font.getbbox(character))
    margin = round(font.size * random.uniform(0.15, 0.6))
    page = Image.new("L", (max(1, right - left) + 2 * margin, max(1, bottom - top) + 2 * margin))
    ImageDraw.Draw(page).text((margin - left, margin - top), character, 255, font)
    ink = np.asarray(page, np.float32) / np.float32(255)
    return finish(ink, np.zeros_like(ink), random) if ink.max() > 0.5 else None


def drawn(characters: str, kind: str | None = None) -> Shown:
    """Each character in every typeface that is kept for tests."""
    for number, file in enumerate(font_files("test", kind)):
        random = np.random.default_rng([11, number])
        font = load_font(file, int(random.integers(40, 160)))
        for character in characters:
            picture = scan(character, font, random)
            if picture:
                yield character if character in DIGITS else "", picture


def scribbles() -> Shown:
    """Loops and strokes of one pen, to and fro."""
    for number in range(SAMPLES):
        random = np.random.default_rng([12, number])
        at = np.linspace(0, 1, 300)[:, None]
        waves = random.uniform(1, 9, (3, 2)), random.uniform(0, 7, (3, 2)), random.uniform(10, 70, (3, 2))
        points = 150 + sum(size * np.sin(often * 6.3 * at + start) for often, start, size in zip(*waves, strict=True))
        page = Image.new("L", (300, 300))
        ImageDraw.Draw(page).line([(x, y) for x, y in points], 255, int(random.integers(3, 14)), "curve")
        ink = np.asarray(page, np.float32) / np.float32(255)
        yield "", finish(ink, np.zeros_like(ink), random)


def photographs() -> Shown:
    """Pieces of a landscape and of a flower."""
    random = np.random.default_rng(0)
    photos = [Image.fromarray(image) for image in load_sample_images().images]
    for number in range(SAMPLES):
        photo = photos[number % 2]
        side = int(random.integers(40, 400))
        x, y = (int(random.integers(0, room - side + 1)) for room in photo.size)
        yield "", photo.crop((x, y, x + side, y + side))


KINDS: dict[str, Callable[[], Shown]] = {
    "digits, handwriting": lambda: drawn("".join(DIGITS), "hand"),
    "digits, print": lambda: drawn("".join(DIGITS), "print"),
    "letters": lambda: drawn(ascii_letters),
    "letters, but those that look like digits": lambda: drawn("".join(c for c in NO_DIGITS if c.isalpha())),
    "symbols": lambda: drawn("".join(c for c in SYMBOLS + LOOK_LIKE_DIGITS if not c.isalpha())),
    "symbols, but those that look like digits": lambda: drawn("".join(c for c in NO_DIGITS if not c.isalpha())),
    "scribbles": scribbles,
    "pieces of a landscape and a flower": photographs,
}


def load(model: str) -> Predictor:
    """The model, under PyTorch where it is a checkpoint."""
    return Predictor(model, runtime="torch" if model.endswith(".safetensors") else "ort", threads=1)


def higher_bound(predictor: Predictor) -> float:
    """The probability below which `REFUSED` of MNIST's validation images lie."""
    images = training_data(source("mnist", download=False)).validation.images
    sure = apply_temperature(predictor.log_probs(images), predictor.metadata.temperature).max(1)
    return float(np.quantile(np.exp(sure), REFUSED))


def measure(predictor: Predictor) -> dict[str, dict[str, float]]:
    """Of each kind, shares: read right and refused, by default and at the higher bound."""
    bounds = {"default": MIN_CONFIDENCE, "strict": higher_bound(predictor)}
    rows: dict[str, dict[str, float]] = {"bound": bounds}
    for kind, shown in KINDS.items():
        answers = []
        for text, picture in shown():
            try:
                answer = predictor.predict(picture, min_confidence=0)
                answers.append((answer.name == text, answer.probability))
            except MnistxError:
                answers.append((False, -1.0))
        right, sure = (np.array(values) for values in zip(*answers, strict=True))
        rows[kind] = {"pictures": len(answers)}
        for name, bound in bounds.items():
            rows[kind] |= {f"right_{name}": float((right & (sure >= bound)).mean())}
            rows[kind] |= {f"refused_{name}": float((sure < bound).mean())}
    return rows


def table(found: dict[str, dict[str, dict[str, float]]]) -> str:
    """The measures as Markdown."""
    names = [f"{model}, {which}" for model in found for which in ("by default", "at the higher bound")]
    bounds = "; ".join(f"{model} {rows['bound']['strict']:.1%}" for model, rows in found.items())
    lines = [
        "# Typefaces never seen, and what is no digit",
        "",
        "`python benchmarks/typefaces.py artifacts MODEL ...` made this table: of digits the share read right / "
        f"refused, of the rest the share refused. By default answers below {MIN_CONFIDENCE:.0%} are refused; the "
        f"higher bound is where {REFUSED:.0%} of MNIST's validation images are: {bounds}. Letters and symbols that "
        f"fill the box as a digit does: `` {LOOK_LIKE_DIGITS} ``; no model is taught to refuse those.",
        "",
        "| kind | pictures | " + " | ".join(names) + " |",
        "|---" * (2 + len(names)) + "|",
    ]
    for kind in KINDS:
        cells = []
        for rows in found.values():
            for which in ("default", "strict"):
                refused = f"{rows[kind][f'refused_{which}']:.1%}"
                digits = kind.startswith("digits")
                cells.append(f"{rows[kind][f'right_{which}']:.1%} / {refused}" if digits else refused)
        first = next(iter(found.values()))
        lines.append(f"| {kind} | {first[kind]['pictures']} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    folder, models = Path(sys.argv[1]), sys.argv[2:]
    found = {Path(model).stem: measure(load(model)) for model in models}
    (folder / "typefaces.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "typefaces.md").write_text(table(found))
    print(table(found))
