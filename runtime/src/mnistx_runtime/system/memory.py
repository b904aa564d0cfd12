"""How much memory this process may use."""

import os
from contextlib import suppress
from pathlib import Path

from mnistx_runtime.system.cgroups import OWN, ROOT, control_groups

_UNKNOWN = 4 << 30  # bytes, where the system doesn't say


def available_memory(cgroup: Path = ROOT, own: Path = OWN) -> int:
    """Bytes of the machine, or of the control groups that this process is in, if that is less.

    Args:
        cgroup, own: see `control_groups`.

    >>> available_memory() > 1 << 24
    True
    """
    machine = _UNKNOWN
    if hasattr(os, "sysconf"):  # Windows has none
        with suppress(ValueError, OSError):
            machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [limit for group in control_groups(cgroup, own) if (limit := _limit(group)) is not None]
    return min([machine, *limits])


def _limit(folder: Path) -> int | None:
    """Of one control group: version 2's memory.max, else version 1's limit; None without one."""
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            text = (folder / name).read_text().strip()
        except OSError:
            continue
        return int(text) if text.isdigit() else None
    return None
