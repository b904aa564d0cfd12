"""How many CPUs this process may really use."""

import os
from pathlib import Path

from mnistx_runtime.system.cgroups import OWN, ROOT, control_groups


def _quota(folder: Path) -> float | None:
    """CPUs that one control group grants: version 2's cpu.max, else version 1's cfs quota; None without a limit."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (folder / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    return None if quota in ("max", "-1") or period == "0" else int(quota) / int(period)


def available_cpus(cgroup: Path = ROOT, own: Path = OWN) -> int:
    """CPUs by affinity and control-group quota, at least 1: a container limited to 2 of 64 CPUs gets 2.

    Args:
        cgroup, own: see `control_groups`.

    >>> available_cpus() >= 1
    True
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for group in control_groups(cgroup, own) if (quota := _quota(group)) is not None]
    return max(1, min([affinity, *(int(quota + 0.5) for quota in quotas)]))
