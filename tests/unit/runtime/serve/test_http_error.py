from mnistx_runtime.errors import ArtifactError, UnreadablePicture
from mnistx_runtime.serve.http_error import HttpError, status_of


def test_each_error_has_its_status() -> None:
    assert status_of(UnreadablePicture("x")) == 400 and status_of(ArtifactError("x")) == 500


def test_an_error_keeps_what_is_given_beside_its_line() -> None:
    error = HttpError(429, "full", {"retry-after": "1"}, {"text": "?"})
    assert (error.status, error.text, error.headers, error.values) == (429, "full", {"retry-after": "1"}, {"text": "?"})
