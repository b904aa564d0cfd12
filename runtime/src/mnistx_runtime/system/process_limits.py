"""Holds a process of ours to some time and memory: it ends itself, whatever code of others it is in."""

import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a process may take; Windows knows no such limits.

    Args:
        seconds: of CPU time, from now on.
        memory: bytes of data.
    """

    seconds: int
    memory: int


def limit_process(limits: Limits | None) -> None:
    """Have the system end this process where it takes more: SIGXCPU after the time, failing allocations at the memory.

    A call after another one begins anew.

    Args:
        limits: None leaves the process as it is.
    """
    if sys.platform == "win32" or not limits:
        return
    import resource

    spent = int(time.process_time())
    for kind, most in (
        (resource.RLIMIT_CPU, spent + 1 + limits.seconds),
        (resource.RLIMIT_DATA, limits.memory),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
