"""Compiles generated C to WebAssembly: with vectors and without, around the same constants where they can be shared."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mnistx_export.codegen.templating import environment
from mnistx_runtime.artifact.c_reader import SUFFIX as READER
from mnistx_runtime.artifact.wasm import Wasm
from mnistx_runtime.c_build import run_compiler
from mnistx_runtime.errors import BadInput

BUILDS = {"simd": ("-msimd128",), "scalar": ()}
"""What the browser has, and what is asked of the compiler for it."""

_FLAGS = ("-target", "wasm32-wasi", "-mexec-model=reactor", "-std=c99", "-O3", "-ffp-contract=off")
_LINKED = ("-Wl,--strip-all", "-Wl,--no-entry", "-Wl,-z,stack-size=131072")
_DATA, _CUSTOM = 11, 0  # of a section; WebAssembly Core Specification 2.0, 5.5.2
_START = 8  # bytes: magic number and version


def wasm_from_c(files: Mapping[str, bytes], name: str) -> Wasm:
    """The model, and where there is one the reader of pictures, as WebAssembly.

    Args:
        files: names and contents, as `c_files` and `reader_files` write them; those in folders are left out.
        name: of the model; see `c_files`.

    Raises:
        BadInput: it doesn't compile.
    """
    reader = f"{name}{READER}.h" in files
    finder = reader and f"{name}_find".encode() in files[f"{name}{READER}.h"]
    glue = environment().get_template("web.c").render(name=name, upper=name.upper(), reader=reader, finder=finder)
    sources = {file: data for file, data in files.items() if "/" not in file and file.endswith((".c", ".h"))}
    sources |= {"web.c": glue.encode(), f"{name}_certificate.h": b""}
    with tempfile.TemporaryDirectory(prefix="mnistx-") as folder:
        for file, data in sources.items():
            (Path(folder) / file).write_bytes(data)
        names = [file for file in sources if file.endswith(".c")]
        with ThreadPoolExecutor(len(BUILDS)) as pool:
            built = dict(
                zip(BUILDS, pool.map(lambda build: _compile(Path(folder), names, name, build), BUILDS), strict=True)
            )
    parts = {build: _split(data) for build, data in built.items()}
    code, constants = ({build: part[at] for build, part in parts.items()} for at in (0, 1))
    if len(set(constants.values())) > 1:  # of a small network, one build may hold some in its code
        return Wasm({build: code[build] + constants[build] for build in code}, b"")
    return Wasm(code, constants["simd"])


def _compile(folder: Path, sources: list[str], name: str, build: str) -> bytes:
    target = folder / f"{build}.wasm"
    define = f"-D{name.upper()}_NO_SELFTEST"
    command = [sys.executable, "-m", "ziglang", "cc", *_FLAGS, *BUILDS[build], define, *sources, *_LINKED]
    reason = run_compiler([*command, "-o", target.name], target, name)
    if reason:
        raise BadInput(f"ziglang can't compile it to WebAssembly: {reason}")
    return target.read_bytes()


def _split(module: bytes) -> tuple[bytes, bytes]:
    """What stands before the constants, and these: a module is both, one after the other. Names are left out."""
    sections = [each for each in _sections(module) if each[0] != _CUSTOM]
    code = module[:_START] + b"".join(data for kind, data in sections if kind != _DATA)
    return code, b"".join(data for kind, data in sections if kind == _DATA)


def _sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and bytes of each section, the data of the last."""
    at = _START
    while at < len(module):
        size, shift, body = 0, 0, at + 1
        while True:
            byte = module[body]
            size |= (byte & 0x7F) << shift
            shift, body = shift + 7, body + 1
            if byte < 0x80:
                break
        yield module[at], module[at : body + size]
        at = body + size
