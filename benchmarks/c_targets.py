"""Measures the released model as generated C on every device: flash, memory, instructions, and whether it reads right.

    python benchmarks/c_targets.py artifacts

Devices are the table in `devices/targets.py`: Cortex-M that qemu emulates, other processors, and this machine. Writes
c_targets.md.
"""

import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from devices.run import Answers, build, flash_bytes, run
from devices.sources import Sources, write_sources
from devices.targets import DEVICES
from mnistx_export.checkpoint_model import model_with_data
from mnistx_export.codegen.kernels import KERNELS
from mnistx_export.model import Model

RELEASED = Path(__file__).parents[1] / "artifacts" / "mnist-cnn.safetensors"
IMAGES = 200
TARGETS = ("portable", "size")
"""Of a Cortex-M; other devices run what is written for their kind."""
SIZES = {"float": 4, "int8_t": 1, "uint8_t": 1, "int16_t": 2, "int32_t": 4}
FORMATS = ("c-int8", "c")


@dataclass(frozen=True, eq=False)
class Row:
    """A device with a format and a target.

    Args:
        answers: to the first test images.
        workspace: bytes.
        constants: bytes of weights, biases, multipliers and tables.
        flash: bytes that the model adds to the least program; None of others than a Cortex-M.
    """

    device: str
    format: str
    target: str
    answers: Answers
    workspace: int
    constants: int
    flash: int | None


def measure(name: str, format: str, target: str, sources: Sources, images: NDArray[np.uint8]) -> Row:
    """A row of the table; of float32, as many images as the device is given."""
    device = DEVICES[name]
    few = images[: device.float_images] if format == "c" else images
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        answers = run(device, build(device, sources, few, Path(first), selftest=len(few) > 3), count=True)
        flash = flash_bytes(device, sources, Path(second)) if device.clock else None
    code = sources["model.c"].decode()
    arrays = re.findall(r"^static const (\w+) \w+\[(\d+)\]", code, re.M)
    (workspace,) = re.findall(r"_WORKSPACE_BYTES (\d+)$", sources["model.h"].decode(), re.M)
    constants = sum(SIZES[type] * int(count) for type, count in arrays)
    return Row(name, format, target, answers, int(workspace), constants, flash)


def page(rows: list[Row], model: Model) -> str:
    """Both tables."""
    assert model.test is not None
    images, labels = model.test.images[:IMAGES], model.test.labels[:IMAGES]
    trained = model.log_probs(images).argmax(1)
    (bits,) = [row.answers.digests for row in rows if (row.device, row.format) == ("this machine", "c-int8")]

    def told(row: Row) -> tuple[str, str, str]:
        found = row.answers.log_probs.argmax(1)
        count = len(found)
        right, changed = int((found == labels[:count]).sum()), int((found != trained[:count]).sum())
        same = row.format == "c-int8" and np.array_equal(row.answers.digests, bits)
        passed = {None: "left out", 0: "passed"}.get(row.answers.selftest, "FAILED")
        return f"{right:,} of {count:,}, {changed} changed", passed, "the same bits" if same else ""

    small = [
        "| device | format | target | flash: constants | code | workspace | stack | instructions an image | read right "
        "| self-test | int8 |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    large = ["| device | format | target | workspace | stack | read right | self-test | int8 |", "|" + "---|" * 8]
    for row in rows:
        right, passed, same = told(row)
        start = f"| {row.device} | `{row.format}` | `{row.target}` "
        if row.flash is not None and row.answers.instructions is not None:
            small.append(
                f"{start}| {row.constants:,} | {row.flash - row.constants:,} | {row.workspace:,} "
                f"| {row.answers.stack:,} | {row.answers.instructions / 1e6:.1f} M | {right} | {passed} | {same} |"
            )
        else:
            large.append(f"{start}| {row.workspace:,} | {row.answers.stack:,} | {right} | {passed} | {same} |")
    return f"""# Generated C on devices

`python benchmarks/c_targets.py artifacts` ran the released model on MNIST's first test images. Sizes are bytes.

## Microcontrollers

Emulated by qemu, which counts instructions, not cycles; the dearest image of those that were read. Code is what the
model adds to the least program beside its constants, libraries' functions included, by gcc -O2; golden images are left
out. The stack is what a prediction painted over, with 128 bytes that the measuring function takes.

{chr(10).join(small)}

## Other processors

Under qemu-user but for the last three. s390x is big-endian; clang is the one in `zig cc`, the others are gcc's.

{chr(10).join(large)}
"""


def main(out: Path) -> None:
    """Measure all of it, two devices at a time."""
    model, missing = model_with_data(RELEASED, None, with_training=True)
    if missing or model.test is None:
        sys.exit(f"needs all of MNIST: {missing}")
    lacking = [line for device in DEVICES.values() if (line := device.missing())]
    if lacking:
        sys.exit("\n".join(lacking))
    images = model.test.images[:IMAGES]
    sources = write_sources(model, KERNELS)
    jobs = [
        (name, format, target)
        for (name, device), format in product(DEVICES.items(), FORMATS)
        for target in (TARGETS if device.clock else (device.target,))
    ]
    with ThreadPoolExecutor(max_workers=2) as pool:
        rows = list(pool.map(lambda job: measure(job[0], job[1], job[2], sources[job[1:]], images), jobs))
    (out / "c_targets.md").write_text(page(rows, model))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
