"""How long the preprocess takes, as a share of the whole of `Predictor.predict`: `python
benchmarks/preprocess_time.py`.
"""

import io
import statistics
import tracemalloc
from time import perf_counter

import numpy as np
from PIL import Image

from mnistx_export.golden import draw_digit
from mnistx_runtime import Predictor
from mnistx_runtime.pictures import open_picture
from mnistx_runtime.preprocess.mnist_digit import image_from_picture
from photos import Scene, photograph

RUNS = 15


def sources() -> dict[str, bytes]:
    """A picture of each size, as the bytes of its file."""
    photo = Image.open(io.BytesIO(photograph(draw_digit(3, 1), Scene(side=400), 1)))
    found = {}
    for name, picture, form in (
        ("28x28 PNG", Image.fromarray(draw_digit(3, 1)), "PNG"),
        ("400x400 JPEG", photo.resize((400, 400)), "JPEG"),
        ("12 megapixel JPEG", photo.resize((3000, 4000)), "JPEG"),
        ("12 megapixel PNG", photo.resize((3000, 4000)), "PNG"),
    ):
        file = io.BytesIO()
        picture.save(file, form)
        found[name] = file.getvalue()
    return found


if __name__ == "__main__":
    predictor = Predictor()
    for name, data in sources().items():
        whole, prepared = [], []
        for _ in range(RUNS):
            began = perf_counter()
            predictor.predict(data)
            whole.append(perf_counter() - began)
            picture = open_picture(data)
            began = perf_counter()
            image_from_picture(picture)
            prepared.append(perf_counter() - began)
        shares = [a / b for a, b in zip(prepared, whole, strict=True)]
        tracemalloc.start()
        predictor.predict(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(
            f"{name:<18} predict {statistics.median(whole) * 1e3:7.1f} ms, preprocess {np.median(shares):4.0%} of it, "
            f"arrays at most {peak / 2**20:.0f} MiB"
        )
