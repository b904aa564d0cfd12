import io
import json
import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command import PICTURES, ROOT, mnistx_process
from mnistx_runtime.errors import BadInput
from mnistx_runtime.serve.pictures import Options, parse_options
from server_process import Server, serving

HOSTILE = {
    "a text": b"no picture",
    "nothing": b"",
    "cut off": (PICTURES / "seven.jpg").read_bytes()[:2000],
    "a bitmap of 10,000 comments": b"P1 " + b"#\n" * 10_000 + b"1 1 1",
    "a HEIC": b"\0\0\0\x18ftypheic" + bytes(40),
}


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the command line says of each of them, that calls it "p"."""
    folder = tmp_path_factory.mktemp("hostile")
    for at, picture in enumerate(HOSTILE.values()):
        (folder / f"p{at}").write_bytes(picture)
    _, _, err = mnistx_process("predict", *(f"p{at}" for at in range(len(HOSTILE))), cwd=folder)
    said = [re.sub(r"^Error: p\d", "p", line) for line in err.splitlines()]
    return dict(zip(HOSTILE, said, strict=True))


@pytest.mark.parametrize("name", ["three.jpg", "seven.jpg"])
def test_a_picture_is_answered_as_the_command_line_does(name: str, server: Server) -> None:
    answer = server.post("/predict?top_k=3", (PICTURES / name).read_bytes())
    code, out, _ = mnistx_process("predict", PICTURES / name, "--json", "--top-k", "3")
    expected = json.loads(out)
    assert (answer.status, code) == (200, 0)
    assert answer.json() | {"source": 0, "elapsed_ms": 0} == expected | {"source": 0, "elapsed_ms": 0}


def test_all_digits_are_read_and_explained(server: Server) -> None:
    picture = (ROOT / "artifacts" / "postal-code.jpg").read_bytes()
    assert server.post("/predict?many=true", picture).json()["text"] == "20742"
    drawn = server.post("/predict?many=true&explain=true", picture)
    assert drawn.headers["content-type"] == "image/png" and Image.open(io.BytesIO(drawn.body)).width > 1000
    assert server.post("/predict?explain=true", (PICTURES / "three.jpg").read_bytes()).status == 200


@pytest.mark.parametrize("name", HOSTILE)
def test_a_bad_picture_gets_the_line_of_the_command_line(name: str, server: Server, lines: dict[str, str]) -> None:
    answer = server.post("/predict", HOSTILE[name])
    assert answer.status in (400, 413) and answer.json()["error"].replace("the data", "p") == lines[name]


BROKE_SOMETHING = Path(os.environ.get("MNISTX_DATA", "")) / "hostile"
"""Small pictures that once broke something; nothing else of them is known."""


@pytest.mark.slow
@pytest.mark.skipif(not BROKE_SOMETHING.is_dir(), reason="needs shared/data/hostile: set MNISTX_DATA to shared/data")
def test_pictures_that_once_broke_something_are_answered_and_the_server_goes_on(tmp_path: Path) -> None:
    pictures = [path.read_bytes() for path in sorted(BROKE_SOMETHING.iterdir())]
    assert len(pictures) > 5
    with serving(tmp_path, "--grace", "0") as server:
        for query in ("", "?many=true", "?explain=true"):
            for picture in pictures:
                answer = server.post(f"/predict{query}", picture)
                assert answer.status in (200, 400, 413, 422)
                if answer.status != 200:
                    error = answer.json()["error"]
                    assert error and error.isprintable(), error
        three = server.post("/predict", (PICTURES / "three.jpg").read_bytes())
        assert (three.status, three.json()["name"]) == (200, "3") and server.get("/v2/health/ready").status == 200
        server.process.terminate()
        assert server.process.wait(60) == 0
        assert server.process.stderr and server.process.stderr.read() == ""
        assert len(server.lines()) == 3 * len(pictures) + 2 and "Traceback" not in server.log.read_text()


def test_a_picture_that_would_take_too_much_is_413_before_it_is_decoded(server: Server) -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    picture = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    answer = server.post("/predict", picture + struct.pack(">I", 0) + b"IDAT" + bytes(40))
    assert answer.status == 413 and "million pixels" in answer.json()["error"]


def test_what_holds_nothing_to_read_is_refused(server: Server) -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((100, 100), 255, np.uint8)).save(file, "PNG")
    answer = server.post("/predict", file.getvalue())
    assert answer.status == 422 and "error" in answer.json()
    unsure = server.post("/predict?min_confidence=1&many=1", (ROOT / "artifacts/postal-code.jpg").read_bytes())
    assert unsure.status == 422 and unsure.json()["error"].startswith("not sure enough") and unsure.json()["digits"]


def test_options_are_those_of_the_command_line_and_nothing_else() -> None:
    assert parse_options({}) == Options() and parse_options({"explain": "1"}).explain
    for query in ({"top_k": "0"}, {"top_k": "²"}, {"min_confidence": "nan"}, {"min_confidence": "2"}, {"many": "yes"},
                  {"out": "/etc/passwd"}, {"top_k": "9" * 5000}):  # fmt: skip
        with pytest.raises(BadInput):
            parse_options(query)
