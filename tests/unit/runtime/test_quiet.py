import os
import sys
import warnings

import pytest

from mnistx_runtime.quiet import quiet


def test_quiet_drops_what_is_written_below_python_too(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet():
        os.write(1, b"one")
        os.write(2, b"two")
        print("three")
        print("four", file=sys.stderr)
        warnings.warn("five", stacklevel=1)
    print("six")
    found = capfd.readouterr()
    assert (found.out, found.err) == ("six\n", "")


def test_an_error_passes_and_the_terminal_is_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), quiet():
        raise ZeroDivisionError
    os.write(1, b"after")
    assert capfd.readouterr().out == "after"


def test_no_file_stays_open() -> None:
    def opened() -> int:
        descriptor = os.open(os.devnull, os.O_RDONLY)
        os.close(descriptor)
        return descriptor

    before = opened()
    for _ in range(5):
        with quiet():
            pass
    assert opened() == before
