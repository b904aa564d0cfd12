import os
import subprocess
import sys
from pathlib import Path

import pytest

from mnistx_runtime.system.streams import open_streams


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2), (0, 1, 2)])
def test_streams_that_are_closed_lead_to_nothing(closed: tuple[int, ...], tmp_path: Path) -> None:
    """And the next file that is opened takes the place of none."""
    code = (
        "import os, sys; from mnistx_runtime.system.quiet import quiet\n"
        f"[os.close(number) for number in {closed}]\n"
        "with quiet():\n"
        "    os.write(1, b'out'); os.write(2, b'err')\n"
        "with open(sys.argv[1], 'wb') as file:\n"
        "    sys.exit(0 if file.fileno() > 2 and os.write(1, b'x') else 1)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "file")], capture_output=True, check=False)
    assert done.returncode == 0 and done.stdout == (b"" if 1 in closed else b"x")
    assert (tmp_path / "file").read_bytes() == b""


def test_streams_that_are_open_stay_as_they_are() -> None:
    before = [os.fstat(number) for number in range(3)]
    open_streams()
    assert [os.path.samestat(os.fstat(number), stat) for number, stat in enumerate(before)] == [True] * 3
