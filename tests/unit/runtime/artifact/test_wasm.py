import zlib
from binascii import b2a_base64

import pytest

from mnistx_runtime.artifact import wasm
from mnistx_runtime.artifact.wasm import Wasm, read_wasm, wasm_block
from mnistx_runtime.artifact.web_page import MODEL, SUFFIX, block
from mnistx_runtime.errors import ArtifactError

WASM = Wasm({"simd": b"\0asm-simd", "scalar": b"\0asm-scalar"}, b"constants")


def page(model: str = wasm_block(WASM)) -> dict[str, bytes]:
    return {SUFFIX: f"<html>{model}</html>".encode()}


def test_what_was_written_is_read() -> None:
    assert read_wasm(page(), "p") == WASM
    assert WASM.module("scalar") == b"\0asm-scalarconstants"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "[" * 10_000,
        '{"code": {}, "data": ""}',
        '{"code": {"simd": "AAAA"}, "data": "AAAA"}',
        '{"code": {"simd": 3}, "data": 4}',
    ],
    ids=["empty", "list", "deep", "no code", "not packed", "numbers"],
)
def test_webassembly_that_can_not_be_read(content: str) -> None:
    with pytest.raises(ArtifactError, match="no readable WebAssembly"):
        read_wasm(page(block(MODEL, content)), "p")


def test_what_expands_too_far_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wasm, "_MOST", 1000)
    packed = b2a_base64(zlib.compress(bytes(2000)), newline=False).decode()
    content = f'{{"code": {{"simd": "{packed}"}}, "data": "{packed}"}}'
    with pytest.raises(ArtifactError, match="no readable WebAssembly"):
        read_wasm(page(block(MODEL, content)), "p")
