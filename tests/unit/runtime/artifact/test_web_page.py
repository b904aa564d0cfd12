import zlib
from binascii import b2a_base64
from pathlib import Path

import pytest

from mnistx_runtime.artifact import web_page
from mnistx_runtime.artifact.web_page import METADATA, MODEL, SUFFIX, Wasm, block, read_wasm, wasm_block
from mnistx_runtime.errors import ArtifactError

WASM = Wasm({"simd": b"\0asm-simd", "scalar": b"\0asm-scalar"}, b"constants")


def page(model: str = wasm_block(WASM), metadata: str = block(METADATA, "")) -> dict[str, bytes]:
    return {SUFFIX: f"<html>{metadata}<p>text</p>{model}<script>run()</script></html>".encode()}


def test_what_was_written_is_read() -> None:
    assert read_wasm(page(), "p") == WASM
    assert WASM.module("scalar") == b"\0asm-scalarconstants"


def test_metadata_change_no_part_and_every_other_byte_does() -> None:
    parts = web_page.read_parts(page(), "p")
    props = {"a": "</script><!--", "b": "ü"}
    sealed = web_page.write_props(page(), props)
    assert web_page.read_props(sealed, "p") == props
    assert sealed[SUFFIX].count(b"</script>") == 3 and b"<!--" not in sealed[SUFFIX]
    assert web_page.read_parts(sealed, "p") == parts
    assert web_page.write_props(sealed, {}) == page()
    other = {SUFFIX: sealed[SUFFIX].replace(b"run()", b"walk()")}
    assert web_page.read_parts(other, "p")["page"] != parts["page"]
    assert web_page.read_parts(other, "p")["model"] == parts["model"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (page(metadata=""), "no block 'mnistx-metadata'"),
        (page(metadata=block(METADATA, "") * 2), "or several"),
        (page(metadata=block(METADATA, '{"props": 3}')), "its metadata is damaged"),
        (page(metadata=block(METADATA, '{"props": {"a": 1}}')), "its metadata is damaged"),
    ],
    ids=["none", "two", "a number", "no text"],
)
def test_metadata_that_can_not_be_read(files: dict[str, bytes], reason: str) -> None:
    with pytest.raises(ArtifactError, match=reason):
        web_page.read_props(files, "p")


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
    monkeypatch.setattr(web_page, "_MOST", 1000)
    packed = b2a_base64(zlib.compress(bytes(2000)), newline=False).decode()
    content = f'{{"code": {{"simd": "{packed}"}}, "data": "{packed}"}}'
    with pytest.raises(ArtifactError, match="no readable WebAssembly"):
        read_wasm(page(block(MODEL, content)), "p")


def test_a_report_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<html><script>run()</script></html>")
    (tmp_path / "model.html").write_bytes(page()[SUFFIX])
    assert [web_page.is_page(tmp_path / name) for name in ("report.html", "model.html", "none.html")] == [
        False,
        True,
        False,
    ]
