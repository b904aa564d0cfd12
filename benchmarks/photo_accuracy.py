"""Publishes how many photographed digits are read right, disturbance by disturbance, beside naive resizing.

`python benchmarks/photo_accuracy.py artifacts` writes photo_accuracy.json, .md and .png there. The digits are the
validation split of MNIST's training images: the model didn't learn from them, and none of them is a test image.
"""

import io
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from mnistx_runtime import PredictionRefused, Predictor, image_from_picture
from mnistx_train.datasets import source, training_data
from photos import DISTURBANCES, photograph

DIGITS = 100
STRENGTHS = (0.25, 0.5, 0.75, 1.0)
Row = dict[str, list[float]]


def naive(picture: Image.Image) -> NDArray[np.uint8]:
    """What five lines of a script do: grey, 28x28, inverted."""
    return 255 - np.asarray(picture.convert("L").resize((28, 28)))


def prepared(picture: Image.Image) -> NDArray[np.uint8]:
    """What the runtime does; a refusal counts as a mistake."""
    try:
        return image_from_picture(picture)
    except PredictionRefused:
        return np.zeros((28, 28), np.uint8)


def measured(index: int) -> Row:
    """The share read right at each strength, either way."""
    validation = training_data(source("mnist", download=False)).validation
    predictor, labels = Predictor(threads=1), validation.labels[:DIGITS]
    row: Row = {"naive": [], "mnistx": []}
    for strength in STRENGTHS:
        scene = DISTURBANCES[index].scene(strength)
        photos = [Image.open(io.BytesIO(photograph(validation.images[k, 0], scene, k))) for k in range(DIGITS)]
        for way, make in (("naive", naive), ("mnistx", prepared)):
            answers = predictor.log_probs(np.stack([make(photo) for photo in photos])).argmax(1)
            row[way].append(float((answers == labels).mean()))
    return row


def table(rows: dict[str, Row]) -> str:
    """The measures as Markdown."""
    lines = [
        f"# {DIGITS} photographed digits a cell: naive resizing / mnistx",
        "",
        "`python benchmarks/photo_accuracy.py artifacts` made this table. Strength 1 is as bad as one still reads.",
        "",
        "| disturbance | " + " | ".join(f"strength {s:g}" for s in STRENGTHS) + " |",
        "|---" * (len(STRENGTHS) + 1) + "|",
    ]
    for name, row in rows.items():
        cells = [f"{a:.1%} / **{b:.1%}**" for a, b in zip(row["naive"], row["mnistx"], strict=True)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    means = [np.mean([row[way] for row in rows.values()]) for way in ("naive", "mnistx")]
    return "\n".join([*lines, "", f"Mean over the table: {means[0]:.1%} / **{means[1]:.1%}**.", ""])


def figure(rows: dict[str, Row]) -> Figure:
    """A small plot a disturbance: accuracy against strength."""
    columns = 6
    drawn = Figure(figsize=(columns * 2.1, -(-len(rows) // columns) * 1.9), layout="constrained")
    grid = drawn.subplots(-(-len(rows) // columns), columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (name, row) in zip(grid, rows.items(), strict=False):
        axes.plot(
            STRENGTHS, [100 * a for a in row["naive"]], "o-", color="#8a8a8a", markersize=3, label="naive resizing"
        )
        axes.plot(STRENGTHS, [100 * a for a in row["mnistx"]], "o-", color="#1f6fb4", markersize=3, label="mnistx")
        axes.set_title(name, fontsize=9)
        axes.set(ylim=(0, 104))
        axes.spines[["top", "right"]].set_visible(False)
    drawn.supxlabel("strength", fontsize=9)
    drawn.supylabel("read right (%)", fontsize=9)
    grid[0].legend(frameon=False, fontsize=7, loc="lower left")
    return drawn


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with ProcessPoolExecutor() as pool:
        found = dict(zip([d.name for d in DISTURBANCES], pool.map(measured, range(len(DISTURBANCES))), strict=True))
    (folder / "photo_accuracy.json").write_text(
        json.dumps({"strengths": STRENGTHS, "read_right": found}, indent=1) + "\n"
    )
    (folder / "photo_accuracy.md").write_text(table(found))
    figure(found).savefig(folder / "photo_accuracy.png", dpi=110, metadata={"Software": None})
    print(table(found))
