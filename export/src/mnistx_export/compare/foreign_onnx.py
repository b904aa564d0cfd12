"""ONNX files that mnistx didn't write: what they take, what they give, and what they lack."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_export.compare.suites import Answer, Images, LogProbs
from mnistx_export.model import Model
from mnistx_runtime.errors import ArtifactError
from mnistx_train.errors import first_line

_DIMENSIONS = (2, 3, 4)


@dataclass(frozen=True)
class Foreign:
    """A model with another interface.

    Args:
        answer: its log-probabilities, of images as mnistx's models take them.
        takes: which pixels it was found to take.
        lacks: what mnistx's artifacts have and it hasn't.
    """

    answer: Answer
    takes: str
    lacks: tuple[str, ...]


def foreign_onnx(path: Path, model: Model, probe: Images) -> Foreign:
    """Load a model and find out how it wants its pixels: the way in which it agrees best with the trained module.

    Args:
        path: an .onnx file of any origin.
        model: the trained module.
        probe: uint8 `(N, channels, height, width)`, to try the ways on.

    Raises:
        ArtifactError: it can't be loaded, or takes and gives nothing that fits images and classes.
    """
    import onnxruntime as ort

    try:
        session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ArtifactError(f"{path} is not a readable ONNX model") from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(inputs[0].shape) not in _DIMENSIONS:
        raise ArtifactError(f"{path} takes {', '.join(f'{i.name} {i.shape}' for i in inputs)}, not one batch of images")
    wanted = np.uint8 if inputs[0].type == "tensor(uint8)" else np.float32
    fixed = inputs[0].shape[0] if isinstance(inputs[0].shape[0], int) else None

    def run(pixels: NDArray[Any]) -> LogProbs:
        shaped = _reshape(pixels.astype(wanted), inputs[0].shape)
        size = fixed or len(shaped)
        parts = [shaped[at : at + size] for at in range(0, len(shaped), size)]
        padded = [np.resize(part, (size, *part.shape[1:])) for part in parts]
        rows = np.concatenate([session.run([outputs[0].name], {inputs[0].name: part})[0] for part in padded])
        return _log_probs(rows[: len(pixels)].reshape(len(pixels), -1))

    mean, std = (np.array(values, np.float32).reshape(-1, 1, 1) for values in (model.spec.mean, model.spec.std))
    ways: dict[str, Any] = {
        "pixels of 0 to 255": lambda images: images,
        "pixels of 0 to 1": lambda images: images / np.float32(255),
        "normalized pixels": lambda images: (images / np.float32(255) - mean) / std,
        "dark on light, 0 to 1": lambda images: 1 - images / np.float32(255),
    }
    expected = model.log_probs(probe)
    gaps = {}
    for name, way in ways.items():
        try:
            answers = run(way(probe))
        except Exception as error:
            raise ArtifactError(f"{path} can't be run on images: {first_line(error)}") from error
        if answers.shape != expected.shape:
            raise ArtifactError(f"{path} gives {answers.shape[1]} numbers an image for {expected.shape[1]} classes")
        gaps[name] = float(np.abs(np.exp(answers) - np.exp(expected)).mean())
    takes = min(gaps, key=lambda name: gaps[name])
    lacks = ["metadata: class names, mean, standard deviation", "a parity certificate"]
    if wanted is not np.uint8:
        inside = takes == "pixels of 0 to 255"
        lacks.append("uint8 input" if inside else "the division by 255 and the normalization inside")
    if fixed:
        lacks.append(f"a free batch: it takes {fixed} at a time")
    return Foreign(lambda images: run(ways[takes](images)), takes, tuple(lacks))


def _reshape(pixels: NDArray[Any], shape: list[Any]) -> NDArray[Any]:
    """Images `(N, channels, height, width)` as a model of 2, 3 or 4 dimensions takes them, channels last if it does."""
    if len(shape) == 4 and shape[-1] == pixels.shape[1] and shape[1] != pixels.shape[1]:
        return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    found: NDArray[Any] = pixels.reshape(len(pixels), *{4: pixels.shape[1:], 3: pixels.shape[2:], 2: (-1,)}[len(shape)])
    return found


def _log_probs(rows: NDArray[Any]) -> LogProbs:
    """Of log-probabilities, probabilities or logits, whichever the rows are."""
    rows = rows.astype(np.float64)
    if (rows >= 0).all() and np.allclose(rows.sum(1), 1, atol=1e-3):
        return np.asarray(np.log(np.maximum(rows, 1e-45)))
    normalized: LogProbs = rows - np.logaddexp.reduce(rows, axis=1, keepdims=True)
    return normalized
