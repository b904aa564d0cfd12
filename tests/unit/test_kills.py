"""A command that is stopped wherever it writes leaves no half file, and the next start ends as if nothing had been.

`benchmarks/kills.py` does so for every command and step; here it does for a few.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from command import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")


def kills(folder: Path, *args: str) -> list[int]:
    """How many faults of each kind were tried."""
    script = str(ROOT / "benchmarks" / "kills.py")
    done = subprocess.run([sys.executable, script, str(folder), *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    mounts = "as this machine mounts none" not in done.stdout
    assert done.stdout.count("full, a real disk: ") == (done.stdout.count("full: ") if mounts else 0)
    return [int(count) for count in re.findall(r"(?<!disk): (\d+) tried, \d+ left something, 0 wrong", done.stdout)]


def test_answers_are_completed_and_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    tried = kills(tmp_path, "predict --many --out a.csv", "spec init", "--faults", "kill", "full")
    assert len(tried) == 4 and min(tried) > 4


def test_a_stop_and_a_disk_that_turns_read_only_end_with_a_line(tmp_path: Path) -> None:
    tried = kills(tmp_path, "spec init", "--faults", "SIGTERM", "SIGINT", "read-only")
    assert len(tried) == 3 and min(tried) > 4


@pytest.mark.minutes
@pytest.mark.slow
@pytest.mark.parametrize("command", ["seal", "export --format openvino", "train"])
def test_what_takes_longer_too(command: str, tmp_path: Path) -> None:
    (tried,) = kills(tmp_path, command, "--faults", "kill", "--every", "1" if command == "seal" else "9")
    assert tried > 4


def test_what_is_wrong_is_seen(tmp_path: Path) -> None:
    """The script itself, with a `write_whole` that writes where the file is to be."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import kills; from mnistx_runtime.system import files\n"
        "def write(path, data):\n"
        "    with files.FileIO(path, 'w') as file: files._write(file, data)\n"
        "files.write_whole = write\n"
        "sys.exit(kills.main([sys.argv[2], 'spec init', '--faults', 'kill']))"
    )
    script = [sys.executable, "-c", code, str(ROOT / "benchmarks"), str(tmp_path)]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "s.toml is neither the old nor the new file" in done.stdout, done.stderr
