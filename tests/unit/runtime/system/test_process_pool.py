"""Processes beside this one: how they start, and that they end with it."""

import os
import signal
import subprocess
import sys
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children
from pathlib import Path

import pytest

from mnistx_runtime.errors import BadInput
from mnistx_runtime.system import process_pool as module
from mnistx_runtime.system.process_pool import process_pool, unless_ended


def test_it_works_side_by_side_and_leaves_no_process() -> None:
    with process_pool(2) as pool:
        assert list(pool.map(abs, range(-3, 3))) == [3, 2, 1, 0, 1, 2]
        assert pool.submit(os.getpid).result() != os.getpid()
        assert active_children()
    assert not active_children()


def test_a_script_without_a_guard_is_not_run_anew(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from mnistx_runtime.system.process_pool import process_pool\n"
        "print('once')\n"
        "with process_pool(3) as pool:\n"
        "    print(list(pool.map(abs, [-1, -2, -3, -4])), __name__)\n"
        "import sys; print(sys.modules['__main__'].__file__ == __file__)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n") == ["once", "[1, 2, 3, 4] __main__", "True", ""], done.stderr


def test_modules_in_the_current_folder_are_not_imported(tmp_path: Path) -> None:
    for name in ("multiprocessing", "random"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken from the current folder')")
    script = tmp_path / "elsewhere" / "script.py"
    script.parent.mkdir()
    script.write_text(
        "import os\n"
        "from mnistx_runtime.system.process_pool import process_pool\n"
        "with process_pool(1) as pool:\n"
        "    pool.submit(abs, -1).result()\n"
        "assert 'PYTHONSAFEPATH' not in os.environ\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_process_that_dies_breaks_the_pool_and_none_is_left() -> None:
    with pytest.raises(BrokenProcessPool), process_pool(2) as pool:
        pool.submit(os._exit, 3).result()
    assert not active_children()


def test_a_start_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_prepare_process", os._exit)
    with pytest.raises(BadInput, match=r"can't start processes.*--threads 1, or processes=1"), process_pool(2):
        raise AssertionError


def test_a_system_that_starts_none_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", refuse)
    with pytest.raises(BadInput, match="Resource temporarily unavailable; use one"), process_pool(2):
        raise AssertionError


def test_what_waits_is_left_when_the_pool_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unless_ended(abs, -2) == 2
    module._END.set()
    try:
        with pytest.raises(CancelledError):
            unless_ended(abs, -2)
    finally:
        module._END.clear()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
@pytest.mark.slow
def test_a_process_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, time\nfrom mnistx_runtime.system.process_pool import process_pool\n"
        "with process_pool(2) as pool:\n"
        "    waiting = [pool.submit(time.sleep, 600) for _ in range(2)]\n"
        "    print(*pool._processes, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        workers = [int(number) for number in parent.stdout.readline().split()]
        parent.kill()
        assert parent.stdout.read() == b""  # the workers hold it, too: it ends with the last of them
    assert len(workers) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no masks")
def test_a_process_that_starts_does_not_hear_what_a_terminal_sends_and_this_one_does() -> None:
    terminal = {signal.SIGINT, signal.SIGHUP}
    with process_pool(1) as pool:
        assert terminal <= pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, []).result()
        assert pool.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN
        assert not terminal & signal.pthread_sigmask(signal.SIG_BLOCK, [])
