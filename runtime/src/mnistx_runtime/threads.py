"""How many CPUs this process may really use."""

import os
from pathlib import Path


def _cgroup_quota(root: Path) -> float | None:
    """CPUs that the control group grants: version 2's cpu.max, else version 1's cfs quota; None without a limit."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if quota in ("max", "-1"):
        return None
    return int(quota) / int(period)


def available_cpus(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """CPUs by affinity and control-group quota, at least 1: a container limited to 2 of 64 CPUs gets 2.

    Args:
        cgroup: where control groups are mounted; see the kernel's cgroup-v2 document, "CPU Interface Files".

    >>> available_cpus() >= 1
    True
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota(cgroup)
    return max(1, affinity if quota is None else min(affinity, int(quota + 0.5)))
