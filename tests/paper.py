"""Draws pictures as a person might take them: a digit by mnistx's own pen, as ink on lit paper.

`python tests/paper.py artifacts` writes the example pictures.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from mnistx_export.golden import draw_digit
from photos import Scene, photograph

EXAMPLES = {"three.jpg": (3, 5), "seven.jpg": (7, 2), "eight.jpg": (8, 4)}
POSTAL_CODE = "20742"


def photo(digit: int, seed: int, side: int = 480) -> Image.Image:
    """An RGB photo of a digit on squared paper: blue ink, light falling from one side, grain, a little blur.

    Args:
        digit: 0 to 9.
        seed: of the pen, the light and the grain.
        side: pixels of the picture's height; its width is three quarters of it.
    """
    random = np.random.default_rng([seed, digit])
    ink = np.asarray(Image.fromarray(draw_digit(digit, seed, side)).resize((side, side)), np.float32)[:, :, None] / 255
    width = side * 3 // 4
    ink = ink[:, (side - width) // 2 :][:, :width]
    row, column = np.mgrid[0:side, 0:width].astype(np.float32)
    light = 0.72 + 0.28 * (column / width * random.uniform(0.5, 1) + row / side * random.uniform(0, 0.5))
    paper = np.array([236, 232, 222], np.float32) * np.clip(light, 0, 1)[:, :, None]
    step = side // 14
    ruled = ((row % step < 1.5) | (column % step < 1.5))[:, :, None]
    paper = np.where(ruled, paper * np.array([0.90, 0.93, 0.97], np.float32), paper)
    pen = np.array([38, 46, 110], np.float32)
    picture = paper * (1 - 0.94 * ink) + pen * 0.94 * ink + random.normal(0, 3, (side, width, 1))
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(side / 500))


if __name__ == "__main__":
    for name, (digit, seed) in EXAMPLES.items():
        photo(digit, seed).save(Path(sys.argv[1]) / "pictures" / name, quality=85)
    row = np.concatenate([draw_digit(int(digit), seed) for seed, digit in enumerate(POSTAL_CODE)], axis=1)
    scene = Scene(side=200, digit_share=0.7, light=0.4, rotation=3, frame=0.5, pen=(0.15, 0.2, 0.5), ruling="squared")
    (Path(sys.argv[1]) / "postal-code.jpg").write_bytes(photograph(row, scene, 3))
