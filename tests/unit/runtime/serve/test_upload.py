import pytest

from mnistx_runtime.errors import BadInput, UnreadablePicture
from mnistx_runtime.serve.upload import Upload, attempt_upload
from server_process import Server

FORM = "multipart/form-data; boundary=x"


def form(*parts: str) -> bytes:
    return "".join(f"--x\r\n{part}\r\n" for part in parts).encode() + b"--x--\r\n"


FILE = 'Content-Disposition: form-data; name="p"; filename="a.png"\r\n\r\nbytes'


def test_the_picture_is_the_body_or_the_file_of_a_form() -> None:
    assert Upload(b"bytes", "image/png").picture() == b"bytes"
    field = 'Content-Disposition: form-data; name="q"\r\n\r\nz'
    assert Upload(form(field, FILE), FORM).picture() == b"bytes"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (form(FILE, FILE), FORM),
        (form('Content-Disposition: form-data; name="q"\r\n\r\nz'), FORM),
        (form("X: y\r\n\r\nz"), FORM),
        (b"--y", FORM),
        (b"", FORM),
        (form(FILE), "multipart/form-data"),
        (b"--x\r\n" + b"a" * 100_000, FORM),
    ],
)
def test_a_form_that_is_none_is_told(body: bytes, kind: str) -> None:
    with pytest.raises(BadInput, match="the form"):
        Upload(body, kind).picture()
    assert isinstance(attempt_upload(Upload(body, kind), "{}", False), BadInput)


def test_a_server_reads_forms(server: Server) -> None:
    answer = server.post("/predict", form(FILE), Content_Type=FORM)
    assert answer.status == 400 and "is not a picture" in answer.json()["error"]
    assert issubclass(UnreadablePicture, BadInput)
