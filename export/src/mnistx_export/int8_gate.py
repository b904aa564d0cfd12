"""Whether an int8 artifact is worth keeping: its accuracy on validation images, size and speed, beside float32's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_export.model import Model
from mnistx_runtime.artifact.container import files_of, open_artifact
from mnistx_runtime.backends import Session, backend, runtime_of

ROUNDS, CALLS = 300, 5
SECONDS = 5.0  # after which no further round is begun


@dataclass(frozen=True)
class ChangedPrediction:
    """A prediction that isn't the trained model's.

    Args:
        split: "validation" or "test".
        index: of the image in its split.
        label: what it shows.
        before: what the trained model reads.
        after: what the artifact reads.
    """

    split: str
    index: int
    label: str
    before: str
    after: str


def changed_predictions(
    split: str, labels: NDArray[Any], before: NDArray[Any], after: NDArray[Any], names: tuple[str, ...]
) -> tuple[ChangedPrediction, ...]:
    """The predictions that differ.

    Args:
        split: what to call these images.
        labels: `(N,)`.
        before: log-probabilities of the trained model `(N, classes)`.
        after: of the artifact.
        names: class names.
    """
    old, new = before.argmax(1), after.argmax(1)
    return tuple(
        ChangedPrediction(split, int(at), names[labels[at]], names[old[at]], names[new[at]])
        for at in np.nonzero(old != new)[0]
    )


@dataclass(frozen=True)
class Int8Gate:
    """An int8 artifact beside the float32 one of its kind.

    Args:
        drop: points of accuracy lost on the validation images, 0..100; negative where it gains.
        count: of those images.
        smaller: float32's bytes over its own.
        faster: float32's time for a single image over its own, on one thread of this machine.
        changed: validation images that it reads otherwise than the trained model.
    """

    drop: float
    count: int
    smaller: float
    faster: float
    changed: tuple[ChangedPrediction, ...]

    def rejection_reason(self, max_drop: float) -> str | None:
        """Why not to keep it; None if there's no reason.

        Args:
            max_drop: points of accuracy that it may lose, 0..100.

        >>> Int8Gate(0.2, 5000, 3.9, 1.6, ()).rejection_reason(0.05)
        'it loses 0.20 points of accuracy on 5,000 validation images, more than the 0.05 of --max-drop'
        >>> Int8Gate(0.0, 5000, 0.9, 0.8, ()).rejection_reason(0.05)
        'it is neither smaller nor faster here than float32'
        """
        if self.drop > max_drop:
            return (
                f"it loses {self.drop:.2f} points of accuracy on {self.count:,} validation images, "
                f"more than the {max_drop:g} of --max-drop"
            )
        if self.smaller <= 1 and self.faster <= 1:
            return "it is neither smaller nor faster here than float32"
        return None


def measure_int8(artifact: Path, float32: Path, model: Model, before: NDArray[Any]) -> Int8Gate:
    """Measure it.

    Args:
        artifact: of int8.
        float32: the artifact to beat, for the same runtime.
        model: that both are of, with validation images to judge by.
        before: its answers to them, `(N, classes)`.
    """
    validation = model.validation
    assert validation is not None
    sessions = [backend(runtime_of(path)).load(open_artifact(path), 1) for path in (artifact, float32)]
    after = sessions[0].run(validation.images)
    right = [(answers.argmax(1) == validation.labels).mean() for answers in (before, after)]
    files = [[file for file in files_of(path) if file.suffix != ".so"] for path in (artifact, float32)]  # see --build
    sizes = [sum(file.stat().st_size for file in each) for each in files]
    return Int8Gate(
        drop=float(right[0] - right[1]) * 100,
        count=len(validation),
        smaller=sizes[1] / sizes[0],
        faster=_time_ratio(sessions, validation.images[:1]),
        changed=changed_predictions("validation", validation.labels, before, after, model.names),
    )


def _time_ratio(sessions: Sequence[Session], image: NDArray[np.uint8]) -> float:
    """The second's time over the first's: the median of rounds in turn, so that a machine that drifts hurts both."""
    ratios = []
    until = perf_counter() + SECONDS
    for _ in range(ROUNDS):
        times = []
        for session in sessions:
            session.run(image)
            began = perf_counter()
            for _ in range(CALLS):
                session.run(image)
            times.append(perf_counter() - began)
        ratios.append(times[1] / times[0])
        if perf_counter() > until:
            break
    return float(np.median(ratios))
