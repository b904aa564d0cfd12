"""Nothing is sent home, and nothing is written for it: ONNX Runtime and OpenVINO would keep an id there."""

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
OPENVINO = """
import socket, sys, tempfile
from pathlib import Path
asked = []
sys.addaudithook(lambda event, args: event.startswith(("socket.connect", "socket.getaddrinfo")) and asked.append(args))
from mnistx_export import export
from mnistx_export.checkpoint_model import model_from_checkpoint
from mnistx_export.formats.base import format_named
from mnistx_runtime import Predictor
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "m.xml"
    export(model_from_checkpoint(Path("artifacts/mnist-cnn.safetensors")), format_named("openvino"), path)
    Predictor(path, "openvino").predict("artifacts/pictures/seven.jpg")
assert not asked and "openvino" in sys.modules and "openvino_telemetry" not in sys.modules, asked
"""


def files_after(code: str, home: Path) -> list[str]:
    """What a program leaves in its home folder."""
    removed = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "CI", "TF_BUILD", "JENKINS_URL")  # in CI OpenVINO is silent
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


@pytest.mark.parametrize(
    "code", [PREDICT, *(pytest.param(code, marks=pytest.mark.slow) for code in (EXPORT, OPENVINO))]
)
def test_no_program_of_ours_leaves_anything_at_home(code: str, tmp_path: Path) -> None:
    assert files_after(code, tmp_path) == []
