from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import pixel_model
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import seal
from mnistx_runtime.artifact.verification import verify
from mnistx_runtime.artifact.wasm import Wasm, wasm_block
from mnistx_runtime.artifact.web_page import METADATA, SUFFIX, block
from mnistx_runtime.backends import backend, runtime_of
from mnistx_runtime.errors import ArtifactError
from pixel_model import ANSWERS, IMAGES

wasmtime = pytest.importorskip("wasmtime", reason="wasmtime is missing: pip install 'mnistx-runtime[web]'")

TEXT = """(module
  (memory (export "memory") 1)
  (func (export "image") (result i32) i32.const 64)
  (func (export "log_probs") (result i32) i32.const 128)
  (func (export "predict") (result i32)
    (f32.store (i32.const 128) (f32.neg (f32.convert_i32_u (i32.load8_u (i32.const 64)))))
    (f32.store (i32.const 132) (f32.neg (f32.convert_i32_u (i32.load8_u (i32.const 127)))))
    {end}))"""
"""A model that answers with the first and the last pixel."""


def page(folder: Path, text: str = TEXT.format(end="i32.const 0")) -> Path:
    module = wasmtime.wat2wasm(text)
    model = wasm_block(Wasm({"simd": bytes(module)}, b""))
    payload = {SUFFIX: f"<html>{block(METADATA, '')}{model}</html>".encode()}
    path = folder / "m.html"
    path.write_bytes(seal(SUFFIX, payload, pixel_model.METADATA, Certificate(IMAGES, ANSWERS))[SUFFIX])
    return path


def test_it_answers_and_verifies_by_its_path(tmp_path: Path) -> None:
    path = page(tmp_path)
    assert runtime_of(path) == "web"
    assert (backend("web").load(path, 1).run(IMAGES) == ANSWERS).all()
    assert backend("web").load(path, 1).run(IMAGES[:0]).shape == (0, 2)
    assert verify(path).passed


def test_threads_take_turns(tmp_path: Path) -> None:
    session = backend("web").load(page(tmp_path), 1)
    with ThreadPoolExecutor(8) as pool:
        for answers in pool.map(lambda _: session.run(np.tile(IMAGES, (20, 1, 1, 1))), range(16)):
            assert (answers == np.tile(ANSWERS, (20, 1))).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text.replace("i32.const 0))", "unreachable))"), "can't be run"),
        (lambda text: text.replace("i32.const 0))", "i32.const -1))"), "refused its own workspace"),
        (lambda text: text.replace('(func (export "image")', '(func (export "picture")'), "no WebAssembly of mnistx's"),
        (lambda text: text.replace("i32.const 64)", "i32.const 70000)", 1), "can't be run"),
        (lambda text: text.replace("(memory", '(import "a" "b" (func)) (memory'), "no WebAssembly of mnistx's"),
        (lambda text: text.replace('"memory") 1', '"memory") 9000'), "no WebAssembly of mnistx's"),
    ],
    ids=["trap", "refusal", "no image", "beyond its memory", "an import", "half a gigabyte"],
)
def test_modules_that_are_none_of_ours(change: Callable[[str], str], reason: str, tmp_path: Path) -> None:
    text = TEXT.format(end="i32.const 0")
    assert change(text) != text
    with pytest.raises(ArtifactError, match=reason):
        backend("web").load(page(tmp_path, change(text)), 1).run(IMAGES)


def test_bytes_that_are_no_module(tmp_path: Path) -> None:
    path = page(tmp_path)
    model = wasm_block(Wasm({"simd": b"nothing"}, b""))
    path.write_bytes(f"<html>{block(METADATA, '')}{model}</html>".encode())
    with pytest.raises(ArtifactError, match=r"m\.html"):
        backend("web").load(path, 1)
