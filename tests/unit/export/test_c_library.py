import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from mnistx_export import Model, Settings, c_library, export
from mnistx_export.c_library import add_libraries, compiler_for
from mnistx_runtime import InputSpec
from mnistx_runtime.artifact.c_library import own_triple
from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.artifact.verification import verify
from mnistx_runtime.errors import BackendUnavailable, BadInput

OTHER = "aarch64-linux-gnu"
LOADER = {own_triple(): [], OTHER: ["qemu-aarch64", "-L", f"/usr/{OTHER}"]}
"""What runs a program of a triple here."""

SPEC = InputSpec(channels=1, height=12, width=12, mean=(0.4,), std=(0.2,))


def model() -> Model:
    torch.manual_seed(3)
    layers = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(100, 3)]
    return Model(nn.Sequential(*layers).eval(), SPEC, ("cat", "dog", "owl"))


def available(triple: str) -> bool:
    try:
        return bool(compiler_for(triple))
    except BackendUnavailable:
        return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with the libraries that can be built here."""
    triples = tuple(triple for triple in LOADER if triple and available(triple))
    if not triples:
        pytest.skip("nothing here compiles: pip install ziglang")
    path = tmp_path_factory.mktemp("built") / "net.c99"
    assert export(model(), "c", path, Settings(build=triples)).passed
    return path


@pytest.mark.parametrize("triple", LOADER)
def test_a_library_passes_the_self_test_on_its_machine(triple: str, folder: Path, tmp_path: Path) -> None:
    library = folder / "lib" / triple / "net.so"
    lacking = [command for command in (f"{triple}-gcc", *LOADER[triple][:1]) if not shutil.which(command)]
    if lacking or not library.exists():
        pytest.skip(f"needs {', '.join(lacking) or 'ziglang'}")
    gcc: list[str | Path] = [
        f"{triple}-gcc",
        "-O1",
        f"-I{folder}",
        folder / "example" / "main.c",
        library,
        "-o",
        tmp_path / "main",
    ]
    subprocess.run([*gcc, f"-Wl,-rpath,{library.parent}"], check=True)
    done = subprocess.run([*LOADER[triple], tmp_path / "main"], input=bytes(144), capture_output=True, check=True)
    first, answer = done.stdout.decode().splitlines()
    assert first == "self-test: passed" and answer.split()[0] in ("cat", "dog", "owl")


def test_it_is_built_to_the_same_bytes_and_needs_nothing_of_this_machine(folder: Path) -> None:
    opened = open_artifact(folder)
    built = {ending: data for ending, data in opened.files.items() if "/lib/" in ending}
    triples = [ending.split("/")[2] for ending in built]
    assert add_libraries(opened.files, opened.props, triples) == opened.files
    assert all(b"/tmp" not in data and str(Path.home()).encode() not in data for data in built.values())
    assert verify(folder).passed


def test_a_library_of_an_earlier_export_is_not_left_there(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "net.c99")
    with pytest.raises(BadInput, match=r"holds lib/\S+/net\.so of another export"):
        export(model(), "c", tmp_path / "net.c99")
    assert verify(tmp_path / "net.c99").passed


def test_what_can_not_be_built_is_told_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="names no Linux"):
        export(model(), "c", tmp_path / "net.c99", Settings(build=("x86_64-windows",)))
    monkeypatch.setattr(c_library, "find_spec", lambda name: None)
    with pytest.raises(BackendUnavailable, match=r"pip install ziglang, or apt install gcc-sparc64-linux-gnu"):
        export(model(), "c", tmp_path / "net.c99", Settings(build=("sparc64-linux-gnu",)))
    assert list(tmp_path.iterdir()) == []


def test_a_compiler_that_refuses_is_told_in_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_artifact(folder)
    spoilt = {ending: b"int n(\n" if ending.endswith("/net.c") else data for ending, data in opened.files.items()}
    monkeypatch.setattr(c_library, "compiler_for", lambda triple: [shutil.which("cc") or sys.executable])
    with pytest.raises(BadInput, match=r"net can't be built for m68k-linux-gnu: .*error") as told:
        add_libraries(spoilt, opened.props, ["m68k-linux-gnu"])
    assert "\n" not in str(told.value)
