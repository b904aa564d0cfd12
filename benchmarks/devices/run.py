"""Builds a program of generated C for a device, runs it there, and reads what it printed."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from devices.targets import HERE, Device
from mnistx_runtime.artifact.c_text import array_body

_SECONDS = 600
_WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
_FLAGS = ("-std=c99", "-O2", "-ffp-contract=off", *_WARNINGS)
_NO_SELFTEST = "-DMODEL_NO_SELFTEST"


@dataclass(frozen=True, eq=False)
class Answers:
    """What came out.

    Args:
        selftest: what `model_selftest` returned, 0 where it passed; None where it was left out.
        digests: one an image, of what went into the last layer, uint32 `(N,)`.
        log_probs: float32 `(N, classes)`.
        stack: bytes that one prediction took of the stack at most, to some dozens.
        instructions: of one prediction, at most; None where they weren't counted.
    """

    selftest: int | None
    digests: NDArray[np.uint32]
    log_probs: NDArray[np.float32]
    stack: int
    instructions: int | None


def build(
    device: Device, sources: Mapping[str, bytes], images: NDArray[np.uint8], folder: Path, selftest: bool = True
) -> Path:
    """The program that predicts some images on a device.

    Args:
        device: it is built for.
        sources: the folder that was exported under the name `model`, names and contents.
        images: uint8 `(N, channels, height, width)`.
        folder: an empty one.
        selftest: whether it runs that, too.
    """
    rows = ",\n".join(f"{{\n{array_body(image)}\n}}" for image in images.reshape(len(images), -1))
    size = images[0].size
    (folder / "images.h").write_text(
        f"#include <stdint.h>\n#define IMAGE_COUNT {len(images)}\n"
        f"static const uint8_t images[IMAGE_COUNT][{size}] = {{\n{rows}\n}};\n"
    )
    return _compile(device, sources, folder, ["driver.c", "-Wl,--wrap=expf", *([] if selftest else [_NO_SELFTEST])])


def build_reader(device: Device, sources: Mapping[str, bytes], pictures: list[NDArray[np.uint8]], folder: Path) -> Path:
    """The program that reads some pictures on a device.

    Args:
        device: it is built for.
        sources: see `build`; with a reader.
        pictures: grey, uint8 `(height, width)`.
        folder: an empty one.
    """
    sizes = ", ".join(f"{{{picture.shape[1]}, {picture.shape[0]}}}" for picture in pictures)
    pixels = np.concatenate([picture.ravel() for picture in pictures])
    (folder / "pictures.h").write_text(
        f"#include <stdint.h>\n#define PICTURE_COUNT {len(pictures)}\n"
        f"static const int32_t sizes[PICTURE_COUNT][2] = {{{sizes}}};\n"
        f"static const uint8_t pictures[{pixels.size}] = {{\n{array_body(pixels)}\n}};\n"
    )
    return _compile(device, sources, folder, ["read.c", "model_read.c", _NO_SELFTEST])


def _compile(device: Device, sources: Mapping[str, bytes], folder: Path, more: list[str]) -> Path:
    """A program of the model and of a file here, the first of `more`."""
    for name, data in sources.items():
        (folder / name).write_bytes(data)
    here = f"-I{folder}"  # of headers in "." of two folders, zig's cache takes one for the other
    command = [*device.compiler, *_FLAGS, here, str(HERE / more[0]), *more[1:], "model.c", "-lm", "-o", "program"]
    output_of(command, folder)
    return folder / "program"


def read(device: Device, program: Path) -> list[tuple[int, NDArray[np.uint8]]]:
    """What a program of `build_reader` prints on its device: of each picture, status and image, flat."""
    lines = [line.split() for line in output_of([*device.run, str(program)], program.parent).splitlines()]
    return [(int(status), np.frombuffer(bytes.fromhex(image), np.uint8)) for status, image in lines]


def run(device: Device, program: Path, count: bool = False) -> Answers:
    """What a program prints on its device.

    Args:
        device: it was built for.
        program: see `build`.
        count: whether a Cortex-M's instructions are counted, which takes longer.
    """
    command = [*device.run, str(program)]
    if count and device.clock:
        command[1:1] = ["-icount", "shift=0"]  # an instruction a nanosecond
    printed = output_of(command, program.parent)
    lines = [line.split() for line in printed.splitlines()]
    numbers = {words[0]: int(words[1]) for words in lines if words[0] != "image"}
    rows = [words[1:] for words in lines if words[0] == "image"]
    if any(status != "0" for status, *_ in rows):
        raise ValueError(f"a prediction failed: {printed}")
    bits = np.array([[int(word, 16) for word in words] for _, *words in rows], np.uint32)
    instructions = round(numbers["ticks"] * 1e9 / device.clock) if count and device.clock else None
    log_probs = np.ascontiguousarray(bits[:, 1:]).view(np.float32)
    return Answers(numbers.get("selftest"), bits[:, 0], log_probs, numbers["stack"], instructions)


def flash_bytes(device: Device, sources: Mapping[str, bytes], folder: Path) -> int:
    """What a model adds to the least program of a Cortex-M: constants, code, and what that needs of the libraries.

    Args:
        device: a Cortex-M.
        sources: see `build`.
        folder: an empty one.
    """
    for name, data in sources.items():
        (folder / name).write_bytes(data)
    flags = ("-std=c99", "-O2", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-DMODEL_NO_SELFTEST")
    sizes = []
    for more in ((), ("-DMODEL", "model.c")):
        command = [*device.compiler, *flags, "-I.", str(HERE / "flash.c"), *more, "-lm", "-o", "program"]
        output_of(command, folder)
        printed = output_of([device.compiler[0].replace("gcc", "size"), "program"], folder)
        text, initialized = map(int, printed.splitlines()[1].split()[:2])
        sizes.append(text + initialized)
    return sizes[1] - sizes[0]


def output_of(command: list[str], folder: Path, stdin: str = "") -> str:
    """What a command prints.

    Args:
        command: and its arguments.
        folder: it runs in.
        stdin: what it reads.

    Raises:
        RuntimeError: it failed; the text says why.
    """
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, input=stdin, timeout=_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} returned {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout
