"""Networks as C, compiled into one library, and their answers."""

import ctypes
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_export.codegen.network import Network
from mnistx_export.codegen.source import c_files

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror")
CC = shutil.which("cc") or "cc"


def compile_c(
    networks: Mapping[str, Network], folder: Path, target: str = "portable", flags: tuple[str, ...] = ()
) -> ctypes.CDLL:
    """All networks in one library, without a warning.

    Args:
        networks: by the names that are their prefixes.
        folder: where it is built.
        target: see `codegen.kernels.KERNELS`.
        flags: of the compiler, beside those that refuse warnings.

    Raises:
        RuntimeError: it doesn't compile without a warning; the text is the compiler's.
    """
    for name, network in networks.items():
        for path, data in c_files(network, name, target).items():
            if path.endswith((".c", ".h")) and "/" not in path:
                (folder / path).write_bytes(data)
        (folder / f"{name}_certificate.h").write_text("")
    sources = [f"{name}.c" for name in networks]
    selected = [f"-D{name.upper()}_NO_SELFTEST" for name in networks]
    library = folder / "all.so"
    call = [
        CC,
        "-std=c99",
        "-O1",
        *WARNINGS,
        *flags,
        *selected,
        "-fPIC",
        "-shared",
        *sources,
        "-lm",
        "-o",
        library.name,
    ]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return ctypes.CDLL(str(library))


def answer(library: Any, name: str, network: Network, images: NDArray[np.uint8], workspace: int = 1 << 20) -> Any:
    """What `NAME_predict` writes.

    Args:
        library: see `compile_c`.
        name: of the network in it.
        network: itself.
        images: uint8 `(N, channels, height, width)`.
        workspace: bytes; at least what its header says.

    Returns:
        float32 `(N, numbers)`.
    """
    answers = np.zeros((len(images), network.layers[-1].output.size), np.float32)
    memory = np.zeros(workspace + 16, np.uint8)
    place = memory.ctypes.data + -memory.ctypes.data % 16
    predict = getattr(library, f"{name}_predict")
    for image, row in zip(np.ascontiguousarray(images), answers, strict=True):
        status = predict(*map(ctypes.c_void_p, (image.ctypes.data, row.ctypes.data, place)))
        if status:
            raise RuntimeError(f"{name}_predict returned {status}")
    return answers
