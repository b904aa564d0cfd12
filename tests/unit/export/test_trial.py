"""What is being written lies in a folder that goes away, sooner or later, however the export ends."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from mnistx_export.trial import LOCK, trial_folder
from mnistx_runtime.errors import BadInput
from mnistx_runtime.system.temporary import temporary_path

WRITE = """
import sys, time
from mnistx_export.trial import trial_folder
from mnistx_runtime.system.signals import exit_on_signals
from pathlib import Path
with exit_on_signals(), trial_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_bytes(b"x")
    print("now", flush=True)
    time.sleep(600)
"""


def write(target: Path, name: str) -> int:
    """Write in a process of its own until a signal stops it."""
    with subprocess.Popen([sys.executable, "-c", WRITE, target], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"now\n"
        process.send_signal(getattr(signal, name))
    return process.returncode


def test_the_folder_lies_beside_the_target_and_goes_also_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), trial_folder(tmp_path / "m.onnx") as folder:
        assert folder.parent == tmp_path and (folder / LOCK).exists()
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process at once")
def test_a_stopped_export_leaves_nothing_and_what_a_killed_one_left_goes_at_the_next_start(tmp_path: Path) -> None:
    assert write(tmp_path / "m.onnx", "SIGTERM") == 143
    assert not list(tmp_path.iterdir())
    assert write(tmp_path / "m.onnx", "SIGKILL") == -9
    (left,) = tmp_path.iterdir()
    assert (left / "half").exists()
    with trial_folder(tmp_path / "other.pt2") as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_folders_of_others_and_of_exports_that_go_on_stay(tmp_path: Path) -> None:
    (tmp_path / ".m.onnx.mine").mkdir()
    FileLock(tmp_path / ".m.onnx.mine" / LOCK).acquire()
    with trial_folder(tmp_path / "n.onnx") as going_on, trial_folder(tmp_path / "m.onnx") as folder:
        assert {path.name for path in tmp_path.iterdir()} == {".m.onnx.mine", going_on.name, folder.name}
    assert [path.name for path in tmp_path.iterdir()] == [".m.onnx.mine"]


def test_a_folder_that_its_process_had_not_locked_yet_goes_too(tmp_path: Path) -> None:
    temporary_path(tmp_path).mkdir()
    with trial_folder(tmp_path / "m.onnx") as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_that_another_process_takes_for_a_leftover_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire = FileLock.acquire
    seen: list[Path] = []

    def interfere(lock: FileLock) -> object:
        seen.append(Path(lock.lock_file).parent)
        if len(seen) == 1:
            raise Timeout(lock.lock_file)
        return acquire(lock)

    monkeypatch.setattr(FileLock, "acquire", interfere)
    with trial_folder(tmp_path / "m.onnx") as folder:
        assert folder.is_dir() and folder == seen[-1] != seen[0]


def test_temporary_files_of_converters_lie_in_it(tmp_path: Path) -> None:
    before = tempfile.gettempdir(), os.environ.get("TMPDIR")
    with trial_folder(tmp_path / "m.onnx") as folder, tempfile.TemporaryDirectory() as inner:
        assert Path(inner).parent == folder == Path(os.environ["TMPDIR"])
        with trial_folder(tmp_path / "n.onnx") as other:
            assert Path(tempfile.gettempdir()) == other
        assert Path(tempfile.gettempdir()) == folder
    assert (tempfile.gettempdir(), os.environ.get("TMPDIR")) == before


def test_exports_side_by_side_leave_the_place_of_temporary_files_as_it_was(tmp_path: Path) -> None:
    before = tempfile.gettempdir()
    one, other = trial_folder(tmp_path / "m.onnx"), trial_folder(tmp_path / "n.onnx")
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    other.__exit__(None, None, None)
    assert tempfile.gettempdir() == before


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(BadInput, match=r"can't write to .*: No space left"), trial_folder(tmp_path / "m.onnx"):
        pass
    assert not list(tmp_path.iterdir())
