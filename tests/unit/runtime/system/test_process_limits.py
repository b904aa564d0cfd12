"""A process that holds itself to limits is ended by the system; tried in one of its own."""

import os
import signal
import subprocess
import sys

import pytest

from mnistx_runtime.system.process_limits import Limits, limit_process

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such limits")

BEGIN = "from mnistx_runtime.system.process_limits import Limits, limit_process\nlimit_process(Limits({}, {}))\n"


def run(seconds: int, memory: int, then: str) -> subprocess.CompletedProcess[str]:
    script = BEGIN.format(seconds, memory) + then
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


def test_a_loop_is_ended() -> None:
    assert run(1, 1 << 30, "while True: pass").returncode == -signal.SIGXCPU


def test_memory_beyond_the_limit_is_not_given() -> None:
    done = run(60, 1 << 28, "bytes(1 << 27); bytes(1 << 28)")
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == "MemoryError"


def test_each_call_gives_the_whole_time_anew() -> None:
    work = "import time\nwhile time.process_time() < {}: pass\n"
    again = "limit_process(Limits(1, 1 << 30))\n"
    assert run(1, 1 << 30, work.format(1.2) + again + work.format(2.2) + again + work.format(3)).returncode == 0


def test_no_limits_leave_the_process_as_it_is() -> None:
    import resource

    before = [resource.getrlimit(kind) for kind in (resource.RLIMIT_CPU, resource.RLIMIT_DATA, resource.RLIMIT_CORE)]
    limit_process(None)
    assert before == [
        resource.getrlimit(kind) for kind in (resource.RLIMIT_CPU, resource.RLIMIT_DATA, resource.RLIMIT_CORE)
    ]
    assert Limits(1, 2) == Limits(seconds=1, memory=2) and os.getpid()
