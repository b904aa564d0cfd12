"""mnistx.js in a page of somebody else's, and in a worker, in Chromium."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mnistx_export.web.module import write_module
from pages import released_page

pytestmark = pytest.mark.slow

WORKER = """import { load } from "./mnistx.js";
const model = load();
onmessage = async ({ data: picture }) => postMessage((await model).read(picture).found.map((each) => each.answer.name));
"""
PICTURE = """() => {
  const context = new OffscreenCanvas(200, 300).getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, 200, 300);
  context.fillStyle = "black";
  context.fillRect(90, 50, 18, 200);
  return context.getImageData(0, 0, 200, 300);
}"""
IN_PAGE = f"""async () => {{
  const {{ load }} = await import("./mnistx.js");
  const model = await load();
  return model.read(({PICTURE})()).found.map((each) => each.answer.name);
}}"""
IN_WORKER = f"""() => new Promise((done, fail) => {{
  const worker = new Worker("./worker.js", {{ type: "module" }});
  worker.onmessage = ({{ data }}) => done(data);
  worker.onerror = (event) => fail(new Error(event.message));
  worker.postMessage(({PICTURE})());
}})"""


class Quiet(SimpleHTTPRequestHandler):
    """Logs nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server of a page, the module and a worker."""
    folder: Path = tmp_path_factory.mktemp("served")
    (folder / "digits.html").write_bytes(released_page())
    write_module(folder / "digits.html")
    (folder / "index.html").write_text("<!doctype html><title>Somebody's</title>")
    (folder / "worker.js").write_text(WORKER)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("use", [IN_PAGE, IN_WORKER], ids=["page", "worker"])
def test_it_reads_a_picture(use: str, chromium: Any, address: str) -> None:
    page = chromium.new_page()
    page.goto(address)
    assert page.evaluate(use) == ["1"]
    page.close()
