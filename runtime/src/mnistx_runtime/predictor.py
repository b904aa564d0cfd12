"""From a picture to an answer."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from functools import cached_property
from itertools import islice
from math import isfinite
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.arguments import check_count, check_probability
from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.artifact.digests import sha256
from mnistx_runtime.backends import Session, artifact_for, backend
from mnistx_runtime.batch import Lines, found_in, prepare_files, prepare_picture
from mnistx_runtime.bundled import BUNDLED, BUNDLED_SHA256
from mnistx_runtime.errors import ArtifactError, BadInput, MnistxError, VerificationFailed
from mnistx_runtime.pictures import Source, source_name
from mnistx_runtime.postprocess import Chosen, Postprocess, images_in, only_digit
from mnistx_runtime.prediction import Prediction, Reading
from mnistx_runtime.preprocess import Prepared, Preprocess, preprocess_for
from mnistx_runtime.system.forks import no_fork
from mnistx_runtime.system.threads import available_cpus

if TYPE_CHECKING:
    from mnistx_runtime.artifact.certificate import Certificate

MIN_CONFIDENCE = 0.5
"""Below it, as the probabilities are calibrated, an answer is more often wrong than right."""

BATCH = 64  # pictures that are answered together


def open_bundled(runtime: str) -> Artifact:
    """The bundled model, if it is the one that the package came with.

    Raises:
        ArtifactError: the runtime doesn't read it.
        VerificationFailed: it isn't.
    """
    artifact = artifact_for(BUNDLED, runtime)
    if sha256(artifact.files[BUNDLED.suffix]) != BUNDLED_SHA256:
        raise VerificationFailed(f"{BUNDLED} is not the model that mnistx-runtime came with; install it again")
    return artifact


class Predictor:
    """A model, ready to answer.

    Args:
        model: a path, what `open_artifact` gives, an `onnxruntime.InferenceSession` of the caller's own (runtime
            "ort"), or None for the bundled model.
        runtime: a name from `mnistx runtimes`. It is never replaced by another one.
        threads: the most threads for a large batch; None for the CPUs this process may use. A single image is
            always computed on one.
        isolated: run the model in a process of its own, so that a file nobody vouches for can't crash this one, hang it
            or fill its memory. Costs a copy of the images and the answers on each call.
        verify_on_load: hold the model's bytes and its metadata to the digests in it before it is loaded. The bundled
            one is always held to the digest that was published. What `verify` does beside that, answering the golden
            images, takes longer.

    Attributes:
        metadata: what the artifact says of itself.

    Raises:
        ArtifactError: the model file is missing, damaged or made for another interface.
        BackendUnavailable: the runtime can't run here.
        UntrustedModel: MNISTX_TRUST names keys, and none of them signed the model.
        BadInput: no runtime has this name, `threads` is below 1, or `model` is nothing that the runtime loads.
        VerificationFailed: with `verify_on_load`, the model or its metadata isn't as it was sealed; the bundled model
            isn't the one that the package came with.

    >>> predictor = Predictor()
    >>> picture = np.full((100, 60), 255, np.uint8)
    >>> picture[10:90, 25:35] = 0
    >>> predictor.predict(picture).name
    '1'
    """

    def __init__(
        self,
        model: Any = None,
        runtime: str = "ort",
        threads: int | None = None,
        *,
        verify_on_load: bool = False,
        isolated: bool = False,
    ) -> None:
        """Load the model; see the class."""
        most = available_cpus() if threads is None else check_count("threads", threads)
        loader = backend(runtime, model)
        if model is None:
            model = open_bundled(runtime)
        elif verify_on_load:
            model = artifact_for(model, runtime).require_intact()
        if isolated:
            from mnistx_runtime.backends.isolated import IsolatedSession

            self._session: Session = IsolatedSession(artifact_for(model, runtime), runtime, most)
        else:
            self._session = loader.load(model, most)
        self.metadata = self._session.metadata
        self._shape = self.metadata.input.shape

    @property
    def certificate(self) -> "Certificate":
        """The golden images and the trained model's answers to them.

        Raises:
            ArtifactError: the model carries none, or a damaged one.
        """
        return self._session.certificate

    @cached_property
    def _postprocess(self) -> Postprocess:
        return Postprocess(self.metadata)

    @cached_property
    def _preprocess(self) -> Preprocess:
        return preprocess_for(self.metadata.input)

    def predict(self, picture: Source, min_confidence: float = MIN_CONFIDENCE) -> Prediction:
        """Answer one picture.

        Args:
            picture: a path; the bytes of a file; a PIL image; or a uint8 array, `(height, width)` grey or
                `(height, width, 3 or 4)` colour, of any size.
            min_confidence: refuse to answer below this probability, 0..1.

        Raises:
            BadInput: it can't be read as a picture, or `min_confidence` is no such number.
            PredictionRefused: there's nothing on it to read, or the model isn't as sure as asked.
        """
        check_probability("min_confidence", min_confidence)
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
        check_probability("min_confidence", min_confidence)
        reading = self.explain_many(picture)[1]
        reading.require(min_confidence)
        return reading

    def predict_files(
        self, pictures: Sequence[Source], many: bool = False, processes: int = 1
    ) -> Generator[Prediction | Reading | MnistxError | OSError, None, None]:
        """Answer any number of pictures; one that can't be read never stops the rest.

        Args:
            pictures: each as `predict` takes it.
            many: read all the digits in each, as `predict_many` does.
            processes: that decode and prepare pictures. They end with this one, and where the iteration ends early.

        Returns:
            In the pictures' order, for each a `Prediction` (with `many` a `Reading`), or the error that it raised.
            However doubtful an answer is, it is given: call its `require`.

        Raises:
            BadInput: the processes can't be started.

        >>> blank = np.zeros((50, 50), np.uint8)
        >>> [type(answer).__name__ for answer in Predictor().predict_files([blank, "no.png"])]
        ['PredictionRefused', 'UnreadablePicture']
        """
        with closing(prepare_files(pictures, self.metadata.input, many, processes)) as prepared:
            yield from self.answer_prepared(pictures, prepared, many)

    def answer_prepared(
        self, pictures: Sequence[Source], prepared: Iterable[Lines | MnistxError | OSError], many: bool
    ) -> Generator[Prediction | Reading | MnistxError | OSError, None, None]:
        """What `predict_files` gives, of pictures that were prepared elsewhere.

        Args:
            pictures: see `predict_files`.
            prepared: of each, in their order, what `attempt_picture` gives.
            many: see `predict_files`.
        """
        at = 0
        began = perf_counter()
        waiting = iter(prepared)
        while batch := list(islice(waiting, BATCH)):
            sources = pictures[at : at + len(batch)]
            found = [each for each in batch if isinstance(each, list)]
            chosen = iter(self._postprocess.choose(found, self._answers(found)))
            elapsed = (perf_counter() - began) * 1e3 / len(batch)
            for each, source in zip(batch, sources, strict=True):
                if isinstance(each, list):
                    yield self._reading(next(chosen), source, elapsed, many)
                else:
                    yield each
            at += len(batch)
            began = perf_counter()

    def _reading(
        self, chosen: list[list[Chosen]], source: Source, elapsed_ms: float, many: bool
    ) -> Prediction | Reading | MnistxError:
        try:
            reading = self._postprocess.reading(chosen, source_name(source), elapsed_ms)
        except MnistxError as error:
            return error
        return reading if many else only_digit(reading)

    def explain(self, picture: Source) -> tuple[Prepared, Prediction]:
        """What `predict` does, with what the model saw, however doubtful it is.

        Args:
            picture: see `predict`.

        Raises:
            BadInput, PredictionRefused: see `predict`.
        """
        ((prepared, *_),), reading = self._explain(picture, False)
        return prepared, only_digit(reading)

    def explain_many(self, picture: Source) -> tuple[list[list[Prepared]], Reading]:
        """What `predict_many` does, with what the model saw, line by line."""
        return self._explain(picture, True)

    def _explain(self, picture: Source, many: bool) -> tuple[list[list[Prepared]], Reading]:
        began = perf_counter()
        lines = prepare_picture(picture, self._preprocess, many)
        found = found_in(lines)
        rows = self._answers([found])
        reading, places = self._postprocess.read(found, rows, (perf_counter() - began) * 1e3, source_name(picture))
        return [[line[at] for at in chosen] for line, chosen in zip(lines, places, strict=True)], reading

    def _answers(self, pictures: Sequence[Lines]) -> NDArray[np.float32]:
        """The model's answers to all images of some pictures, in one run."""
        images = images_in(pictures)
        return self.log_probs(np.stack(images)) if images else np.empty((0, 1), np.float32)

    def predict_batch(self, images: NDArray[np.uint8]) -> list[Prediction]:
        """Answer images that already are as the model reads them; nothing is done to their pixels.

        Args:
            images: uint8 `(N, channels, height, width)`, or of one channel `(N, height, width)`, 0..255; of a digit
                model, bright ink on black.

        Raises:
            BadInput: another shape or type.
        """
        began = perf_counter()
        log_probs = self.log_probs(images)
        elapsed = (perf_counter() - began) * 1e3 / max(len(images), 1)
        return [self._postprocess.prediction(row, elapsed) for row in log_probs]

    def log_probs(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The model's bare output, float32 `(N, classes)`; takes what `predict_batch` takes.

        Raises:
            BadInput: another shape or type.
        """
        shape = self._shape
        if (
            not isinstance(images, np.ndarray)
            or images.dtype != np.uint8
            or (images.shape[1:] != shape and (shape[0] > 1 or images.shape[1:] != shape[1:]))
        ):
            found = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else type(images).__name__
            grey = f"(N, {shape[1]}, {shape[2]}) or " if shape[0] == 1 else ""
            raise BadInput(f"a batch must be a uint8 array {grey}(N, {', '.join(map(str, shape))}), not {found}")
        if not len(images):
            return np.empty((0, len(self.metadata.names)), np.float32)
        images = np.ascontiguousarray(images)
        with no_fork():
            answers = self._session.run(images if images.ndim == 4 else images[:, None])
        if answers.shape != (len(images), len(self.metadata.names)) or not isfinite(np.vdot(answers, answers)):
            raise ArtifactError("the model's answers aren't finite numbers, one a class; verify it")
        return answers
