"""The comparison that decides whether two models are the same one."""

from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.errors import BadInput

ATOL = 1e-4
"""Default tolerance on log-probabilities for float32 formats: ten times what the slowest-rounding runtime shows."""

LARGE = 100.0
"""Log-probabilities beyond which a tolerance grows in proportion: float32 rounds 100 by 4e-6, and what a network sums
up is rounded in proportion to its size."""


@dataclass(frozen=True)
class Tolerance:
    """How far a deployed model may be from the trained one, and still be the same.

    Args:
        atol: largest absolute difference of log-probabilities; in proportion more for an image whose log-probabilities
            reach beyond `LARGE`.
        changed: share of the predictions that may differ, 0..1; rounded up to whole ones.
        own_atol: of reduced precision, how far the same file may answer from itself on another machine: the narrow
            tolerance that shows a fault, where `atol` is too wide to. None for float32, whose `atol` does.
    """

    atol: float = ATOL
    changed: float = 0.0
    own_atol: float | None = None

    @property
    def reduced(self) -> bool:
        """It is one of reduced precision."""
        return self.own_atol is not None


FLOAT32 = Tolerance()


@dataclass(frozen=True)
class Parity:
    """How far one set of log-probabilities lies from another.

    Args:
        count: images compared.
        atol: the tolerance.
        max_abs: largest absolute difference; infinite where either side is not finite.
        scaled_abs: the same, each image's divided by how many times `LARGE` its log-probabilities reach, if more than
            once: what the tolerance is held to.
        mean_abs: mean absolute difference.
        p99_abs: 99th percentile of the absolute differences.
        changed: images whose most probable class differs.
        min_margin: smallest distance between the two most probable classes in the reference, in log-probability:
            as long as it is more than twice `max_abs`, no prediction can change.
        allowed: changed predictions that pass: none, but where reduced precision promises no more.
    """

    count: int
    atol: float
    max_abs: float
    scaled_abs: float
    mean_abs: float
    p99_abs: float
    changed: int
    min_margin: float
    allowed: int = 0

    @property
    def passed(self) -> bool:
        """Within the tolerance everywhere, and not one changed prediction more than allowed."""
        return self.scaled_abs <= self.atol and self.changed <= self.allowed

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, `passed` among them."""
        return asdict(self) | {"passed": self.passed}

    def __str__(self) -> str:
        """One line for a person."""
        scaled = f", {self.scaled_abs:.2g} in proportion to large answers" if self.scaled_abs != self.max_abs else ""
        return (
            f"max {self.max_abs:.2g}{scaled}, mean {self.mean_abs:.2g} (tolerance {self.atol:g}), "
            f"{self.changed} of {self.count:,} predictions changed"
        )


def compare(candidate: NDArray[Any], reference: NDArray[Any], tolerance: Tolerance = FLOAT32) -> Parity:
    """Compare log-probabilities of the same images: the one rule by which export, verify, compare and benchmark judge.

    Args:
        candidate: `(N, classes)`, what the deployed model answers.
        reference: `(N, classes)`, what the trained model answers, float32 or float64.
        tolerance: what passes.

    Raises:
        BadInput: they are no arrays of numbers, the shapes differ, or there is nothing to compare.

    >>> compare(np.log([[0.9, 0.1]]), np.log([[0.8, 0.2]]), Tolerance(0.5)).passed
    False
    >>> round(compare(np.log([[0.9, 0.1]]), np.log([[0.8, 0.2]]), Tolerance(0.5)).max_abs, 3)
    0.693
    """
    for answers in (candidate, reference):
        if not isinstance(answers, np.ndarray) or answers.dtype.kind not in "fiu":
            raise BadInput(f"answers are an array of numbers (N, classes), not {type(answers).__name__}")
    if candidate.shape != reference.shape or candidate.ndim != 2 or not len(candidate):
        raise BadInput(f"can't compare answers of shape {candidate.shape} with {reference.shape}")
    finite = bool(np.isfinite(candidate).all() and np.isfinite(reference).all())
    with np.errstate(invalid="ignore"):
        gap = np.abs(candidate.astype(np.float64) - reference.astype(np.float64))
        scaled = gap.max(1) / np.maximum(1.0, np.abs(reference).max(1) / LARGE)
    top = np.sort(reference.astype(np.float64), axis=1)
    return Parity(
        count=len(candidate),
        atol=tolerance.atol,
        max_abs=float(gap.max()) if finite else float("inf"),
        scaled_abs=float(scaled.max()) if finite else float("inf"),
        mean_abs=float(gap.mean()) if finite else float("inf"),
        p99_abs=float(np.percentile(gap, 99)) if finite else float("inf"),
        changed=int((candidate.argmax(1) != reference.argmax(1)).sum()),
        min_margin=float((top[:, -1] - top[:, -2]).min()) if finite else 0.0,
        allowed=ceil(tolerance.changed * len(candidate)),
    )
