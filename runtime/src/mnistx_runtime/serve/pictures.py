"""From a picture to an answer: decoded in a process of its own, computed together with what others sent."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.arguments import check_count, check_probability
from mnistx_runtime.batch import prepare_picture, preprocess_of
from mnistx_runtime.commands import one_line
from mnistx_runtime.errors import BadInput, MnistxError
from mnistx_runtime.postprocess import Postprocess, images_in, only_digit
from mnistx_runtime.prediction import Prediction, Reading
from mnistx_runtime.predictor import MIN_CONFIDENCE
from mnistx_runtime.serve.decoders import Decoders
from mnistx_runtime.serve.http_error import HttpError, status_of
from mnistx_runtime.serve.upload import Upload, attempt_upload

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Options:
    """What is asked of a picture, as the command line names it.

    Args:
        many: read all of its digits, line by line.
        top_k: answers a digit, at least 1.
        min_confidence: refuse to answer below this probability, 0..1.
        explain: answer with a PNG of what the model saw.
    """

    many: bool = False
    top_k: int = 1
    min_confidence: float = MIN_CONFIDENCE
    explain: bool = False


def parse_options(query: Mapping[str, str]) -> Options:
    """The options in an address.

    Raises:
        BadInput: one is unknown, or no value that it takes.

    >>> parse_options({"many": "true", "top_k": "3"})
    Options(many=True, top_k=3, min_confidence=0.5, explain=False)
    """
    values: dict[str, Any] = {}
    for name, text in query.items():
        if name in ("many", "explain"):
            if text not in _BOOLEANS:
                raise BadInput(f"{name} must be true or false, not {text!r:.60}")
            values[name] = _BOOLEANS[text]
        elif name == "top_k":
            values[name] = check_count(name, int(text) if re.fullmatch("[0-9]{1,9}", text) else text)
        elif name == "min_confidence":
            values[name] = check_probability(name, _number(text))
        else:
            raise BadInput(f"unknown option {name!r:.60}; known: model, many, top_k, min_confidence, explain")
    return Options(**values)


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


@dataclass(frozen=True)
class Reader:
    """Answers pictures with one model.

    Args:
        postprocess: of the model.
        key: of its input, see `spec_key`.
        decoders: processes that decode.
        compute: the model's bare output for images, computed together with others'.
    """

    postprocess: Postprocess
    key: str
    decoders: Decoders
    compute: Callable[[str, NDArray[np.uint8]], Awaitable[NDArray[np.float32]]]

    async def answer(self, client: str, upload: Upload, options: Options) -> dict[str, Any] | bytes:
        """JSON-ready values, or with `explain` the bytes of a PNG.

        Args:
            client: who asks.
            upload: the picture.
            options: what is asked.

        Raises:
            HttpError: it can't be read, or holds nothing that is; the text is the command line's.
        """
        began = perf_counter()
        lines = await self._decode(client, attempt_upload, upload, self.key, options.many)
        if isinstance(lines, Exception):
            raise _http_error(lines)
        images = images_in([lines])
        rows = await self.compute(client, np.stack(images)) if images else np.empty((0, 1), np.float32)
        found: Prediction | Reading
        try:
            reading, places = self.postprocess.read(lines, rows, (perf_counter() - began) * 1e3)
            found = reading if options.many else only_digit(reading)
        except MnistxError as error:
            raise _http_error(error) from error
        if options.explain:
            drawn: bytes = await self._decode(client, draw, upload, self.key, places, found)
            return drawn
        values = found.to_dict(options.top_k)
        del values["source"]
        try:
            found.require(options.min_confidence)
        except MnistxError as error:
            given = values if isinstance(found, Reading) else {}
            raise _http_error(error, given) from error
        return values

    async def _decode(self, client: str, work: Callable[..., Any], *args: Any) -> Any:
        try:
            return await self.decoders.run(client, work, *args)
        except MnistxError as error:
            raise _http_error(error) from error


def _http_error(error: Exception, values: Mapping[str, Any] | None = None) -> HttpError:
    status = status_of(error) if isinstance(error, MnistxError) else 503
    return HttpError(status, one_line(error), values=values)


def draw(upload: Upload, key: str, places: list[list[int]], found: Prediction | Reading) -> bytes:
    """A PNG of what the model saw, as `mnistx predict --explain` draws it.

    Args:
        upload: the picture.
        key: of the model's input, see `spec_key`.
        places: see `Postprocess.read`.
        found: what was answered.
    """
    import io

    from mnistx_runtime.explain import draw_explanation, draw_explanations

    lines = prepare_picture(upload.picture(), preprocess_of(key), isinstance(found, Reading))
    if isinstance(found, Reading):
        chosen = [[line[at] for at in each] for line, each in zip(lines, places, strict=True)]
        figure = draw_explanations(chosen, found)
    else:
        figure = draw_explanation(lines[0][places[0][0]], found)
    file = io.BytesIO()
    figure.save(file, "PNG")
    return file.getvalue()
