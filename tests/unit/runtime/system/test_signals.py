"""A command that is asked to stop ends with the code that shells give it, and nothing else is changed."""

import signal
import subprocess
import sys
from threading import Thread

import pytest

from mnistx_runtime.system.signals import STOP, exit_on_signals, postpone_stop

HERE = [name for name in STOP if hasattr(signal, name)]


@pytest.mark.parametrize("name", HERE)
def test_a_signal_is_an_exit_code_and_the_handlers_come_back(name: str) -> None:
    number = getattr(signal, name)
    before = [signal.getsignal(getattr(signal, each)) for each in HERE]
    closed = []
    with pytest.raises(SystemExit) as stopped, exit_on_signals():
        try:
            signal.raise_signal(number)
        finally:
            closed.append(True)
    assert stopped.value.code == 128 + number and closed
    assert [signal.getsignal(getattr(signal, each)) for each in HERE] == before


def test_what_makes_another_error_of_it_hides_it_not() -> None:
    with pytest.raises(SystemExit) as stopped, exit_on_signals():
        try:
            signal.raise_signal(signal.SIGTERM)
        except SystemExit:
            raise RuntimeError("a library's own") from None
    assert stopped.value.code == 143


def test_a_signal_that_is_ignored_or_answered_stays_so() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, signal.SIG_IGN), signal.signal(signal.SIGTERM, lambda n, _: heard.append(n))
    try:
        with exit_on_signals():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
    assert heard == [signal.SIGTERM]


def test_another_thread_changes_nothing() -> None:
    found: list[object] = []

    def work() -> None:
        with exit_on_signals():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process at once")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_command_ends_without_a_traceback(name: str, code: int) -> None:
    script = (
        "import sys, signal, click; from mnistx_runtime.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "@main.command('wait')\n"
        "def wait(): print('now', flush=True); signal.pause()\n"
        "import mnistx_runtime.cli as cli; cli.COMMANDS['wait'] = '__main__:wait'\n"
        "main(['wait'], prog_name='mnistx')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout is not None and command.stderr is not None
        assert command.stdout.readline() == "now\n", command.stderr.read()
        command.send_signal(getattr(signal, name))
        assert (command.wait(), command.stderr.read()) == (code, "")


@pytest.mark.parametrize("name", HERE)
def test_what_must_not_be_left_half_done_is_done_before_a_stop(name: str) -> None:
    number = getattr(signal, name)
    before = [signal.getsignal(getattr(signal, each)) for each in HERE]
    done = []
    with pytest.raises(SystemExit) as stopped, exit_on_signals():
        with postpone_stop(), postpone_stop():
            signal.raise_signal(number)
            signal.raise_signal(number)
            done.append("inner")
        done.append("after")
    assert stopped.value.code == 128 + number and done == ["inner"]
    assert [signal.getsignal(getattr(signal, each)) for each in HERE] == before


def test_ctrl_c_in_a_program_that_embeds_us_is_postponed_too() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    done = []
    try:
        with pytest.raises(KeyboardInterrupt), postpone_stop():
            signal.raise_signal(signal.SIGINT)
            done.append(True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done


def test_what_is_ignored_stays_ignored_while_a_stop_is_postponed() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with postpone_stop():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process at once")
def test_ctrl_c_while_the_command_line_is_imported_or_has_ended_prints_nothing() -> None:
    for where in ("sys.meta_path.insert(0, Stop())", "atexit.register(stop)"):
        code = (
            "import atexit, signal, sys\n"
            "def stop(): signal.raise_signal(signal.SIGINT)\n"
            "class Stop:\n"
            "    def find_spec(self, name, *_):\n"
            "        if name == 'mnistx_runtime.cli': stop()\n"
            f"{where}\n"
            "sys.argv = ['mnistx', '--version']\n"
            "from mnistx_runtime.__main__ import start\n"
            "start()"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
