"""The figures of a report, as PNG bytes."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mnistx_train.evaluation.metrics import Metrics, wilson
from mnistx_train.training.loop import Epoch

BLUE, ORANGE, GREY = "#1f6fb4", "#e07b00", "#8a8a8a"
MOST_SHOWN = 60

_MOST_WIDE = 16.0  # inches
_MOST_COUNTED = 40  # classes of which a confusion matrix has room for numbers and names


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    return file.getvalue()


def _text(names: Sequence[str]) -> list[str]:
    """Names as they are: matplotlib reads what stands between two dollars as a formula."""
    return [name.replace("$", r"\$") for name in names]


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)


def _name_classes(axes: Axes, names: Sequence[str]) -> None:
    """The class names under the axes; of many classes, only their numbers have room."""
    if len(names) <= _MOST_COUNTED:
        long = max(map(len, names)) > 3
        axes.set_xticks(range(len(names)), _text(names), rotation=60 if long else 0, ha="right" if long else "center")


def curves(history: Sequence[Epoch]) -> bytes:
    """Losses and validation accuracy, epoch by epoch."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    numbers = [epoch.number for epoch in history]
    left.plot(numbers, [e.train_loss for e in history], "o-", color=ORANGE, label="training (augmented)")
    left.plot(numbers, [e.validation_loss for e in history], "o-", color=BLUE, label="validation")
    left.set(xlabel="epoch", ylabel="loss (nats)", yscale="log")
    left.legend(frameon=False)
    right.plot(numbers, [100 * e.validation_accuracy for e in history], "o-", color=BLUE)
    right.set(xlabel="epoch", ylabel="validation accuracy (%)")
    for axes in (left, right):
        _plain(axes)
        axes.xaxis.get_major_locator().set_params(integer=True)
    return _png(figure)


def confusion(metrics: Metrics, names: Sequence[str]) -> bytes:
    """The confusion matrix; only the mistakes are coloured, as the diagonal would outshine them."""
    counts = np.array(metrics.confusion)
    mistakes = counts.copy()
    np.fill_diagonal(mistakes, 0)
    side = min(1.8 + 0.46 * len(names), _MOST_WIDE)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(int(mistakes.max()), 1) * 1.3)
    for (row, column), count in np.ndenumerate(counts):
        if count and len(names) <= _MOST_COUNTED:
            weight = "bold" if row == column else "normal"
            colour = GREY if row == column else "black"
            axes.text(column, row, f"{count}", ha="center", va="center", fontsize=8, color=colour, weight=weight)
    _name_classes(axes, names)
    if len(names) <= _MOST_COUNTED:
        axes.set_yticks(range(len(names)), _text(names))
    axes.set(xlabel="answer", ylabel="true class")
    axes.tick_params(length=0)
    return _png(figure)


def per_class(metrics: Metrics, names: Sequence[str]) -> bytes:
    """Each class's accuracy with its 95% interval, beside the whole's: a class is biased where the line is outside."""
    figure = Figure(figsize=(min(max(5.0, 0.55 * len(names)), _MOST_WIDE), 3), layout="constrained")
    axes = figure.subplots()
    for i, share in enumerate(metrics.per_class_accuracy):
        low, high = wilson(metrics.confusion[i][i], max(sum(metrics.confusion[i]), 1))
        axes.plot([i, i], [100 * low, 100 * high], color=BLUE, linewidth=2.5, alpha=0.45)
        axes.plot(i, 100 * share, "o", color=BLUE)
    axes.axhline(100 * metrics.accuracy, color=ORANGE, linewidth=1.2)
    axes.set_title(f"line: all classes, {metrics.accuracy:.2%}; bars: 95% intervals", fontsize=10)
    _name_classes(axes, names)
    axes.set(ylabel="accuracy (%)")
    _plain(axes)
    return _png(figure)


def calibration(metrics: Metrics) -> bytes:
    """Accuracy against confidence, bin by bin; the area of a dot shows how many images it stands for."""
    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.subplots()
    confidences, accuracies, counts = zip(*metrics.calibration, strict=True)
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label="perfectly calibrated")
    axes.scatter(confidences, accuracies, s=12 + 300 * np.sqrt(np.array(counts) / metrics.count), color=BLUE, alpha=0.7)
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1.02), ylim=(-0.02, 1.04))
    axes.set_title(f"expected calibration error {metrics.calibration_error:.2%}", fontsize=10)
    axes.legend(frameon=False, loc="upper left")
    _plain(axes)
    return _png(figure)


def misclassified(metrics: Metrics, images: NDArray[np.uint8], names: Sequence[str]) -> bytes:
    """The images that were read wrong, the surest mistakes first; images as `Split` has them."""
    shown = metrics.wrong[:MOST_SHOWN]
    titles = [f"{names[label]} as {names[answer]}\n{p:.0%}" for _, label, answer, p in shown]
    return _grid([images[index] for index, *_ in shown], titles, columns=12)


def before_and_after(
    before: Sequence[NDArray[np.uint8]], after: Sequence[NDArray[np.uint8]], titles: list[str]
) -> bytes:
    """A labelled batch: each image, `(channels, height, width)`, and under it what augmentation made of it."""
    columns = 8
    images: list[NDArray[np.uint8]] = []
    labels: list[str] = []
    for at in range(0, len(before), columns):
        images += [*before[at : at + columns], *after[at : at + columns]]
        labels += titles[at : at + columns] + ["augmented"] * len(before[at : at + columns])
    return _grid(images, labels, columns)


def titled(images: Sequence[NDArray[np.uint8]], titles: Sequence[str]) -> bytes:
    """Images `(channels, height, width)` with a line above each, the first ones where they are many."""
    return _grid(images[:MOST_SHOWN], titles, columns=12)


def _grid(images: Sequence[NDArray[np.uint8]], titles: Sequence[str], columns: int) -> bytes:
    rows = max(1, -(-len(images) // columns))
    figure = Figure(figsize=(columns * 0.95, rows * 1.25), layout="constrained")
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.set_axis_off()
    for axes, image, title in zip(figure.axes, images, titles, strict=False):
        axes.imshow(image.transpose(1, 2, 0), cmap="gray", vmin=0, vmax=255)  # matplotlib drops a channel of 1
        axes.set_title(_text([title])[0], fontsize=7)
    return _png(figure)
