"""From a picture to an answer."""

import os
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact import SIDE, Metadata
from mnistx_runtime.backends import backend
from mnistx_runtime.errors import ArtifactError, BadInput, PredictionRefused
from mnistx_runtime.pictures import Source, open_picture
from mnistx_runtime.preprocess import Prepared, prepare
from mnistx_runtime.threads import available_cpus

BUNDLED = Path(__file__).with_name("models") / "mnist-cnn.onnx"


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """One answer.

    Args:
        label: the class's index, 0-based.
        log_probs: float32 `(classes,)`.
        names: the class names, in the same order.
        elapsed_ms: milliseconds from picture to answer; in a batch, its share of the batch's time.
        source: the picture's path, where it came from one.
    """

    label: int
    log_probs: NDArray[np.float32]
    names: tuple[str, ...]
    elapsed_ms: float
    source: str | None = None

    @property
    def name(self) -> str:
        """The name of the most probable class."""
        return self.names[self.label]

    @property
    def probability(self) -> float:
        """Its probability, 0..1."""
        return float(np.exp(self.log_probs[self.label]))

    def require(self, min_confidence: float) -> None:
        """Refuse the answer if its probability is below `min_confidence`, 0..1.

        Raises:
            PredictionRefused: it is.
        """
        if not self.probability >= min_confidence:
            raise PredictionRefused(
                f"not sure enough: {self.name} with {self.probability:.1%}, below {min_confidence:.1%}"
            )

    def top(self, count: int) -> list[tuple[str, float]]:
        """The `count` most probable classes, best first, as (name, probability)."""
        order = np.argsort(-self.log_probs, kind="stable")[:count]
        return [(self.names[i], float(np.exp(self.log_probs[i]))) for i in order]

    def to_dict(self, top_k: int = 1) -> dict[str, Any]:
        """JSON-ready values: `source`, `label`, `name`, `probability`, `elapsed_ms`, and `top` if `top_k` > 1."""
        values: dict[str, Any] = {
            "source": self.source,
            "label": self.label,
            "name": self.name,
            "probability": round(self.probability, 6),
            "elapsed_ms": round(self.elapsed_ms, 3),
        }
        if top_k > 1:
            values["top"] = [{"name": name, "probability": round(p, 6)} for name, p in self.top(top_k)]
        return values


class Predictor:
    """A model, ready to answer.

    Args:
        model: a path, an `onnxruntime.InferenceSession` of the caller's own (runtime "ort"), or None for the
            bundled model.
        runtime: a name from `mnistx runtimes`. It is never replaced by another one.
        threads: the most threads for a large batch; None for the CPUs this process may use. A single image is
            always computed on one.

    Attributes:
        metadata: what the artifact says of itself.

    Raises:
        ArtifactError: the model file is missing, damaged or made for another interface.
        BackendUnavailable: the runtime can't run here.
        BadInput: no runtime has this name, or `threads` is below 1.

    >>> predictor = Predictor()
    >>> picture = np.full((100, 60), 255, np.uint8)
    >>> picture[10:90, 25:35] = 0
    >>> predictor.predict(picture).name
    '1'
    """

    def __init__(self, model: Any = None, runtime: str = "ort", threads: int | None = None) -> None:
        """Load the model; see the class."""
        if threads is not None and threads < 1:
            raise BadInput(f"threads must be at least 1, not {threads}")
        chosen = BUNDLED if model is None else model
        self._session = backend(runtime).load(chosen, threads or available_cpus())
        self.metadata = Metadata.from_props(
            self._session.props, str(chosen) if isinstance(chosen, str | os.PathLike) else "the session"
        )

    def predict(self, picture: Source, min_confidence: float = 0.0) -> Prediction:
        """Answer one picture of one digit.

        Args:
            picture: a path; the bytes of a file; a PIL image; or a uint8 array, `(height, width)` grey or
                `(height, width, 3 or 4)` colour, of any size.
            min_confidence: refuse to answer below this probability, 0..1.

        Raises:
            BadInput: it can't be read as a picture.
            PredictionRefused: there's no ink on it, more than one digit, or the model isn't as sure as asked.
        """
        answer = self.explain(picture)[1]
        answer.require(min_confidence)
        return answer

    def explain(self, picture: Source) -> tuple[Prepared, Prediction]:
        """What `predict` does, with what the model saw, however sure it is.

        Args:
            picture: see `predict`.

        Raises:
            BadInput, PredictionRefused: see `predict`.
        """
        began = perf_counter()
        prepared = prepare(open_picture(picture))
        log_probs = self.log_probs(prepared.image[None])[0]
        source = str(picture) if isinstance(picture, str | os.PathLike) else None
        elapsed = (perf_counter() - began) * 1e3
        return prepared, Prediction(int(log_probs.argmax()), log_probs, self.metadata.names, elapsed, source)

    def predict_batch(self, images: NDArray[np.uint8]) -> list[Prediction]:
        """Answer images that already are as the model reads them; nothing is done to their pixels.

        Args:
            images: uint8 `(N, 28, 28)` or `(N, 1, 28, 28)`, 0..255, bright ink on black.

        Raises:
            BadInput: another shape or type.
        """
        began = perf_counter()
        log_probs = self.log_probs(images)
        elapsed = (perf_counter() - began) * 1e3 / max(len(images), 1)
        labels = log_probs.argmax(1) if len(images) else []
        return [
            Prediction(int(label), row, self.metadata.names, elapsed)
            for label, row in zip(labels, log_probs, strict=True)
        ]

    def log_probs(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The model's bare output, float32 `(N, classes)`; takes what `predict_batch` takes.

        Raises:
            BadInput: another shape or type.
        """
        if (
            not isinstance(images, np.ndarray)
            or images.dtype != np.uint8
            or (images.shape[1:] not in ((SIDE, SIDE), (1, SIDE, SIDE)))
        ):
            found = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else type(images).__name__
            raise BadInput(f"a batch must be a uint8 array (N, 28, 28) or (N, 1, 28, 28), not {found}")
        if not len(images):
            return np.empty((0, len(self.metadata.names)), np.float32)
        answers = self._session.run(np.ascontiguousarray(images).reshape(-1, 1, SIDE, SIDE))
        if answers.shape != (len(images), len(self.metadata.names)) or not np.isfinite(answers).all():
            raise ArtifactError("the model's answers aren't finite numbers, one a class; verify it")
        return answers
