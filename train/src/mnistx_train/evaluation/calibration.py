"""Makes a probability mean what it says: of the answers given with 90%, nine in ten are right.

One number, fitted on images that nothing was learned from, divides the log-probabilities before they are normalized
again (temperature scaling: Guo and others 2017, "On Calibration of Modern Neural Networks"). No answer changes. It is
chosen so that the mean confidence is the accuracy (Clarte and others 2023, "Expectation consistency for calibration of
neural networks"): the likelihood, which Guo and others maximize, hangs on the few surest mistakes where one image in
200 is misread.
"""

from bisect import bisect_left
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.temperature import apply_temperature

__all__ = ["apply_temperature", "fit_temperature"]

_STEPS = 10_000
_TEMPERATURES = range(_STEPS // 20, 20 * _STEPS + 1)
"""In steps of 0.0001. A validation split that is read wholly right would have it fall to 0."""


def fit_temperature(log_probs: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """The temperature at which the mean confidence is the accuracy.

    Args:
        log_probs: `(N, classes)`, of validation images.
        labels: `(N,)`, their true classes.

    Returns:
        Above 1 where the model is surer than it is right, below 1 where it is less sure; 1/20 to 20, four digits.

    >>> sure_and_wrong_in_a_quarter = np.log([[0.99, 0.01]] * 4)
    >>> temperature = fit_temperature(sure_and_wrong_in_a_quarter, np.array([0, 0, 0, 1]))
    >>> np.exp(apply_temperature(sure_and_wrong_in_a_quarter, temperature)[0]).round(3).tolist()
    [0.75, 0.25]
    """
    accuracy = float((log_probs.argmax(1) == labels).mean())

    def minus_confidence(steps: int) -> float:
        return -float(np.exp(apply_temperature(log_probs, steps / _STEPS)).max(1).mean())

    return (
        _TEMPERATURES[bisect_left(_TEMPERATURES, -accuracy, hi=len(_TEMPERATURES) - 1, key=minus_confidence)] / _STEPS
    )
