import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generated_c import CC, WARNINGS, answer, compile_c, float_network, quantized_network
from mnistx_export.codegen.clamp import NONE, Clamp
from mnistx_export.codegen.network import Layer, Network, Operator, Quantization
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.operators.rows import Rows
from mnistx_export.codegen.passes import simplify
from mnistx_export.codegen.source import c_files

Shape = tuple[int, int, int]

CASES: dict[str, tuple[Shape, list[dict[str, Any]]]] = {
    "two_pooled_and_connected": ((1, 12, 10), [{"outputs": 3, "pool": 2}, {"outputs": 5, "pool": 2}, {"connect": 7}]),
    "colours": ((3, 9, 7), [{"outputs": 4, "pads": (0, 0)}, {"outputs": 2, "kernel": (5, 5), "pads": (2, 2)}]),
    "uneven": ((2, 8, 11), [{"kernel": (3, 2), "pads": (1, 0), "stride": (1, 2)}, {"kernel": (2, 3), "pads": (0, 1)}]),
    "strided": ((1, 13, 13), [{"stride": (2, 2)}, {"stride": (2, 2), "outputs": 6}, {"connect": 3}]),
    "rows_passed_over": ((1, 9, 9), [{"outputs": 2}, {"kernel": (1, 1), "pads": (0, 0), "stride": (3, 3)}]),
    "one_by_one": ((5, 4, 6), [{"kernel": (1, 1), "pads": (0, 0)}, {"kernel": (1, 1), "pads": (0, 0), "outputs": 1}]),
    "one_alone": ((1, 6, 8), [{"outputs": 3, "clamp": Clamp(0)}]),
    "pool_of_three": ((1, 10, 10), [{"outputs": 2, "pool": 3}, {"outputs": 3, "clamp": Clamp(0, 6)}]),
    "four_deep": ((1, 8, 8), [{"outputs": 3}, {"outputs": 4}, {"outputs": 5, "pool": 2}, {"outputs": 2}]),
    "whole_image": ((1, 3, 3), [{"pads": (0, 0), "outputs": 6}, {"connect": 2}]),
    "rows_beyond": ((1, 5, 5), [{"pads": (2, 2)}, {"pads": (1, 1), "pool": 2}]),
}
"""Images, and what reads them: convolutions, and a fully connected layer at the end of some."""


def network_of(case: tuple[Shape, list[dict[str, Any]]], quantized: bool) -> Network:
    """A chain of seeded weights; of bytes, every tensor of another scale and zero point."""
    random = np.random.default_rng(3)
    image, layers = case
    channels, height, width = image
    steps: list[tuple[Operator, tuple[int, ...]]] = []
    quantizations: list[Quantization | None] = []

    def numbers(*shape: int) -> Any:
        if quantized:
            return random.integers(-64, 65, shape).astype(np.int8)
        return random.normal(0, 0.3, shape).astype(np.float32)

    for at, values in enumerate(layers):
        outputs = values.get("connect", values.get("outputs", 4))
        scale = random.uniform(0.01, 0.02, outputs).astype(np.float32) if quantized else None
        bias = random.integers(-500, 500, outputs).astype(np.int32) if quantized else numbers(outputs)
        quantizations.append(Quantization(0.7 + at / 10, 100 + 9 * at) if quantized else None)
        if "connect" in values:
            steps.append((Linear(numbers(height * width * channels, outputs), bias, scale), (outputs,)))
            continue
        kernel, stride = values.get("kernel", (3, 3)), values.get("stride", (1, 1))
        pads, pool = values.get("pads", (1, 1)), values.get("pool", 1)
        operator = Convolution(
            numbers(*kernel, channels, outputs), bias, scale, stride, pads, (1, 1), 1, values.get("clamp", NONE), pool
        )
        height, width = (
            ((side + 2 * pad - window) // step + 1) // pool
            for side, pad, window, step in zip((height, width), pads, kernel, stride, strict=True)
        )
        channels = outputs
        steps.append((operator, (height, width, channels)))
    if quantized:
        return quantized_network(image, *steps, quantizations=tuple(quantizations))
    return float_network(image, *steps)


def images_for(case: tuple[Shape, list[dict[str, Any]]]) -> Any:
    return np.random.default_rng(4).integers(0, 256, (5, *case[0])).astype(np.uint8)


def answers(networks: dict[str, Network], folder: Path, target: str) -> dict[str, Any]:
    folder.mkdir()
    library = compile_c(networks, folder, target)
    return {name: answer(library, name, network, images_for(CASES[name])) for name, network in networks.items()}


def test_bytes_come_out_in_the_same_bits_as_of_plain_c(tmp_path: Path) -> None:
    networks = {name: network_of(case, quantized=True) for name, case in CASES.items()}
    plain, found = (answers(networks, tmp_path / target, target) for target in ("portable", "size"))
    for name in networks:
        assert len(np.unique(plain[name])) > 3, name
        assert np.array_equal(found[name], plain[name]), name


def test_float32_differs_by_rounding_alone(tmp_path: Path) -> None:
    networks = {name: network_of(case, quantized=False) for name, case in CASES.items()}
    plain, found = (answers(networks, tmp_path / target, target) for target in ("portable", "size"))
    for name in networks:
        assert np.abs(found[name] - plain[name]).max() < 1e-5 * np.abs(plain[name]).max(), name


@pytest.mark.parametrize("quantized", [False, True])
def test_every_case_runs_by_rows(quantized: bool) -> None:
    for name, case in CASES.items():
        found = simplify(network_of(case, quantized), "size").layers
        assert sum(isinstance(layer.operator, Rows) for layer in found) == 1, name
        assert not any(isinstance(layer.operator, Convolution) for layer in found), name


def test_whole_planes_are_never_held() -> None:
    case = CASES["two_pooled_and_connected"]
    large = ((1, 120, 10), case[1])
    whole = simplify(network_of(large, quantized=True), "size")
    kernel = whole.layers[0].operator.kernel(whole.layers[0])
    small = simplify(network_of(case, quantized=True), "size")
    assert kernel.scratch == small.layers[0].operator.kernel(small.layers[0]).scratch < 1000


def test_nothing_is_read_or_written_outside_of_the_workspace(tmp_path: Path) -> None:
    lines = ["#include <stdlib.h>", "#include <string.h>"]
    body = []
    for quantized in (False, True):
        for name, case in CASES.items():
            label = f"{name}_{quantized}".lower()
            network = network_of(case, quantized)
            for path, data in c_files(network, label, "size").items():
                if path in (f"{label}.c", f"{label}.h"):
                    (tmp_path / path).write_bytes(data)
            (tmp_path / f"{label}_certificate.h").write_text("")
            lines.append(f'#include "{label}.h"')
            size = int(np.prod(case[0]))
            body.append(
                f"{{ uint8_t *x = (uint8_t *)malloc({size}); float *y = (float *)malloc({label.upper()}_CLASSES * 4);"
                f" void *w = aligned_alloc(16, {label.upper()}_WORKSPACE_BYTES); memset(x, 255, {size});"
                f" if ({label}_predict(x, y, w)) {{ return 1; }} free(x); free(y); free(w); }}"
            )
    (tmp_path / "main.c").write_text("\n".join([*lines, "int main(void) {", *body, "return 0; }"]))
    flags = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    selected = [f"-D{path.stem.upper()}_NO_SELFTEST" for path in tmp_path.glob("*.h")]
    sources = [path.name for path in tmp_path.glob("*.c")]
    subprocess.run([CC, "-std=c11", *flags, *selected, *sources, "-lm", "-o", "all"], cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "all"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_is_cpp_too(tmp_path: Path) -> None:
    for quantized in (False, True):
        name = f"rows_{quantized}".lower()
        for path, data in c_files(network_of(CASES["two_pooled_and_connected"], quantized), name, "size").items():
            if path in (f"{name}.c", f"{name}.h"):
                (tmp_path / path).write_bytes(data)
        (tmp_path / f"{name}_certificate.h").write_text("")
        call = ["g++", "-x", "c++", "-std=c++17", *WARNINGS, f"-D{name.upper()}_NO_SELFTEST", "-c", f"{name}.c"]
        done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_two_chains_of_the_same_code_have_constants_of_their_own(tmp_path: Path) -> None:
    network = network_of(CASES["one_alone"], quantized=True)
    first, second, *_ = network.layers
    other = Layer("other", second.operator, second.inputs, replace(second.output, name="other"))
    operator: Any = second.operator
    changed = replace(other, operator=replace(operator, bias=operator.bias + 900))
    both = Network(network.image, (first, second, changed, *network.layers[2:]))
    assert b"static const int32_t other_bias0" in c_files(both, "m", "size")["m.c"]
