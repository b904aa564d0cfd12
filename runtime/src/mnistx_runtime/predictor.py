"""From a picture to an answer."""

import os
from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.metadata import SIDE, Metadata
from mnistx_runtime.backends import backend
from mnistx_runtime.errors import ArtifactError, BadInput, MnistxError
from mnistx_runtime.pictures import Source, open_picture, source_name
from mnistx_runtime.prediction import Prediction, Reading
from mnistx_runtime.preprocess.mnist_digit import Prepared, prepare
from mnistx_runtime.threads import available_cpus

BUNDLED = Path(__file__).with_name("models") / "mnist-cnn.onnx"

MIN_CONFIDENCE = 0.5
"""Below it, as the probabilities are calibrated, an answer is more often wrong than right."""

_DIGITS = frozenset("0123456789")


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

    def predict(self, picture: Source, min_confidence: float = MIN_CONFIDENCE) -> Prediction:
        """Answer one picture of one digit.

        Args:
            picture: a path; the bytes of a file; a PIL image; or a uint8 array, `(height, width)` grey or
                `(height, width, 3 or 4)` colour, of any size.
            min_confidence: refuse to answer below this probability, 0..1.

        Raises:
            BadInput: it can't be read as a picture.
            PredictionRefused: there's no ink on it, no digit, more than one, or the model isn't as sure as asked.
        """
        answer = self.explain(picture)[1]
        answer.require(min_confidence)
        return answer

    def predict_many(self, picture: Source, min_confidence: float = MIN_CONFIDENCE) -> Reading:
        """Read all the digits in a picture: a postal code, an amount in a box, a sheet of practice.

        Args:
            picture: see `predict`.
            min_confidence: refuse to answer if one of them is below this probability, 0..1.

        Raises:
            BadInput: it can't be read as a picture.
            PredictionRefused: there's no ink on it, something that is no digit, or the model isn't as sure as asked.

        >>> page = np.full((100, 140), 255, np.uint8)
        >>> page[10:90, 30:40] = page[10:90, 90:100] = 0
        >>> Predictor().predict_many(page).text
        '11'
        """
        reading = self.explain_many(picture)[1]
        reading.require(min_confidence)
        return reading

    def predict_files(
        self, pictures: Sequence[Source], many: bool = False, processes: int = 1
    ) -> Iterator[Prediction | Reading | MnistxError | OSError]:
        """Answer any number of pictures; one that can't be read never stops the rest.

        Args:
            pictures: each as `predict` takes it.
            many: read all the digits in each, as `predict_many` does.
            processes: that decode and prepare pictures. More than one start anew, as `multiprocessing` says of "spawn":
                a script that asks for them has to be guarded by `if __name__ == "__main__":`.

        Returns:
            In the pictures' order, for each a `Prediction` (with `many` a `Reading`), or the error that it raised.
            However doubtful an answer is, it is given: call its `require`.

        >>> blank = np.zeros((50, 50), np.uint8)
        >>> [type(answer).__name__ for answer in Predictor().predict_files([blank, "no.png"])]
        ['PredictionRefused', 'BadInput']
        """
        from mnistx_runtime.batch import read_all

        return read_all(self, pictures, many, processes)

    def explain(self, picture: Source) -> tuple[Prepared, Prediction]:
        """What `predict` does, with what the model saw, however doubtful it is.

        Args:
            picture: see `predict`.

        Raises:
            BadInput, PredictionRefused: see `predict`.
        """
        began = perf_counter()
        prepared = prepare(open_picture(picture))
        log_probs = self.log_probs(prepared.image[None])[0]
        elapsed = (perf_counter() - began) * 1e3
        return prepared, self.prediction(
            log_probs, elapsed, source_name(picture), prepared.box, prepared.rejection_reason
        )

    def explain_many(self, picture: Source) -> tuple[list[list[Prepared]], Reading]:
        """What `predict_many` does, with what the model saw, line by line."""
        from mnistx_runtime.preprocess.multi_digit import prepare_many

        began = perf_counter()
        lines = prepare_many(open_picture(picture))
        prepared = [digit for line in lines for digit in line]
        log_probs = self.log_probs(np.stack([digit.image for digit in prepared]))
        elapsed = (perf_counter() - began) * 1e3
        source = source_name(picture)
        answers = iter(
            self.prediction(row, elapsed / len(prepared), source, digit.box, digit.rejection_reason)
            for digit, row in zip(prepared, log_probs, strict=True)
        )
        return lines, Reading(tuple(tuple(next(answers) for _ in line) for line in lines), elapsed, source)

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
        return [self.prediction(row, elapsed) for row in log_probs]

    def prediction(
        self,
        log_probs: NDArray[np.float32],
        elapsed_ms: float,
        source: str | None = None,
        box: tuple[int, int, int, int] | None = None,
        rejection_reason: str | None = None,
    ) -> Prediction:
        """One row of the model's output as an answer; see `Prediction` for the arguments."""
        names = self.metadata.names
        rejection_reason = (
            rejection_reason if _DIGITS.issuperset(names) else None
        )  # what no digit looks like, other classes may
        return Prediction(
            int(log_probs.argmax()),
            log_probs,
            names,
            elapsed_ms,
            source,
            self.metadata.temperature,
            box,
            rejection_reason,
        )

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
        if answers.shape != (len(images), len(self.metadata.names)) or not isfinite(np.vdot(answers, answers)):
            raise ArtifactError("the model's answers aren't finite numbers, one a class; verify it")
        return answers
