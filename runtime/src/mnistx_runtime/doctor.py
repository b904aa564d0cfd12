"""What may be wrong with an installation and the machine under it: a table of checks, and what each one finds.

Nothing is imported here that an installation may lack; what may crash as it is loaded is loaded by another process.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from mnistx_runtime.errors import MnistxError, describe_error

OK, ABSENT, WARNING, WRONG = "ok", "absent", "warning", "wrong"
"""States. What is absent is needed only by who asks for it; a warning leaves all that was asked for working."""

DISTRIBUTIONS = ("mnistx", "mnistx-runtime", "mnistx-train", "mnistx-export")

_LOAD = "import sys; sys.modules['openvino_telemetry'] = None; import {module}"  # it would tell its maker
_LONGEST_LOAD = 120.0  # seconds


@dataclass(frozen=True)
class Finding:
    """What a check found of one thing.

    Args:
        what: the thing.
        state: `OK`, `ABSENT`, `WARNING` or `WRONG`.
        text: how it is.
        mend: what to do about it; empty where there's nothing to do.
    """

    what: str
    state: str
    text: str
    mend: str = ""

    def to_dict(self) -> dict[str, str]:
        """JSON-ready values."""
        return asdict(self)


def examine() -> Iterator[Finding]:
    """What all checks find, one after the other; a check that fails is a finding, too."""
    for what, check in CHECKS.items():
        try:
            yield from check()
        except Exception as error:
            yield Finding(what, WRONG, f"can't be checked: {describe_error(error)}")


def check_python() -> Iterator[Finding]:
    """Whether this Python is one that mnistx declares."""
    from packaging.specifiers import SpecifierSet

    found = ".".join(map(str, sys.version_info[:3]))
    declared = _installed("mnistx-runtime")
    wanted = declared.metadata["Requires-Python"] if declared else ""
    fits = SpecifierSet(wanted or "").contains(found)
    yield Finding("python", OK if fits else WARNING, found if fits else f"{found}; mnistx is tested on {wanted}")


def check_packages() -> Iterator[Finding]:
    """Whether mnistx's distributions are of one version, and what they need is there in the versions they declare."""
    found = [each for name in DISTRIBUTIONS if (each := _installed(name))]
    if not any(each.name == "mnistx-runtime" for each in found):
        yield Finding("packages", WARNING, "mnistx-runtime runs uninstalled", "in a checkout: pip install ./runtime")
    if not found:
        return
    listed = ", ".join(f"{each.name} {each.version}" for each in found)
    if len({each.version for each in found}) > 1:
        yield Finding("packages", WRONG, f"versions that don't fit each other: {listed}", "install all of one version")
    else:
        yield Finding("packages", OK, listed)
    seen = set()
    for each in found:
        for finding in _check_requirements(each):
            if finding not in seen:
                seen.add(finding)
                yield finding


def _check_requirements(owner: Distribution) -> Iterator[Finding]:
    """What a distribution needs and hasn't; of what only an extra needs, what is there in another version."""
    from packaging.requirements import Requirement

    for line in owner.requires or ():
        needed = Requirement(line)
        always = needed.marker is None or needed.marker.evaluate({"extra": ""})
        extras = owner.metadata.get_all("Provides-Extra") or ()
        if not always and not any(needed.marker.evaluate({"extra": extra}) for extra in extras if needed.marker):
            continue
        found = _installed(needed.name)
        if found and needed.specifier.contains(found.version, prereleases=True):
            continue
        if found or always:
            is_now = f"is {found.version}" if found else "is missing"
            text = f"{needed.name} {is_now}; {owner.name} needs {needed.name}{needed.specifier}"
            yield Finding(
                "packages", WRONG if always else WARNING, text, f"pip install '{needed.name}{needed.specifier}'"
            )


def check_processor() -> Iterator[Finding]:
    """What the processor can do."""
    from mnistx_runtime.benchmark.processor import processor

    yield Finding("processor", OK, processor())


def check_threads() -> Iterator[Finding]:
    """How many CPUs may be used."""
    from mnistx_runtime.system.threads import available_cpus

    may, there = available_cpus(), os.cpu_count() or 1
    limited = f"{may} of {there} CPUs, by affinity or control group"
    yield Finding("threads", OK, limited if may < there else f"all {there} CPUs")


def check_model() -> Iterator[Finding]:
    """Whether the bundled model still is what was exported."""
    from mnistx_runtime.artifact.verification import verify
    from mnistx_runtime.bundled import BUNDLED

    found = verify(BUNDLED)
    differ = ", ".join(found.differences)
    if found.passed:
        yield Finding("model", OK, f"{BUNDLED.name} matches its certificate")
    else:
        mend = "pip install --force-reinstall --no-deps mnistx-runtime, or ./runtime in a checkout"
        yield Finding("model", WRONG, f"{BUNDLED} isn't what was exported ({differ} differ)", mend)


def check_runtimes() -> Iterator[Finding]:
    """Whether each runtime can run here, which a process of its own tries."""
    from mnistx_runtime.backends import BACKENDS
    from mnistx_runtime.registry import look_up

    for name in BACKENDS:
        reason = look_up(BACKENDS, name, "runtime")().check()
        if reason:
            text, _, mend = reason.partition(": ")
            yield Finding(f"runtime {name}", WRONG if name == "ort" else ABSENT, text, mend)
        else:
            yield _check_library(name)


def _check_library(name: str) -> Finding:
    from mnistx_runtime.benchmark.libraries import LIBRARIES

    what, library = f"runtime {name}", LIBRARIES[name]
    if name == "c":
        from mnistx_runtime.c_build import compiler

        return Finding(what, OK, f"compiled by {' '.join(compiler() or ())}")
    problem = _load_elsewhere(library.module)
    installed = _installed(library.distribution)
    version = f"{library.distribution} {installed.version}" if installed else library.distribution
    if problem:
        mend = f"pip install --force-reinstall {library.distribution}"
        return Finding(what, WRONG, f"{version} is installed and can't be loaded: {problem}", mend)
    return Finding(what, OK, version)


@cache
def _load_elsewhere(module: str) -> str:
    """Why a module can't be imported; empty where it can."""
    command = [sys.executable, "-c", _LOAD.format(module=module)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_LONGEST_LOAD, check=False)
    except subprocess.TimeoutExpired:
        return f"it takes more than {_LONGEST_LOAD:.0f} seconds"
    if not done.returncode:
        return ""
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return said[-1] if said else f"it ends the process with {done.returncode}"


def check_compiler() -> Iterator[Finding]:
    """Whether there is a C compiler."""
    from mnistx_runtime.c_build import compiler

    command = compiler()
    if command is None:
        why, how = "no cc, gcc or clang, which only models exported as C need", "install gcc, or pip install ziglang"
        yield Finding("compiler", ABSENT, why, how)
    elif shutil.which(command[0]):
        yield Finding("compiler", OK, " ".join(command))
    else:
        why = f"there's no {command[0]}, which CC names"
        yield Finding("compiler", WARNING, why, "unset CC, or name a C compiler")


def check_folders() -> Iterator[Finding]:
    """Whether files can be written where they're written to."""
    from mnistx_runtime.system.files import writable_folder

    try:
        yield Finding("temporary", OK, str(writable_folder(Path(tempfile.gettempdir()))))
    except (MnistxError, OSError) as error:
        yield Finding("temporary", WARNING, describe_error(error), "name a folder that can be written to by TMPDIR")
    if _installed("mnistx-train"):
        runs = Path("artifacts", "runs").absolute()
        place = next(each for each in (runs, *runs.parents) if each.exists())
        if place.is_dir() and os.access(place, os.W_OK):
            yield Finding("runs", OK, str(runs))
        else:
            yield Finding("runs", WARNING, f"{place} can't be written to", "name another folder by --out")


def check_telemetry() -> Iterator[Finding]:
    """Whether the libraries that would tell their makers are kept from it."""
    if os.environ.get("ORT_DISABLE_TELEMETRY") == "1":
        yield Finding("telemetry", OK, "off")
    else:
        yield Finding("telemetry", WRONG, "ONNX Runtime's is on", "don't unset ORT_DISABLE_TELEMETRY")


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


CHECKS: dict[str, Callable[[], Iterator[Finding]]] = {
    "python": check_python,
    "packages": check_packages,
    "processor": check_processor,
    "threads": check_threads,
    "model": check_model,
    "runtimes": check_runtimes,
    "compiler": check_compiler,
    "folders": check_folders,
    "telemetry": check_telemetry,
}
"""In the order in which they are told."""
