"""The control groups that limit this process."""

from pathlib import Path

ROOT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def control_groups(root: Path = ROOT, own: Path = OWN) -> list[Path]:
    """The folders of the group of this process and of all above it, which limit it too.

    Args:
        root: where control groups are mounted; see the kernel's cgroup-v2 document.
        own: names the group of this process.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        lines = []
    inner = next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")
    groups = [root / inner, *(root / inner).parents] if inner else [root]
    return [group for group in groups if group.is_relative_to(root)]
