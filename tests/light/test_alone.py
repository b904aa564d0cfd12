"""The runtime installed alone, in an environment of its own, as a device has it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from command import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh environment that holds the runtime and what it depends on."""
    folder = tmp_path_factory.mktemp("device")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip: list[str | Path] = [folder / "bin" / "pip", "install", "-q", "-c", ROOT / "constraints.txt", ROOT / "runtime"]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if "No matching distribution" in done.stderr or "connection" in done.stderr.lower():
        pytest.skip("needs the package registry, which can't be reached")
    assert done.returncode == 0, done.stderr
    return folder / "bin"


def run(device: Path, *args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([device / args[0], *args[1:]], capture_output=True, text=True, cwd=device, check=False)


def test_there_is_no_torch_and_little_else(device: Path) -> None:
    listed = json.loads(run(device, "pip", "list", "--format", "json").stdout)
    names = {entry["name"].lower() for entry in listed} - {"pip", "setuptools", "wheel"}
    assert names == {
        "click", "flatbuffers", "mnistx-runtime", "numpy", "onnxruntime", "packaging", "pillow", "protobuf"
    }  # fmt: skip


def test_every_module_can_be_imported(device: Path) -> None:
    code = (
        "import importlib, pkgutil, mnistx_runtime as m\n"
        "names = [x.name for x in pkgutil.walk_packages(m.__path__, 'mnistx_runtime.') if '__main__' not in x.name]\n"
        "[importlib.import_module(name) for name in names]; print(len(names))"
    )
    done = run(device, "python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 45


@pytest.mark.parametrize("command", ["", "predict", "verify", "inspect", "runtimes", "benchmark"])
def test_every_help_is_printed(device: Path, command: str) -> None:
    done = run(device, "mnistx", *command.split(), "--help")
    assert done.returncode == 0 and "Usage: mnistx" in done.stdout


def test_it_predicts_and_verifies_with_the_bundled_model(device: Path) -> None:
    done = run(device, "mnistx", "predict", ROOT / "artifacts/pictures/seven.jpg", "--runtime", "ort", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "7"
    done = run(device, "mnistx", "verify", ROOT / "artifacts/mnist-cnn.onnx")
    assert done.returncode == 0 and "matches its certificate" in done.stdout


def test_what_needs_torch_says_so(device: Path) -> None:
    done = run(device, "mnistx", "predict", "x.png", "--runtime", "torchscript")
    assert done.returncode == 2 and "pip install 'mnistx-runtime[torchscript]'" in done.stderr
    for command in ("export", "compare", "seal", "spec"):
        done = run(device, "mnistx", command)
        assert done.returncode == 2 and "pip install ./runtime ./train ./export" in done.stderr


def test_a_picture_is_prepared_for_any_spec_without_torch(device: Path) -> None:
    code = (
        "import sys; from PIL import Image; from mnistx_runtime import InputSpec\n"
        "from mnistx_runtime.preprocess import preprocess_for\n"
        "spec = InputSpec(channels=3, height=40, width=48, mean=(0.5,) * 3, std=(0.2,) * 3, preprocess='resize')\n"
        "image = preprocess_for(spec).prepare(Image.new('RGB', (90, 70))).image\n"
        "print(image.shape, 'torch' in sys.modules)"
    )
    done = run(device, "python", "-c", code)
    assert done.stdout.strip() == "(3, 40, 48) False", done.stderr
