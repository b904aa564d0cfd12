"""What is answered in place of what was asked for: a status and one line."""

from collections.abc import Mapping
from typing import Any

from mnistx_runtime.errors import ArtifactError, MnistxError, PictureTooLarge, PredictionRefused


class HttpError(Exception):
    """An answer that is none.

    Args:
        status: of HTTP.
        text: one line for who asked.
        headers: beside it.
        values: JSON-ready, beside the line.
    """

    def __init__(
        self, status: int, text: str, headers: Mapping[str, str] | None = None, values: Mapping[str, Any] | None = None
    ) -> None:
        """See the class."""
        super().__init__(text)
        self.status, self.text, self.headers, self.values = status, text, dict(headers or {}), dict(values or {})


def status_of(error: MnistxError) -> int:
    """The status that an error of mnistx's stands for.

    >>> from mnistx_runtime.errors import BadInput
    >>> status_of(BadInput("no picture")), status_of(PredictionRefused("no digit")), status_of(PictureTooLarge("a.png"))
    (400, 422, 413)
    """
    for kind, status in ((PictureTooLarge, 413), (PredictionRefused, 422), (ArtifactError, 500)):
        if isinstance(error, kind):
            return status
    return 400
