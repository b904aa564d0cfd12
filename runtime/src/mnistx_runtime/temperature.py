"""What a temperature makes of log-probabilities (Guo and others 2017, "On Calibration of Modern Neural Networks")."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def probabilities_at(log_probs: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """Probabilities at a temperature.

    Args:
        log_probs: `(..., classes)`.
        temperature: above 0; 1 changes nothing, more makes them less sure.

    >>> probabilities_at(np.log([0.9, 0.1]), 2).round(3).tolist()
    [0.75, 0.25]
    """
    scaled = _scale(log_probs, temperature)
    shares: NDArray[np.float64] = np.exp(scaled - scaled.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    return shares


def apply_temperature(log_probs: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """The logarithm of `probabilities_at`, finite where a probability is too small for a float64.

    >>> np.exp(apply_temperature(np.log([[0.9, 0.1]]), 2)).round(3).tolist()
    [[0.75, 0.25]]
    """
    scaled = _scale(log_probs, temperature)
    normalized: NDArray[np.float64] = scaled - np.logaddexp.reduce(scaled, axis=-1, keepdims=True)
    return normalized


def _scale(log_probs: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = log_probs.astype(np.float64) / temperature
    return scaled
