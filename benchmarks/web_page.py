"""Publishes what a page weighs, how fast it answers, and whether it answers as Python does: web_page.md.

`python benchmarks/web_page.py artifacts EXPORTED` takes the folder that `mnistx export --format web --format web-fp32
--format onnx --format onnx-int8` of the released checkpoint wrote. It needs playwright, Chromium, MNIST, and ONNX
Runtime Web in node_modules (`npm install --no-save onnxruntime-web`). All is timed in one Chromium, in turns.
"""

import base64
import io
import json
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from mnistx_export.checkpoint_model import model_with_data
from mnistx_export.golden import draw_digit
from mnistx_export.web.module import write_module
from mnistx_runtime import PredictionRefused, Predictor
from mnistx_runtime.artifact.wasm import read_wasm
from mnistx_runtime.artifact.web_page import METADATA, MODEL, SUFFIX, read_block
from photos import DISTURBANCES, photograph

ROOT = Path(__file__).resolve().parent.parent
ORT = ROOT / "node_modules" / "onnxruntime-web" / "dist"
ORT_FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
PHOTOS, ROUNDS, CALLS = 2000, 15, 200
PAGES = {"int8": "mnist-cnn", "float32": "mnist-cnn-fp32"}
ONNX = {"int8": "mnist-cnn-int8.onnx", "float32": "mnist-cnn.onnx"}

OPEN = """async ([name, build]) => {
  const { load } = await import(`./${name}/mnistx.js?${Math.random()}`);
  const before = performance.now();
  self.model = await load(build);
  return performance.now() - before;
}"""
OPEN_ORT = """async (file) => {
  const ort = await import(`./ort.wasm.min.mjs?${Math.random()}`);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL("./", location.href).href;
  const before = performance.now();
  self.session = await ort.InferenceSession.create(file);
  const image = Uint8Array.from({ length: 784 }, (_, at) => at % 251);
  self.feeds = { image: new ort.Tensor("uint8", image, [1, 1, 28, 28]) };
  await self.session.run(self.feeds);
  return performance.now() - before;
}"""
PREDICT = """async (calls) => {
  const image = Uint8Array.from({ length: 784 }, (_, at) => at % 251);
  const before = performance.now();
  for (let call = 0; call < calls; call++) self.model.logProbs(image);
  return (performance.now() - before) / calls;
}"""
PREDICT_ORT = """async (calls) => {
  const before = performance.now();
  for (let call = 0; call < calls; call++) await self.session.run(self.feeds);
  return (performance.now() - before) / calls;
}"""
READ = """async ([text, calls]) => {
  const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes]));
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const picture = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const before = performance.now();
  let reading;
  for (let call = 0; call < calls; call++) reading = self.model.read(picture);
  const spent = (performance.now() - before) / calls;
  const [first] = reading.found;
  const label = reading.found.length === 1 ? first.answer?.label ?? null : null;
  return { spent, label, image: first?.image && [...first.image] };
}"""
ANSWERS = """(text) => {
  const images = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  const answers = [];
  for (let at = 0; at < images.length; at += 784) answers.push(...self.model.logProbs(images.subarray(at, at + 784)));
  return answers;
}"""
CHECKED = """() => new Promise((done) => {
  const badge = document.querySelector("#check");
  const look = () => badge.dataset.state !== "waiting" && done(performance.now());
  look();
  new MutationObserver(look).observe(badge, { attributes: true });
})"""


def parts(page: bytes) -> dict[str, int]:
    """Bytes of what a page consists of, as they lie in it."""
    wasm, model = read_wasm({SUFFIX: page}, "the page"), json.loads(read_block(page, MODEL, "the page"))
    found = {f"code, {build}": len(text) for build, text in model["code"].items()}
    found |= {"weights": len(model["data"]), "metadata and certificate": len(read_block(page, METADATA, "the page"))}
    assert all(wasm.code.values())
    return found | {"HTML, CSS and JavaScript": len(page) - sum(found.values()), "all": len(page)}


@contextmanager
def served(exported: Path) -> Iterator[str]:
    """The modules, the models and ONNX Runtime Web under an address of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "index.html").write_text("<!doctype html><title>benchmark</title>")
        for name in PAGES.values():
            (root / name).mkdir()
            shutil.copy(exported / f"{name}.html", root / name)
            write_module(root / name / f"{name}.html")
        for file in (*(ORT / name for name in ORT_FILES), *(exported / name for name in ONNX.values())):
            shutil.copy(file, root)
        handler = partial(type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None}), directory=root)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def timed(page: Page) -> dict[str, dict[str, list[float]]]:
    """Milliseconds of loading and of an image, in turns."""
    found: dict[str, dict[str, list[float]]] = {}
    ways = [(f"page, {kind}, {build}", kind, build) for kind in PAGES for build in ("simd", "scalar")]
    for _ in range(ROUNDS):
        for label, kind, build in ways:
            row = found.setdefault(label, {"load": [], "image": []})
            row["load"].append(page.evaluate(OPEN, [PAGES[kind], build]))
            row["image"].append(page.evaluate(PREDICT, CALLS))
        for kind, file in ONNX.items():
            row = found.setdefault(f"ONNX Runtime Web, {kind}", {"load": [], "image": []})
            row["load"].append(page.evaluate(OPEN_ORT, file))
            row["image"].append(page.evaluate(PREDICT_ORT, CALLS))
    return found


def photos() -> Iterator[tuple[bytes, int | None]]:
    """Photographs, and what Python reads in them; None where it refuses."""
    predictor = Predictor(threads=1)
    for index in range(PHOTOS):
        disturbance = DISTURBANCES[index % len(DISTURBANCES)]
        scene = disturbance.scene((0.25, 0.5, 0.75, 1.0)[index // len(DISTURBANCES) % 4])
        data = photograph(draw_digit(index % 10, index), scene, index)
        try:
            answer = predictor.predict(Image.open(io.BytesIO(data)))
            yield data, None if answer.rejection_reason else int(answer.label)
        except PredictionRefused:
            yield data, None


def golden(page: Page) -> list[int]:
    """Of each golden picture in grey, the most grey levels between the page's image and Python's."""
    found = []
    for path in sorted((ROOT / "tests" / "golden").glob("*.in.png")):
        grey = io.BytesIO()
        Image.open(path).convert("L").save(grey, "PNG")
        expected = Predictor(threads=1).explain(Image.open(grey))[0].image.ravel()
        read = page.evaluate(READ, [base64.b64encode(grey.getvalue()).decode(), 1])["image"]
        found.append(int(np.abs(np.array(read) - expected.astype(int)).max()))
    return found


def quartiles(values: NDArray[np.float64] | list[float]) -> str:
    """The median, and the quartiles."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def parity(page: Page) -> list[str]:
    """All test images, beside PyTorch."""
    model, missing = model_with_data(ROOT / "artifacts" / "mnist-cnn.safetensors", None, with_training=False)
    assert model.reference is not None, missing
    images, labels = model.reference.test.images, model.reference.test.labels
    rows = []
    for kind, name in PAGES.items():
        for build in ("simd", "scalar"):
            page.evaluate(OPEN, [name, build])
            chunks = [images[at : at + 1000].tobytes() for at in range(0, len(images), 1000)]
            answers = [page.evaluate(ANSWERS, base64.b64encode(chunk).decode()) for chunk in chunks]
            found = np.array(answers, np.float32).reshape(len(images), -1)
            gaps = [np.abs(found - reference).max() for reference in (model.reference.float32, model.reference.float64)]
            changed = int((found.argmax(1) != model.reference.float32.argmax(1)).sum())
            accuracy = float((found.argmax(1) == labels).mean())
            rows.append(f"| {kind}, {build} | {gaps[0]:.2g} | {gaps[1]:.2g} | {changed} | {accuracy:.2%} |")
    return rows


def report(exported: Path, artifacts: Path) -> str:
    """The page of figures."""
    sizes = {kind: parts((exported / f"{name}.html").read_bytes()) for kind, name in PAGES.items()}
    with served(exported) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(address)
        times = timed(page)
        page.evaluate(OPEN, [PAGES["int8"], "simd"])
        grey_levels = golden(page)
        board = io.BytesIO()
        drawn = np.full((480, 720), 255, np.uint8)
        drawn[80:400, 200:520] -= draw_digit(3, 1, 320)
        Image.fromarray(drawn).save(board, "PNG")
        strokes = {}
        for build in ("simd", "scalar"):
            page.evaluate(OPEN, [PAGES["int8"], build])
            text = base64.b64encode(board.getvalue()).decode()
            strokes[build] = [page.evaluate(READ, [text, 10])["spent"] for _ in range(ROUNDS)]
        page.evaluate(OPEN, [PAGES["int8"], "simd"])
        labels = [
            (expected, page.evaluate(READ, [base64.b64encode(data).decode(), 1])["label"])
            for data, expected in photos()
        ]
        rows = parity(page)
        opened: dict[str, list[float]] = {kind: [] for kind in PAGES}
        for _ in range(ROUNDS):
            for kind, name in PAGES.items():
                fresh: Any = browser.new_page()
                fresh.goto((exported / f"{name}.html").resolve().as_uri())
                opened[kind].append(fresh.evaluate(CHECKED))
                fresh.close()
        version = browser.version
        browser.close()
    ort_size = sum((ORT / name).stat().st_size for name in ORT_FILES)
    same = sum(expected == found for expected, found in labels)
    base = times["ONNX Runtime Web, float32"]
    lines = [
        "# The page",
        "",
        "`python benchmarks/web_page.py artifacts EXPORTED`, of the released model; EXPORTED is what",
        "`mnistx export --format web --format web-fp32 --format onnx --format onnx-int8 --checkpoint",
        "artifacts/mnist-cnn.safetensors --out EXPORTED` wrote.",
        "",
        "## Size",
        "",
        "| bytes in the page | " + " | ".join(sizes) + " |",
        "|---|" + "---|" * len(sizes),
        *(f"| {part} | " + " | ".join(f"{sizes[kind][part]:,}" for kind in sizes) + " |" for part in sizes["int8"]),
        "",
        f"ONNX Runtime Web's smallest build is {ort_size:,} bytes ({', '.join(ORT_FILES)}), without a model:",
        f"{ort_size / sizes['int8']['all']:.0f} times the whole page.",
        "",
        "## Time",
        "",
        f"One run in Chromium {version}, in turns: medians of {ROUNDS} rounds, quartiles in brackets. *Loading* takes",
        "the model from its bytes to the first answer, and for a page includes all golden images of the self-check.",
        "*An image* is 28x28 pixels, already prepared. Ratios are to ONNX Runtime Web in float32, of the same round.",
        "",
        "| what | loading, ms | an image, ms | an image, ratio |",
        "|---|---|---|---|",
        *(
            f"| {label} | {quartiles(row['load'])} | {quartiles(row['image'])} | "
            f"{quartiles(np.array(row['image']) / np.array(base['image']))} |"
            for label, row in times.items()
        ),
        "",
        "From the beginning of the navigation to a page that has passed its self-check: "
        + ", ".join(f"{kind} {quartiles(values)} ms" for kind, values in opened.items())
        + ".",
        "",
        "One reading of the drawing board of 720x480 pixels, as at every movement of the pen: "
        + ", ".join(f"{build} {quartiles(values)} ms" for build, values in strokes.items())
        + ".",
        "",
        "## The same answers",
        "",
        "All 10,000 test images, beside PyTorch:",
        "",
        "| page | largest difference from float32 | from float64 | changed predictions | accuracy |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"Golden pictures in grey, {len(grey_levels)}: at most {max(grey_levels)} grey levels from Python's image.",
        "",
        "Photographs (`benchmarks/photos.py`, strengths 0.25 to 1), as a browser decodes them:",
        f"{same:,} of {len(labels):,} "
        f"({same / len(labels):.2%}) give the label that `mnistx predict` gives, or are refused by both.",
        "",
        f"{platform.system()} {platform.machine()}.",
        "",
    ]
    text = "\n".join(lines)
    (artifacts / "web_page.md").write_text(text)
    return text


if __name__ == "__main__":
    print(report(Path(sys.argv[2]), Path(sys.argv[1])))
