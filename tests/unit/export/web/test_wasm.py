import numpy as np
import pytest

from mnistx_export.web import wasm
from mnistx_export.web.wasm import BUILDS, wasm_from_c
from mnistx_runtime.artifact.wasm import Wasm
from mnistx_runtime.errors import BadInput

wasmtime = pytest.importorskip("wasmtime", reason="wasmtime is missing: pip install 'mnistx-runtime[web]'")
pytest.importorskip("ziglang", reason="ziglang is missing: pip install 'mnistx-export[web]'")

HEADER = b"""#include <stdint.h>
#define SUM_CHANNELS 1
#define SUM_HEIGHT 4
#define SUM_WIDTH 4
#define SUM_CLASSES 2
#define SUM_WORKSPACE_BYTES 16
int sum_predict(const uint8_t *image, float *log_probs, void *workspace);
"""
SOURCE = b"""#include "sum.h"
#include "sum_certificate.h"
static const float factors[4] = {1.5f, 2.5f, 3.5f, 4.5f};
static const float *volatile held = factors;
int sum_predict(const uint8_t *image, float *log_probs, void *workspace)
{
    float sum = 0.0f;
    (void)workspace;
    for (int i = 0; i < 16; i++) {
        sum += held[i % 4] * (float)image[i];
    }
    log_probs[0] = sum;
    log_probs[1] = -sum;
    return 0;
}
"""
FILES = {"sum.h": HEADER, "sum.c": SOURCE, "README.md": b"", "examples/main.c": b"nonsense"}


@pytest.fixture(scope="module")
def built() -> Wasm:
    return wasm_from_c(FILES, "sum")


def test_both_builds_answer_alike(built: Wasm) -> None:
    assert set(built.code) == set(BUILDS)
    answers = []
    image = np.arange(16, dtype=np.uint8)
    for build in BUILDS:
        store = wasmtime.Store()
        exports = wasmtime.Instance(store, wasmtime.Module(store.engine, built.module(build)), []).exports(store)
        exports["memory"].write(store, image.tobytes(), exports["image"](store))
        assert exports["predict"](store) == 0
        at = exports["log_probs"](store)
        answers.append(np.frombuffer(exports["memory"].read(store, at, at + 8), "<f4"))
    assert (answers[0] == answers[1]).all()
    assert answers[0][0] == (np.tile([1.5, 2.5, 3.5, 4.5], 4) * image).sum()


def test_constants_lie_apart_once(built: Wasm) -> None:
    factors = np.array([1.5, 2.5, 3.5, 4.5], np.float32).tobytes()
    assert factors in built.data
    assert not any(factors in code for code in built.code.values())


def test_bytes_are_the_same_again_and_name_no_path(built: Wasm) -> None:
    assert wasm_from_c(FILES, "sum") == built
    assert b"/" not in built.code["simd"] + built.data


def test_what_does_not_compile_says_why() -> None:
    with pytest.raises(BadInput, match=r"can't compile it to WebAssembly: sum\.c.*error"):
        wasm_from_c(FILES | {"sum.c": b"int sum = missing;"}, "sum")


def test_constants_that_differ_lie_in_each(monkeypatch: pytest.MonkeyPatch, built: Wasm) -> None:
    monkeypatch.setattr(wasm, "BUILDS", {"simd": (), "scalar": ("-DSUM_EXTRA",)})
    source = SOURCE.replace(b"4.5f}", b"\n#ifdef SUM_EXTRA\n5.5f\n#else\n4.5f\n#endif\n}")
    found = wasm_from_c(FILES | {"sum.c": source}, "sum")
    assert found.data == b"" and np.float32(5.5).tobytes() in found.module("scalar")
    assert found.module("simd") == built.module("scalar")
