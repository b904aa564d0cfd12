"""The runtime installed alone, in an environment of its own, as a device has it: from a checkout, and from wheels."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from command import ROOT
from mnistx_runtime.artifact.digests import sha256

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh environment that holds the runtime and what it depends on."""
    return install(tmp_path_factory.mktemp("device"), ROOT / "runtime")


def install(folder: Path, *what: Path) -> Path:
    """The bin folder of a fresh environment that holds something and what it depends on."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip: list[str | Path] = [folder / "bin" / "pip", "install", "-q", "-c", ROOT / "constraints.txt", *what]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if "No matching distribution" in done.stderr or "connection" in done.stderr.lower():
        pytest.skip("needs the package registry, which can't be reached")
    assert done.returncode == 0, done.stderr
    return folder / "bin"


def run(device: Path, *args: str | Path, cwd: Path = ROOT / "tests") -> subprocess.CompletedProcess[str]:
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [device / args[0], *args[1:]], capture_output=True, text=True, cwd=cwd, env=alone, check=False
    )


def test_there_is_no_torch_and_little_else(device: Path) -> None:
    listed = json.loads(run(device, "pip", "list", "--format", "json").stdout)
    names = {entry["name"].lower() for entry in listed} - {"pip", "setuptools", "wheel"}
    assert names == {
        "click", "flatbuffers", "mnistx-runtime", "numpy", "onnxruntime", "packaging", "pillow", "protobuf"
    }  # fmt: skip


NEED_EXTRA = [f"mnistx_runtime.serve.{name}" for name in ("app", "endpoints", "metrics", "server")]
"""Modules that import what only `mnistx-runtime[serve]` brings."""


def test_every_module_can_be_imported(device: Path) -> None:
    code = (
        "import importlib, pkgutil, mnistx_runtime as m\n"
        "names = [x.name for x in pkgutil.walk_packages(m.__path__, 'mnistx_runtime.') if '__main__' not in x.name]\n"
        f"names = [name for name in names if name not in {NEED_EXTRA!r}]\n"
        "[importlib.import_module(name) for name in names]; print(len(names))"
    )
    done = run(device, "python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 45


@pytest.mark.parametrize(
    "command", ["", "predict", "serve", "sign", "verify", "inspect", "runtimes", "benchmark", "doctor"]
)
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
    done = run(device, "mnistx", "serve")
    assert done.returncode == 2 and done.stderr.endswith("is missing: pip install 'mnistx-runtime[serve]'\n")
    done = run(device, "mnistx", "predict", ".", "--engine", "ray", "--out", "answers")
    assert done.returncode == 2 and done.stderr == "Error: ray is missing: pip install 'mnistx-runtime[ray]'\n"
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


SBOM = "mnistx-runtime.cdx.json"
DISTRIBUTIONS = {"mnistx": ".", "mnistx_runtime": "runtime", "mnistx_train": "train", "mnistx_export": "export"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of each distribution, as `uv build` makes them of a checkout."""
    checkout, out = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    junk = shutil.ignore_patterns(".git", ".venv", ".mypy_cache", "runs", "dist")
    shutil.copytree(ROOT, checkout, ignore=junk, dirs_exist_ok=True)
    (checkout / "runtime" / "src" / "mnistx_runtime" / "__pycache__").mkdir(exist_ok=True)
    uv = shutil.which("uv", path=Path(sys.executable).parent) or shutil.which("uv")
    if uv is None:
        pytest.skip("needs uv: pip install uv")
    command = [uv, "build", "-q", "--all-packages", "--out-dir", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=checkout, check=False)
    if "Failed to fetch" in done.stderr or "dns error" in done.stderr:
        pytest.skip("needs the package registry, which can't be reached")
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_wheel_is_described_and_holds_the_package_and_nothing_else(built: Path, name: str) -> None:
    (path,) = built.glob(f"{name}-*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        (licence,) = (each for each in names if each.endswith(".dist-info/licenses/LICENSE"))
        assert wheel.read(licence) == (ROOT / "LICENSE").read_bytes()
        (described,) = (each for each in names if each.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(wheel.read(described).decode())
    assert metadata["License-Expression"] == "MIT" and metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload() == (ROOT / DISTRIBUTIONS[name] / "README.md").read_text()
    assert metadata["Summary"] and metadata["Keywords"] and len(metadata.get_all("Classifier", [])) > 5
    package = {each for each in names if ".dist-info/" not in each}
    source = ROOT / DISTRIBUTIONS[name] / "src"
    there = {path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert package == {path.relative_to(source).as_posix() for path in there}
    assert (f"{name}/py.typed" in package) == bool(package)


def test_the_runtime_s_wheel_says_what_it_holds_as_cyclonedx_asks(built: Path) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with zipfile.ZipFile(next(built.glob("mnistx_runtime-*.whl"))) as wheel:
        (name,) = (each for each in wheel.namelist() if ".dist-info/sboms/" in each)
        text = wheel.read(name).decode()
        files = {each: wheel.read(each) for each in wheel.namelist() if ".dist-info/" not in each}
    assert name.endswith(f"/{SBOM}") and JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = {each["bom-ref"]: each for each in json.loads(text)["components"] if "hashes" in each}
    data = {each for each, content in files.items() if content and not each.endswith(".py")}
    assert listed.keys() == data and data
    for where, component in listed.items():
        assert component["hashes"] == [{"alg": "SHA-256", "content": sha256(files[where])}]
        assert component["licenses"] == [{"license": {"id": "MIT"}}]


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_an_sdist_holds_all_that_a_wheel_is_made_of_and_no_junk(built: Path, name: str) -> None:
    (path,) = built.glob(f"{name}-*.tar.gz")
    with tarfile.open(path) as archive:
        names = {each.partition("/")[2] for each in archive.getnames()}
    with zipfile.ZipFile(next(built.glob(f"{name}-*.whl"))) as wheel:
        package = {f"src/{each}" for each in wheel.namelist() if ".dist-info/" not in each}
    extra = {"mnistx": {"CHANGELOG.md"}, "mnistx_runtime": {SBOM}}.get(name, set())
    assert names - {".gitignore"} == package | extra | {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO"}


def test_the_wheels_alone_do_what_the_readme_says_first(built: Path, tmp_path: Path) -> None:
    wheels = [next(built.glob(f"{name}-*.whl")) for name in ("mnistx", "mnistx_runtime")]
    bin_folder = install(tmp_path / "environment", *wheels)
    block = re.search(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    assert block is not None
    command = shlex.split(block[1].rpartition("&& ")[2])
    done = run(bin_folder, *command, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "") and re.search(r"seven\.jpg: 7 \(", done.stdout)
    listed = json.loads(run(bin_folder, "pip", "list", "--format", "json").stdout)
    assert not {entry["name"] for entry in listed} & {"torch", "mnistx-train", "mnistx-export"}


def test_every_package_carries_the_licence() -> None:
    for folder in DISTRIBUTIONS.values():
        assert (ROOT / folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
