"""What all artifacts answer, and what is right."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Images:
    """Images and the trained module's answers to them.

    Args:
        images: uint8 `(N, 1, 28, 28)`.
        log_probs: the trained module's answers, `(N, classes)`.
        labels: `(N,)`; None where only the golden images are at hand, which have none.
        atol: largest difference of log-probabilities that counts as the same.
        what: they are, for a person.
    """

    images: NDArray[np.uint8]
    log_probs: NDArray[Any]
    labels: NDArray[np.int64] | None
    atol: float
    what: str
