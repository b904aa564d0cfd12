from pathlib import Path

import pytest

from mnistx_runtime.artifact import web_page
from mnistx_runtime.artifact.wasm import Wasm, wasm_block
from mnistx_runtime.artifact.web_page import METADATA, SUFFIX, block
from mnistx_runtime.errors import ArtifactError

WASM = Wasm({"simd": b"\0asm-simd", "scalar": b"\0asm-scalar"}, b"constants")


def page(model: str = wasm_block(WASM), metadata: str = block(METADATA, "")) -> dict[str, bytes]:
    return {SUFFIX: f"<html>{metadata}<p>text</p>{model}<script>run()</script></html>".encode()}


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


def test_a_report_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<html><script>run()</script></html>")
    (tmp_path / "model.html").write_bytes(page()[SUFFIX])
    assert [web_page.is_page(tmp_path / name) for name in ("report.html", "model.html", "none.html")] == [
        False,
        True,
        False,
    ]
