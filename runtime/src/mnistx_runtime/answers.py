"""What is told of a picture: its answer, or why there is none, as values that are ready for JSON."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistx_runtime.commands import one_line
from mnistx_runtime.errors import MnistxError, UnreadablePicture
from mnistx_runtime.picture_names import is_folder

if TYPE_CHECKING:
    from mnistx_runtime.input_spec import InputSpec
    from mnistx_runtime.prediction import Prediction, Reading


@dataclass(frozen=True)
class Mode:
    """What is asked of each picture, as the command line names it.

    Args:
        many: read all of its digits, line by line.
        top_k: answers a digit, at least 1.
        min_confidence: refuse to answer below this probability, 0..1.
    """

    many: bool
    top_k: int
    min_confidence: float


def answer_values(name: str, answer: "Prediction | Reading | Exception", mode: Mode) -> dict[str, Any]:
    """JSON-ready values of an answer; with `error` and `exit_code` where it is refused, or there is none.

    Args:
        name: of the picture.
        answer: or the error that the picture raised.
        mode: what is asked of it.

    >>> answer_values("a.png", UnreadablePicture("a.png: no such file"), Mode(False, 1, 0.5))
    {'source': 'a.png', 'error': 'a.png: no such file', 'exit_code': 2}
    """
    try:
        if isinstance(answer, Exception):
            raise answer
        answer.require(mode.min_confidence)
    except (MnistxError, OSError) as error:
        text = _nothing_found(name) if is_folder(name) else one_line(error)
        if name == "-" or not isinstance(error, UnreadablePicture | OSError):
            text = f"{name}: {text}"
        given = {} if isinstance(answer, Exception) or not hasattr(answer, "lines") else answer.to_dict(mode.top_k)
        return given | {"source": name, "error": text, "exit_code": getattr(error, "exit_code", 2)}
    return answer.to_dict(mode.top_k) | {"source": name}


def made_by(model: Path | None, spec: "InputSpec", mode: Mode) -> str:
    """What makes answers: all that decides what is in them, as each names it.

    A runtime isn't named, as a model's ending asks for one.

    Args:
        model: its path; None for the bundled one.
        spec: of its input.
        mode: what is asked of each picture.
    """
    from mnistx_runtime.artifact.container import files_sha256
    from mnistx_runtime.bundled import BUNDLED
    from mnistx_runtime.preprocess import preprocess_for
    from mnistx_runtime.records import FORM

    return (
        f"{FORM} model={files_sha256(model or BUNDLED)[:16]} preprocess={spec.preprocess}-"
        f"{preprocess_for(spec).version} many={mode.many} top_k={mode.top_k} min_confidence={mode.min_confidence}"
    )


def _nothing_found(folder: str) -> str:
    from mnistx_runtime.picture_folder import find_pictures

    return find_pictures(Path(folder)).nothing_found
