"""How many CPUs this process may really use."""

import os
from pathlib import Path


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


def available_cpus(cgroup: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """CPUs by affinity and control-group quota, at least 1: a container limited to 2 of 64 CPUs gets 2.

    Args:
        cgroup: where control groups are mounted; see the kernel's cgroup-v2 document, "CPU Interface Files".
        own: names the group of this process; the groups above it limit it too.

    >>> available_cpus() >= 1
    True
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        lines = own.read_text().splitlines()
    except OSError:
        lines = []
    inner = next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")
    groups = [cgroup / inner, *(cgroup / inner).parents] if inner else [cgroup]
    quotas = [quota for group in groups if group.is_relative_to(cgroup) and (quota := _quota(group)) is not None]
    return max(1, min([affinity, *(int(quota + 0.5) for quota in quotas)]))
