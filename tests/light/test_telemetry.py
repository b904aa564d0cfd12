"""Nothing is sent home, and nothing is written for it: ONNX Runtime keeps an id and a queue under the home folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from command import ROOT

PREDICT = "from mnistx_runtime.cli import main; main(['predict', 'artifacts/pictures/seven.jpg'])"
EXPORT = (
    "from mnistx_export.formats import onnx_int8, ort, onnx_fp16\n"
    "import onnxruntime; onnxruntime.InferenceSession('artifacts/mnist-cnn.onnx')"
)


def files_after(code: str, home: Path) -> list[str]:
    """What a program leaves in its home folder."""
    removed = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    kept = {name: value for name, value in os.environ.items() if name not in removed}
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        env=kept | {"HOME": str(home), "USERPROFILE": str(home)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [path.name for path in home.rglob("*") if path.is_file()]


@pytest.mark.parametrize("code", [PREDICT, pytest.param(EXPORT, marks=pytest.mark.slow)])
def test_no_program_of_ours_leaves_anything_at_home(code: str, tmp_path: Path) -> None:
    assert files_after(code, tmp_path) == []
