"""The picture in a body: the whole of it, or the one file of a form; it is read by a process that may be ended."""

import asyncio
from collections.abc import AsyncGenerator
from typing import NamedTuple

from mnistx_runtime.batch import Lines, attempt_picture
from mnistx_runtime.errors import BadInput, MnistxError

_FORM = "multipart/form-data"
_MOST_FIELDS = 8


class Upload(NamedTuple):
    """What was sent.

    Args:
        body: of the request.
        content_type: a form is told by it; whatever else it says, the body is the picture.
    """

    body: bytes
    content_type: str = ""

    def picture(self) -> bytes:
        """The bytes of the picture's file.

        Raises:
            BadInput: a form that is damaged, or doesn't hold one file.
        """
        is_form = self.content_type.lower().startswith(_FORM)
        return asyncio.run(_file_in(self.body, self.content_type)) if is_form else self.body


def attempt_upload(upload: Upload, key: str, many: bool) -> Lines | MnistxError | OSError:
    """What is to be answered of a picture that was sent, or the error that it raised; see `attempt_picture`."""
    try:
        return attempt_picture(upload.picture(), key, many)
    except BadInput as error:
        return error


async def _file_in(body: bytes, content_type: str) -> bytes:
    from starlette.datastructures import Headers, UploadFile
    from starlette.formparsers import MultiPartException, MultiPartParser

    async def once() -> AsyncGenerator[bytes, None]:
        yield body

    headers = Headers({"content-type": content_type})
    parser = MultiPartParser(headers, once(), max_files=1, max_fields=_MOST_FIELDS)
    parser.spool_max_size = len(body) + 1  # no file is written: the body is in memory, and bounded
    try:
        items = (await parser.parse()).multi_items()
    except MultiPartException as error:
        raise BadInput(f"the form can't be read: {error.message}") from error
    except (KeyError, ValueError) as error:
        raise BadInput("the form can't be read: it is damaged") from error
    files = [value for _, value in items if isinstance(value, UploadFile)]
    if not files:
        raise BadInput("the form must hold a file, the picture")
    with files[0].file as file:
        return file.read()
