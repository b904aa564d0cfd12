import os
import threading

import pytest

from mnistx_runtime.system.forks import no_fork


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system doesn't fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_waits_for_the_runs_of_other_threads_and_no_further_one_begins() -> None:
    running, end, forked, begun = (threading.Event() for _ in range(4))

    def run() -> None:
        with no_fork():
            running.set()
            end.wait()

    def fork() -> None:
        child = os.fork()
        if not child:
            with no_fork():  # nothing is held in the child
                os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        forked.set()

    def begin() -> None:
        with no_fork():
            begun.set()

    threads = [threading.Thread(target=work, daemon=True) for work in (run, fork, begin)]
    threads[0].start()
    assert running.wait(30)
    threads[1].start()
    assert not forked.wait(0.3)
    threads[2].start()
    assert not begun.wait(0.1)
    end.set()
    assert forked.wait(30) and begun.wait(30)
    for thread in threads:
        thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system doesn't fork")
def test_a_run_may_fork_itself() -> None:
    with no_fork():
        child = os.fork()
        if not child:
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
