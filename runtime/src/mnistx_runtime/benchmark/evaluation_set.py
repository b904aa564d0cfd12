"""What all artifacts answer, and what is right."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """Images and the trained module's answers to them.

    Args:
        images: uint8 `(N, channels, height, width)`.
        log_probs: the trained module's answers, `(N, classes)`.
        labels: `(N,)`; None where only the golden images are at hand, which have none.
        what: they are, for a person.
    """

    images: NDArray[np.uint8]
    log_probs: NDArray[Any]
    labels: NDArray[np.int64] | None
    what: str
