"""Changes generated C where a slip could, and counts what its self-test sees.

    python benchmarks/c_mutations.py artifacts

The released model as c-int8, for target size: a shift, a padding value, a zero point, swapped axes, in every place
where the code has one; and single bits of weights and other constants, seeded. Writes c_mutations.md.
"""

import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from devices.run import output_of
from devices.sources import Sources, write_sources
from devices.targets import HERE
from mnistx_export.checkpoint_model import model_with_data

RELEASED = Path(__file__).parents[1] / "artifacts" / "mnist-cnn.safetensors"
EACH = 20  # numbers of each constant, for each bit

SLIPS = {
    "a shift, less by one": (r"(multiplier\[o\], )37\)", r"\g<1>36)"),
    "a padding value, 1": (r"(ring\d\[.*\] = )0;", r"\g<1>1;"),
    "a zero point, more by one": (r"(\(x\[.*\]) - 33\)", r"\1 - 34)"),
    "the image's axes, swapped": (r"\+ row\) \* 28\) \+ i\]", "+ i) * 28) + row]"),
    "the rows of a window, from below": (r"rows\[i\] = ", "rows[3 - i] = "),
    "the axes of fully connected weights, swapped": (
        r"(k < (\d+); k\+\+\) \{\n.* value = (?:(?!\n\}).)*?)row\[o\]",
        r"\1weights[(o * \2) + k]",
    ),
}
"""What is changed: a pattern of the code, and what is put in its place."""

BITS = {1: (0, 2, 4, 6, 7), 4: (0, 8, 16, 24, 31)}
"""Bits that are flipped, by the bytes of a number."""


def slips(code: str) -> Iterator[tuple[str, str]]:
    """What was changed, and the code with that change, one place at a time."""
    for name, (pattern, changed) in SLIPS.items():
        for found in re.finditer(pattern, code, re.S if "(?!" in pattern else 0):
            yield name, code[: found.start()] + found.expand(changed) + code[found.end() :]


def is_seen(sources: Sources, code: str) -> bool:
    """Whether the self-test of some code fails, with the headers that belong to the right one."""
    main = '#include "model.h"\nstatic double m[1 << 17];\nint main(void) { return model_selftest(m) != 0 ? 3 : 0; }\n'
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, data in {**sources, "model.c": code.encode(), "main.c": main.encode()}.items():
            (folder / file).write_bytes(data)
        output_of(["gcc", "-std=c99", "-O1", "model.c", "main.c", "-lm", "-o", "program"], folder)
        try:
            output_of([str(folder / "program")], folder)
        except RuntimeError as error:
            if "returned 3" not in str(error):
                raise
            return True
    return False


def flips(sources: Sources, each: int) -> dict[str, list[tuple[int, int]]]:
    """Of each constant, for each of its bits in `BITS`, how many of some flips the self-test saw.

    Args:
        sources: the folder's.
        each: flips of a bit, in as many numbers, seeded.

    Returns:
        By the constant's name: bits, and how many were seen.
    """
    widths = {"int8_t": 1, "int32_t": 4, "float": 4}
    arrays = [
        (name, widths[type], int(count))
        for type, name, count in re.findall(r"^static const (\w+) (\w+)\[(\d+)\]", sources["model.c"].decode(), re.M)
        if type in widths
    ]
    random = np.random.default_rng(0)
    asked = [
        (at, bit, int(place) * width + bit // 8, bit % 8)
        for at, (_, width, count) in enumerate(arrays)
        for bit in BITS[width]
        for place in random.integers(0, count, each)
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, data in sources.items():
            (folder / file).write_bytes(data)
        listed = ", ".join(name for name, _, _ in arrays)
        (folder / "constants.h").write_text(f"static void *constants[] = {{{listed}}};\n")
        output_of(["gcc", "-O1", "-Dconst=", "-I.", str(HERE / "flip.c"), "-lm", "-o", "program"], folder)
        lines = "".join(f"{at} {byte} {bit}\n" for at, _, byte, bit in asked)
        seen = [line == "1" for line in output_of([str(folder / "program")], folder, lines).splitlines()]
    found: dict[str, list[tuple[int, int]]] = {}
    for at, (label, width, _) in enumerate(arrays):
        pairs = list(zip(asked, seen, strict=True))
        found[label] = [
            (bit, sum(passed for (which, flipped, _, _), passed in pairs if (which, flipped) == (at, bit)))
            for bit in BITS[width]
        ]
    return found


def main(out: Path) -> None:
    """Change, count, and write."""
    model, missing = model_with_data(RELEASED, None, with_training=True)
    if missing:
        sys.exit(f"needs all of MNIST: {missing}")
    sources = write_sources(model, ["size"])["c-int8", "size"]
    code = sources["model.c"].decode()
    assert not is_seen(sources, code)
    counts: dict[str, list[bool]] = {}
    for name, changed in slips(code):
        counts.setdefault(name, []).append(is_seen(sources, changed))
    lines = [f"| {name} | {sum(seen)} of {len(seen)} |" for name, seen in counts.items()]
    bits = [
        f"| `{label}` | {' | '.join(f'{seen} of {EACH}' for _, seen in found)} |"
        for label, found in flips(sources, EACH).items()
    ]
    (out / "c_mutations.md").write_text(page(lines, bits))


def page(lines: Sequence[str], bits: Sequence[str]) -> str:
    """The tables."""
    return f"""# What the self-test of generated C sees

`python benchmarks/c_mutations.py artifacts` changed the released model's `c-int8`, written for target `size`, and ran
`model_selftest`: the golden images' answers, which are to be the same but for the last bits of `expf` and `logf`.

| slip, one at a time, wherever the code has one | seen |
|---|---|
{chr(10).join(lines)}

One bit of one number, {EACH} numbers of each constant by chance. What isn't seen changes no answer to any golden image
by more than 0.001: many weights of the first fully connected layer meet an input of 0 on every one of them, and the
lowest bits of a multiplier of 31 bits are rounded away.

| constant | lowest bit | a quarter up | half up | three quarters up | highest |
|---|---|---|---|---|---|
{chr(10).join(bits)}
"""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
