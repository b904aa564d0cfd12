"""Is an int8 artifact worth having? Its accuracy on validation images, its size and its speed, beside float32's."""

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.backends import backend, runtime_of
from mnistx_train.datasets import Split

ROUNDS, CALLS = 300, 5


@dataclass(frozen=True)
class Changed:
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


def changed(
    split: str, labels: NDArray[Any], before: NDArray[Any], after: NDArray[Any], names: tuple[str, ...]
) -> tuple[Changed, ...]:
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
        Changed(split, int(at), names[labels[at]], names[old[at]], names[new[at]]) for at in np.nonzero(old != new)[0]
    )


@dataclass(frozen=True)
class Worth:
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
    changed: tuple[Changed, ...]

    def objection(self, max_drop: float) -> str | None:
        """Why not to keep it; None if there's no reason.

        Args:
            max_drop: points of accuracy that it may lose, 0..100.

        >>> Worth(0.2, 5000, 3.9, 1.6, ()).objection(0.05)
        'it loses 0.20 points of accuracy on 5,000 validation images, more than the 0.05 of --max-drop'
        >>> Worth(0.0, 5000, 0.9, 0.8, ()).objection(0.05)
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


def worth(artifact: Path, float32: Path, validation: Split, before: NDArray[Any], names: tuple[str, ...]) -> Worth:
    """Measure it.

    Args:
        artifact: of int8.
        float32: the artifact to beat, for the same runtime.
        validation: images to judge by.
        before: the trained model's answers to them, `(N, classes)`.
        names: class names.
    """
    sessions = [backend(runtime_of(path)).load(path, 1) for path in (artifact, float32)]
    after = sessions[0].run(validation.images[:, None])
    right = [(answers.argmax(1) == validation.labels).mean() for answers in (before, after)]
    ratios = []
    image = validation.images[:1, None]
    for _ in range(ROUNDS):  # in turn, so that a machine that drifts hurts both
        times = []
        for session in sessions:
            session.run(image)
            began = perf_counter()
            for _ in range(CALLS):
                session.run(image)
            times.append(perf_counter() - began)
        ratios.append(times[1] / times[0])
    return Worth(
        drop=float(right[0] - right[1]) * 100,
        count=len(validation),
        smaller=float32.stat().st_size / artifact.stat().st_size,
        faster=float(np.median(ratios)),
        changed=changed("validation", validation.labels, before, after, names),
    )
