"""What is being written lies in a folder that goes away, sooner or later, however the export ends."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from mnistx_export.trial import LOCK, trial_folder

WRITE = """
import sys, time
from mnistx_export.trial import trial_folder
from mnistx_runtime.signals import exit_on_signals
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
    (tmp_path / ".going-on").mkdir()
    with FileLock(tmp_path / ".going-on" / LOCK), trial_folder(tmp_path / "m.onnx") as folder:
        names = {".m.onnx.mine", ".going-on", folder.name}
        assert {path.name for path in tmp_path.iterdir()} == names
    assert not list((tmp_path / ".m.onnx.mine").iterdir())
