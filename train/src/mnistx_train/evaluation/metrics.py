"""How good a classifier is, from its answers alone."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15  # of the calibration, as in Guo and others 2017


@dataclass(frozen=True)
class Metrics:
    """The measures of one set of answers.

    Args:
        count: images.
        accuracy: share read right, 0..1.
        interval: 95% Wilson score interval of the accuracy.
        loss: mean negative log-likelihood of the true class, in nats.
        per_class_accuracy: share of each class's images read right, 0..1; a class that has none counts as 0.
        confusion: rows are true classes, columns answers.
        most_confused: (true class, answer, images), most first.
        calibration: a (mean confidence, accuracy, images) for each of 15 equal bins of confidence.
        calibration_error: expected calibration error, 0..1: the mean distance between confidence and accuracy
            over the bins, weighted by their images.
        wrong: (index of the image, true class, answer, its probability) of all misread images, surest first.
    """

    count: int
    accuracy: float
    interval: tuple[float, float]
    loss: float
    per_class_accuracy: list[float]
    confusion: list[list[int]]
    most_confused: list[tuple[int, int, int]]
    calibration: list[tuple[float, float, int]]
    calibration_error: float
    wrong: list[tuple[int, int, int, float]]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


def wilson(right: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927), 95% by default.

    >>> [round(bound, 4) for bound in wilson(9893, 10000)]
    [0.9871, 0.9911]
    """
    share, zz = right / count, z * z / count
    centre, half = share + zz / 2, z * (share * (1 - share) / count + zz / count / 4) ** 0.5
    return max(0.0, (centre - half) / (1 + zz)), min(1.0, (centre + half) / (1 + zz))


def measure(log_probs: NDArray[Any], labels: NDArray[np.int64]) -> Metrics:
    """All measures of a model's answers.

    Args:
        log_probs: `(N, classes)`.
        labels: `(N,)`, the true classes.

    >>> measure(np.log([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1])).accuracy
    0.5
    """
    count, classes = log_probs.shape
    answers = log_probs.argmax(1)
    right = answers == labels
    confidence = np.exp(log_probs.max(1).astype(np.float64))
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (labels, answers), 1)
    pairs = [(int(i), int(j), int(confusion[i, j])) for i, j in np.argwhere(confusion) if i != j]
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    filled = [b for b in range(BINS) if (bins == b).any()]
    calibration = [
        (float(confidence[bins == b].mean()), float(right[bins == b].mean()), int((bins == b).sum())) for b in filled
    ]
    wrong = sorted(np.flatnonzero(~right), key=lambda i: -confidence[i])
    return Metrics(
        count=count,
        accuracy=float(right.mean()),
        interval=wilson(int(right.sum()), count),
        loss=float(-log_probs[np.arange(count), labels].astype(np.float64).mean()),
        per_class_accuracy=[float(confusion[c, c] / max(confusion[c].sum(), 1)) for c in range(classes)],
        confusion=confusion.tolist(),
        most_confused=sorted(pairs, key=lambda p: -p[2])[:10],
        calibration=calibration,
        calibration_error=float(sum(abs(c - a) * n for c, a, n in calibration) / count),
        wrong=[(int(i), int(labels[i]), int(answers[i]), float(confidence[i])) for i in wrong],
    )
