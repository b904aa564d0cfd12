"""Builds the shared libraries that a folder of C carries to devices without a compiler."""

import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

from mnistx_runtime.artifact import c_folder
from mnistx_runtime.artifact.c_library import library_path
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.c_build import DECLARED, run_compiler
from mnistx_runtime.errors import BackendUnavailable, BadInput

FLAGS = ("-std=c99", "-O3", "-ffp-contract=fast", "-fPIC", "-shared", "-s", "-Wl,--build-id=none", DECLARED)


def compiler_for(triple: str) -> list[str]:
    """The command that compiles for another machine: ziglang's, else the gcc that is named after it.

    Args:
        triple: see `c_library`.

    Raises:
        BadInput: it names no Linux.
        BackendUnavailable: neither is installed.
    """
    library_path(triple, "model")
    if find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc", "-target", triple]
    found = shutil.which(f"{triple}-gcc")
    if not found:
        raise BackendUnavailable(
            f"nothing here compiles for {triple}: pip install ziglang, or apt install gcc-{triple}"
        )
    return [found]


def add_libraries(files: Files, props: Mapping[str, str], triples: Iterable[str]) -> Files:
    """The files with a library for each kind of machine; to be sealed again.

    Args:
        files: of a folder of C, sealed.
        props: its metadata.
        triples: see `c_library`.

    Raises:
        BadInput: a triple names no Linux, or the compiler doesn't know it.
        BackendUnavailable: nothing here compiles for one.
    """
    sources, name = c_folder.sources(files, props), c_folder.model_name(files)
    built = {triple: _build(sources, name, triple) for triple in triples}
    return files | {f"{c_folder.SUFFIX}/{library_path(triple, name)}": data for triple, data in built.items()}


def _build(sources: Mapping[str, bytes], name: str, triple: str) -> bytes:
    code = sorted(file for file in sources if file.endswith(".c"))
    with tempfile.TemporaryDirectory(prefix="mnistx-") as folder:
        for file, data in sources.items():
            (Path(folder) / file).write_bytes(data)
        library = Path(folder) / f"{name}.so"
        call = [*compiler_for(triple), *FLAGS, *code, "-lm", "-o", library.name]
        reason = run_compiler(call, library, name)
        if reason:
            raise BadInput(f"{name} can't be built for {triple}: {reason}")
        return library.read_bytes()
