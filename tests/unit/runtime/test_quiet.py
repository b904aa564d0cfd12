import os
import subprocess
import sys
import warnings
from pathlib import Path

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


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2), (0, 1, 2)])
def test_streams_that_are_closed_lead_to_nothing(closed: tuple[int, ...], tmp_path: Path) -> None:
    """And the next file that is opened takes the place of none."""
    code = (
        "import os, sys; from mnistx_runtime.quiet import quiet\n"
        f"[os.close(number) for number in {closed}]\n"
        "with quiet():\n"
        "    os.write(1, b'out'); os.write(2, b'err')\n"
        "with open(sys.argv[1], 'wb') as file:\n"
        "    sys.exit(0 if file.fileno() > 2 and os.write(1, b'x') else 1)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "file")], capture_output=True, check=False)
    assert done.returncode == 0 and done.stdout == (b"" if 1 in closed else b"x")
    assert (tmp_path / "file").read_bytes() == b""
