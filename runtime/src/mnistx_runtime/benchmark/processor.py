"""Which processor this is, and what it can do that decides how fast a small network runs."""

import platform
from pathlib import Path

_TELLING = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "asimd", "asimddp", "i8mm", "sve")
"""Flags of /proc/cpuinfo: vector widths, and products of 8 and 16 bits, on x86 and on Arm."""


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Its name and its telling flags.

    Args:
        cpuinfo: Linux's description; where there's none, Python's own name is all.

    >>> processor(Path("no such file")) == (platform.processor() or platform.machine())
    True
    """
    name = platform.processor() or platform.machine()
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return name
    values = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}
    flags = (values.get("flags") or values.get("Features") or "").split()
    known = [flag for flag in _TELLING if flag in flags]
    return f"{values.get('model name', name)} ({', '.join(known) or 'no vector extension known here'})"
