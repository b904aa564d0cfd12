"""Builds a folder of C as a shared library, once: the next call finds it in the user's cache folder."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from mnistx_runtime.artifact.digests import sha256
from mnistx_runtime.errors import ArtifactError, BackendUnavailable, BadInput
from mnistx_runtime.system.files import user_cache, writable_folder, write_whole

DECLARED = "-Werror=implicit-function-declaration"
"""A function that no header declares is refused: `check_c` counts on it."""
FLAGS = ("-std=c99", "-O3", "-march=native", "-ffp-contract=fast", "-fPIC", "-shared", DECLARED)
NO_COMPILER = (
    "no C compiler was found: install one (Debian, Ubuntu: apt install gcc; any system: pip install ziglang), "
    "or name yours in CC"
)
_ENDING = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
_SECONDS = 600


def compiler() -> list[str] | None:
    """The command of a C compiler: what CC names, else cc, gcc or clang, else the one in the package ziglang."""
    named = os.environ.get("CC")
    if named:
        return named.split()
    found = next((path for path in map(shutil.which, ("cc", "gcc", "clang")) if path), None)
    if found:
        return [found]
    return [sys.executable, "-m", "ziglang", "cc"] if find_spec("ziglang") else None


def cache_folder() -> Path | None:
    """Where libraries are kept: c in the user's cache; None where nothing can be kept."""
    cache = user_cache()
    try:
        return cache and writable_folder(cache / "c")
    except BadInput:
        return None


@contextmanager
def shared_library(sources: Mapping[str, bytes], name: str) -> Iterator[Path]:
    """The shared library of some sources, on the disk as long as this lasts.

    Args:
        sources: names and contents of a .c file and the headers beside it.
        name: of the .c file, without its ending.

    Raises:
        BackendUnavailable: there's no compiler.
        ArtifactError: the code doesn't compile.
    """
    command = compiler()
    if command is None:
        raise BackendUnavailable(NO_COMPILER)
    how = "\0".join([*command, *FLAGS, _processor()]).encode()
    key = sha256(how + b"".join(_label(*each) for each in sorted(sources.items())))
    folder = cache_folder()
    kept = folder / f"{name}-{key[:32]}{_ENDING}" if folder else None
    if kept and kept.is_file():
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="mnistx-", ignore_cleanup_errors=True) as built:
        for file, data in sources.items():
            (Path(built) / file).write_bytes(data)
        library = Path(built) / f"{name}{_ENDING}"
        _compile(command, Path(built) / f"{name}.c", library)
        if kept:
            write_whole(kept, library.read_bytes())
        yield kept or library


@contextmanager
def stage_library(data: bytes) -> Iterator[Path]:
    """A library as it was read, on the disk as long as this lasts."""
    with tempfile.TemporaryDirectory(prefix="mnistx-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / f"library{_ENDING}"
        path.write_bytes(data)
        yield path


def _compile(command: list[str], source: Path, library: Path) -> None:
    reason = run_compiler([*command, *FLAGS, source.name, "-lm", "-o", library.name], library, source.name)
    if reason:
        raise ArtifactError(f"{source.name} can't be compiled by {command[0]}: {reason}")


def run_compiler(call: Sequence[str], target: Path, what: str) -> str:
    """Run a compiler in the folder of what it is to write.

    Args:
        call: the command.
        target: the file that it writes.
        what: is compiled; how errors name it.

    Returns:
        Why it wrote nothing, in one line; empty where it did.

    Raises:
        BackendUnavailable: there's no such compiler, or it can't be run.
        ArtifactError: it takes too long.
    """
    environment = os.environ | {"PATH": os.environ.get("PATH") or os.defpath}  # a compiler looks for its linker there
    try:
        done = subprocess.run(
            call,
            cwd=target.parent,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
        )
    except OSError as error:
        raise BackendUnavailable(f"the C compiler {call[0]} can't be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise ArtifactError(f"{what} took the C compiler more than {_SECONDS} s") from error
    if not done.returncode and target.is_file():
        return ""
    lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines() or ["no reason"]
    return lines[0].strip()


def _label(name: str, data: bytes) -> bytes:
    return f"\0{name}\0{len(data)}\0".encode() + data


def _processor() -> str:
    """What a library that is built for this processor may ask of another."""
    import platform

    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    return f"{platform.machine()} {flags}"
