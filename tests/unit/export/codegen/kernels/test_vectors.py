import ctypes
import platform
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from generated_c import CC, WARNINGS, rescaled
from mnistx_export.codegen.kernels.vectors import MOST_LANES, lanes_for, vectors
from mnistx_runtime.artifact.c_text import fill

COUNT = 16  # numbers of each operand

FLOATS = {
    "floats$n": (
        "load(a)",
        "add(load(a), load(b))",
        "subtract(load(a), load(b))",
        "multiply(load(a), load(b))",
        "multiply_add(load(a), load(b), load(a))",
        "maximum(load(a), load(b))",
        "minimum(load(a), load(b))",
        "splat(a[0])",
        "of_ints(ints${n}_load(i))",
    ),
    "ints$n": (
        "add(load(i), load(j))",
        "subtract(load(i), load(j))",
        "quarter(load(fours))",
        "maximum(load(i), load(j))",
        "minimum(load(i), load(j))",
        "splat(i[0])",
        "of_int8(bytes)",
        "rescale(load(i), load(multipliers), 35)",
        "rescale(load(i), load(multipliers), 61)",
        "rescale(load(i), load(multipliers), 1 + 23)",
        "multiply_add(load(i), load(small), of_int8(bytes))",
        "multiply_add_pairs(load(i), shorts${n}_load(s), shorts${n}_load(t))",
        "multiply_add_pairs(load(i), shorts${n}_splat_pair(s), shorts${n}_load(t))",
        "multiply_add_pairs(load(i), shorts${n}_pair(load(small), of_int8(bytes)), shorts${n}_load(t))",
    ),
    "shorts$n": ("add(load(s), load(t))", "subtract(load(s), load(t))"),
}
"""Expressions of each type; functions without a type are its own."""

SOURCE = """
void run$n(const float *a, const float *b, const int32_t *const *ints, const int16_t *s, const int16_t *t,
           const int8_t *bytes, uint8_t *out);
void run$n(const float *a, const float *b, const int32_t *const *ints, const int16_t *s, const int16_t *t,
           const int8_t *bytes, uint8_t *out)
{
    for (int at = 0; at < 16; at += LANES$n) {
        const int32_t *i = ints[0] + at;
        const int32_t *j = ints[1] + at;
        const int32_t *fours = ints[2] + at;
        const int32_t *multipliers = ints[3] + at;
        const int32_t *small = ints[4] + at;
$lines
        ints${n}_store_uint8(out + at, ints${n}_load(ints[5] + at));
        a += LANES$n;
        b += LANES$n;
        s += 2 * LANES$n;
        t += 2 * LANES$n;
        bytes += LANES$n;
    }
}
"""

WAYS: dict[str, tuple[str, ...]] = {"plain": ("-DV_PLAIN_C",), "narrow": (), "widest": ("-march=native",)}
if platform.machine() in ("x86_64", "AMD64"):
    WAYS["middle"] = ("-march=native", "-mno-avx512f")
    WAYS["without VNNI"] = ("-march=native", "-mno-avx512vnni")


def source(lanes: int) -> str:
    """The helpers, and the function that runs them all."""
    lines, place = [], COUNT
    for type, expressions in FLOATS.items():
        name = fill(type, n=lanes)
        kind = {"f": "float", "i": "int32_t", "s": "int16_t"}[name[0]]
        for expression in expressions:
            own = re.sub(r"(?<![\w$}])([a-z_]+\w*)\(", rf"{name}_\1(", fill(expression, n=lanes))
            own = own.replace(f"{name}_ints", "ints").replace(f"{name}_shorts", "shorts")
            step = 2 if kind == "int16_t" else 1
            lines.append(f"        {name}_store(({kind} *)(void *)(out + {place}) + ({step} * at), {own});")
            place += 4 * COUNT
    text = "\n\n".join(fill(each, upper="V") for each in vectors(lanes).values())
    return f"#include <stdint.h>\n\n{text}\n\n{fill(SOURCE, n=lanes, lines=chr(10).join(lines))}\n"


def factors_below_half(random: np.random.Generator) -> tuple[int, int]:
    """A number and a multiplier whose product is 1 below 2**34, beside multiples of 2**35."""
    multipliers = random.integers(2**29, 2**30, 1000) * 2 + 1
    numbers = [(2**34 - 1) * pow(int(each), -1, 2**35) % 2**35 for each in multipliers]
    at = int(np.argmin(numbers))
    assert numbers[at] < 2**31
    return numbers[at], int(multipliers[at])


@pytest.fixture(scope="module")
def operands() -> list[np.ndarray]:
    """As `run` takes them."""
    random = np.random.default_rng(3)
    floats = random.normal(size=(2, COUNT)).astype(np.float32)
    floats[1, ::4] = floats[0, ::4]
    any_int = random.integers(-(2**29), 2**29, (2, COUNT), np.int32)
    any_int[0, :2] = -(2**31) + 2**27, 2**31 - 1 - 2**27
    fours = random.integers(-(2**20), 2**20, COUNT, np.int32) * 4
    multipliers = random.integers(0, 2**31 - 1, COUNT, np.int32)
    multipliers[:3] = 0, 2**31 - 1, 2**30
    any_int[0, 3:5], multipliers[3:5] = (48, -48), 2**30  # halves, where 35 bits are dropped
    any_int[0, 5], multipliers[5] = factors_below_half(random)
    small = random.integers(-255, 256, COUNT, np.int32)
    level = random.integers(0, 256, COUNT, np.int32)
    ints = np.stack([any_int[0], any_int[1] >> 2, fours, multipliers, small, level])
    shorts = random.integers(-(2**12), 2**12, (2, 2 * COUNT), np.int16)
    return [floats, ints, shorts, random.integers(-128, 128, COUNT, np.int8)]


def run(lanes: int, flags: tuple[str, ...], folder: Path, operands: list[np.ndarray]) -> np.ndarray:
    """What all functions give."""
    folder.mkdir(parents=True)
    (folder / "v.c").write_text(source(lanes))
    call = [CC, "-std=c99", "-O1", "-ffp-contract=off", *WARNINGS, *flags, "-fPIC", "-shared", "v.c", "-o", "v.so"]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    floats, ints, shorts, bytes_ = operands
    rows = (ctypes.c_void_p * len(ints))(*(row.ctypes.data for row in ints))
    out = np.zeros(COUNT + 4 * COUNT * sum(map(len, FLOATS.values())), np.uint8)
    given = [floats[0], floats[1], rows, shorts[0], shorts[1], bytes_, out]
    pointers = [ctypes.c_void_p(each.ctypes.data) if isinstance(each, np.ndarray) else each for each in given]
    getattr(ctypes.CDLL(str(folder / "v.so")), f"run{lanes}")(*pointers)
    return out


@pytest.mark.parametrize("lanes", MOST_LANES)
def test_vectors_give_the_bits_of_plain_c_however_wide_they_are(
    lanes: int, operands: list[np.ndarray], tmp_path: Path
) -> None:
    found = {
        way: run(lanes, flags, tmp_path / str(number), operands) for number, (way, flags) in enumerate(WAYS.items())
    }
    names = [f"{type} {expression}" for type, expressions in FLOATS.items() for expression in expressions]
    for way, out in found.items():
        assert np.array_equal(out[:COUNT], operands[1][5]), way
        for at, name in enumerate(names):
            if "splat" not in name:  # of the first of as many as there are lanes
                part = slice(COUNT * (1 + 4 * at), COUNT * (5 + 4 * at))
                assert np.array_equal(out[part], found["plain"][part]), (way, name)
    at = names.index("ints$n rescale(load(i), load(multipliers), 35)")
    numbers = found["widest"][COUNT * (1 + 4 * at) :][: 4 * COUNT].view(np.int32)
    assert np.array_equal(numbers, rescaled(operands[1][0], operands[1][3], 35))


def test_rows_become_whole_vectors_with_little_waste() -> None:
    for count in range(1, 400):
        lanes, whole = lanes_for(count)
        assert count <= whole < count + lanes
        assert whole % lanes == 0
        assert whole <= max(4, 2 * count)
