"""Pages as `mnistx export` writes them, of the released model without training's data, and of others."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

from mnistx_export.codegen.onnx_reader import network_from_onnx
from mnistx_export.codegen.reader import Reader, reader_files
from mnistx_export.codegen.source import c_files
from mnistx_export.web.page import build_page
from mnistx_export.web.wasm import wasm_from_c
from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.artifact.wasm import Wasm, read_wasm, wasm_block
from mnistx_runtime.artifact.web_page import MODEL, SUFFIX, read_block

RELEASED = Path(__file__).parent.parent / "artifacts" / "mnist-cnn.onnx"


@functools.cache
def released_page() -> bytes:
    """The released model in float32, sealed with the certificate of the released .onnx."""
    artifact = open_artifact(RELEASED)
    files = c_files(network_from_onnx(onnx.load(RELEASED)), "digits", "speed")
    wasm = wasm_from_c(files | reader_files(Reader(artifact.metadata.temperature), "digits"), "digits")
    return seal(SUFFIX, {SUFFIX: build_page(wasm)}, artifact.metadata, artifact.certificate)[SUFFIX]


def with_wasm(page: bytes, change: Callable[[Wasm], Wasm], keep_digest: bool) -> bytes:
    """A page whose model was changed; its metadata know of it or don't."""
    changed = wasm_block(change(read_wasm({SUFFIX: page}, "the page"))).encode()
    start = f'<script type="application/json" id="{MODEL}">'.encode()
    old = start + read_block(page, MODEL, "the page") + b"</script>"
    assert page.count(old) == 1
    page = page.replace(old, changed)
    if keep_digest:
        return page
    artifact = open_artifact(RELEASED)
    return seal(SUFFIX, {SUFFIX: page}, artifact.metadata, artifact.certificate)[SUFFIX]


def with_weights_changed(wasm: Wasm) -> Wasm:
    """Eight biases of the second convolution, far from what they were."""
    tensors = {each.name: each for each in onnx.load(RELEASED).graph.initializer}
    bias = next(each.raw_data for name, each in tensors.items() if name.endswith("conv2.bias"))
    data = bytearray(wasm.data)
    at = data.find(bias[:32])
    assert at > 0
    data[at : at + 32] = np.full(8, 40, np.float32).tobytes()
    return Wasm(wasm.code, bytes(data))
