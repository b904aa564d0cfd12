import subprocess
import sys
from io import FileIO
from pathlib import Path

import pytest

from mnistx_runtime.system.lock import lock

HOLD = """
import sys
from io import FileIO
from mnistx_runtime.system.lock import lock
file = FileIO(sys.argv[1], "r+")
lock(file)
print(flush=True)
sys.stdin.read()
"""


def test_a_file_is_locked_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with FileIO(path, "r+") as first, FileIO(path, "r+") as second:
        lock(first)
        with pytest.raises(BlockingIOError):
            lock(second)
        assert first.tell() == 0 and path.read_bytes() == b"x"
        first.close()
        lock(second)


def test_a_lock_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other, FileIO(path, "r+") as file:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(BlockingIOError):
            lock(file)
        other.kill()
        other.wait()
        lock(file)


def test_on_windows_one_byte_far_beyond_the_end_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for msvcrt, which is there alone: where the file stands, and what its errors mean."""
    places = []

    class Msvcrt:
        LK_NBLCK = 2

        @staticmethod
        def locking(number: int, mode: int, count: int) -> None:
            places.append((file.tell(), mode, count))
            if len(places) > 1:
                raise PermissionError(13, "Permission denied")

    monkeypatch.setitem(sys.modules, "msvcrt", Msvcrt)
    monkeypatch.setattr(sys, "platform", "win32")
    with FileIO(tmp_path / "file", "x+") as file:
        file.write(b"abc")
        lock(file)
        assert places == [((1 << 31) - 2, 2, 1)] and file.tell() == 3
        with pytest.raises(BlockingIOError):
            lock(file)
        assert file.tell() == 3
    assert (tmp_path / "file").read_bytes() == b"abc"
