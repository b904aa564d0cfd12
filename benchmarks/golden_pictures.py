"""The golden inputs and outputs of the preprocess: `python benchmarks/golden_pictures.py` writes tests/golden anew.

To be run when `MnistDigit.version` is raised, and never to make a test pass.
"""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from mnistx_export.golden import draw_digit
from mnistx_runtime import image_from_picture
from photos import DISTURBANCES, photograph

GOLDEN = Path(__file__).parent.parent / "tests" / "golden"

if __name__ == "__main__":
    for index, disturbance in enumerate(DISTURBANCES[1::2]):
        name = disturbance.name.replace(" ", "-").replace(",", "")
        scene = replace(disturbance.scene(0.6), side=90)
        picture = Image.open(io.BytesIO(photograph(draw_digit(index % 10, 2), scene, index)))
        picture.save(GOLDEN / f"{name}.in.png")
        Image.fromarray(np.ascontiguousarray(image_from_picture(picture))).save(GOLDEN / f"{name}.out.png")
