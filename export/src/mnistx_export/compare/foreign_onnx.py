"""ONNX files that mnistx didn't write, beside the trained module: on which scale they take pixels, what they lack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_export.compare.suites import Answer, Images, LogProbs
from mnistx_export.foreign.model import ForeignModel, open_foreign
from mnistx_export.model import Model
from mnistx_runtime.artifact.parity import Tolerance
from mnistx_runtime.errors import ArtifactError
from mnistx_runtime.input_spec import InputSpec

NEAR = 2.0  # times as far from the trained module's answers: nearer ways can't be told apart
EXACT = 1e-3  # of probabilities, on average: a way as near as that is the one

Way = Callable[[Images], NDArray[Any]]


@dataclass(frozen=True)
class Foreign:
    """A model with another interface.

    Args:
        answer: its log-probabilities, of images as mnistx's models take them.
        takes: which pixels it was found to take.
        lacks: what mnistx's artifacts have and it hasn't.
        tolerance: what can be asked of its precision.
    """

    answer: Answer
    takes: str
    lacks: tuple[str, ...]
    tolerance: Tolerance


def foreign_onnx(path: Path, model: Model, probe: Images, allow_foreign: bool = False) -> Foreign:
    """Load a model and find out how it wants its pixels: the way in which it agrees best with the trained module.

    Args:
        path: an .onnx file of any origin.
        model: the trained module.
        probe: uint8 `(N, channels, height, width)`, to try the ways on.
        allow_foreign: see `mnistx_runtime.open_artifact`.

    Raises:
        ArtifactError: it can't be loaded or run.
        BadInput: it takes or gives nothing that fits images and classes.
    """
    found = open_foreign(path, model.spec, model.names, allow_foreign)
    ways = _ways(model.spec, found.takes_whole_numbers)
    expected = np.exp(model.log_probs(probe))
    gaps = {}
    for name, way in ways.items():
        answers = _log_probs(found.run(way(probe)))
        if np.isfinite(answers).all():
            gaps[name] = float(np.abs(np.exp(answers) - expected).mean())
    if not gaps:
        raise ArtifactError(f"{path} gives NaN or infinite numbers, on whatever scale it is given pixels")
    best = min(gaps, key=lambda name: gaps[name])
    return Foreign(
        lambda images: _log_probs(found.run(ways[best](images))),
        describe_ways(gaps) + (f"; its answers are {found.scores!r}" if found.others else ""),
        tuple(_missing(found, best)),
        found.tolerance,
    )


def describe_ways(gaps: Mapping[str, float]) -> str:
    """The way in which a file agrees best with the trained module; where others are as near, they are named, too.

    Args:
        gaps: of each way, the mean absolute difference of probabilities.

    >>> describe_ways({"pixels of 0 to 255": 0.2, "pixels of 0 to 1": 0.00001})
    'pixels of 0 to 1'
    >>> describe_ways({"pixels of 0 to 255": 0.012, "pixels of 0 to 1": 0.011, "normalized pixels": 0.2})[:51]
    'pixels of 0 to 1 or pixels of 0 to 255 (its answers'
    """
    best = min(gaps, key=lambda name: gaps[name])
    limit = max(EXACT, NEAR * gaps[best])
    near = sorted((name for name in gaps if name != best and gaps[name] <= limit), key=lambda name: gaps[name])
    if not near:
        return best
    lines = [f"{name}: {_SPEC_LINES[name]}" for name in (best, *near) if name in _SPEC_LINES]
    told = f"; the spec of mnistx seal says it: {', '.join(lines)}" if lines else ""
    return f"{' or '.join((best, *near))} (its answers don't tell{told})"


_RANGE, _UNIT, _SYMMETRIC, _NORMALIZED = (
    "pixels of 0 to 255", "pixels of 0 to 1", "pixels of -1 to 1", "normalized pixels",
)  # fmt: skip
_DARK_RANGE, _DARK_UNIT = "dark on light, 0 to 255", "dark on light, 0 to 1"
_SPEC_LINES = {
    _RANGE: f"mean = 0 and std = {1 / 255}",
    _UNIT: "mean = 0 and std = 1",
    _SYMMETRIC: "mean = 0.5 and std = 0.5",
}
"""What the spec of `mnistx seal` says of each scale."""


def _ways(spec: InputSpec, whole: bool) -> dict[str, Way]:
    """How pixels may be wanted.

    Args:
        spec: of the trained module.
        whole: whether only whole numbers can be taken.
    """
    mean, std = (np.array(values, np.float32).reshape(-1, 1, 1) for values in (spec.mean, spec.std))
    ways: dict[str, Way] = {_RANGE: lambda images: images, _DARK_RANGE: lambda images: 255 - images}
    if whole:
        return ways
    return ways | {
        _UNIT: lambda images: images / np.float32(255),
        _SYMMETRIC: lambda images: images / np.float32(127.5) - 1,
        _NORMALIZED: lambda images: (images / np.float32(255) - mean) / std,
        _DARK_UNIT: lambda images: 1 - images / np.float32(255),
    }


def _missing(found: ForeignModel, way: str) -> list[str]:
    """What mnistx's artifacts have and a file hasn't."""
    lacks = ["metadata: class names, mean, standard deviation", "a parity certificate"]
    if not found.takes_whole_numbers:
        inside = way in (_RANGE, _DARK_RANGE)
        lacks.append("uint8 input" if inside else "the division by 255 and the normalization inside")
    if found.batch:
        lacks.append(f"a free batch: it takes {found.batch} at a time")
    return lacks


def _log_probs(rows: NDArray[np.float64]) -> LogProbs:
    """Of log-probabilities, probabilities or logits, whichever the rows are."""
    if (rows >= 0).all() and np.allclose(rows.sum(1), 1, atol=1e-3):
        return np.asarray(np.log(np.maximum(rows, 1e-45)))
    normalized: LogProbs = rows - np.logaddexp.reduce(rows, axis=1, keepdims=True)
    return normalized
