"""Imports point one way, and nothing heavy is imported before it is used. Read from the source, not from a run."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from command import ROOT

SOURCES = {name: ROOT / name / "src" / f"mnistx_{name}" for name in ("runtime", "train", "export")}
MAY_IMPORT = {"runtime": {"runtime"}, "train": {"train"}, "export": {"runtime", "train", "export"}}
COMMAND_FILES = [path for folder in SOURCES.values() for path in (folder / "commands").glob("*.py")]


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


@pytest.mark.parametrize("package", SOURCES)
def test_imports_point_one_way(package: str) -> None:
    files = list(SOURCES[package].rglob("*.py"))
    assert len(files) > 10
    for path in files:
        for name in imports(ast.parse(path.read_text())):
            if name.startswith("mnistx_"):
                assert name.split(".")[0].removeprefix("mnistx_") in MAY_IMPORT[package], f"{path} imports {name}"


def test_the_runtime_knows_torch_only_inside_the_backends_that_need_it() -> None:
    for path in SOURCES["runtime"].rglob("*.py"):
        found = {name.split(".")[0] for name in imports(ast.parse(path.read_text()))}
        needs_torch = path.name in ("torch_session.py", "executorch.py")
        assert needs_torch or not found & {"torch", "torchvision", "onnx", "onnxscript"}, path


@pytest.mark.parametrize("path", COMMAND_FILES, ids=lambda path: f"{path.parent.parent.name}/{path.stem}")
def test_command_files_import_only_click_at_module_level(path: Path) -> None:
    tree = ast.parse(path.read_text())
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    for name in imports(ast.Module(body=list(top), type_ignores=[])):
        package = name.split(".")[0]
        assert package == "click" or package in sys.stdlib_module_names or name.endswith(".commands"), name


@pytest.mark.parametrize("command", ["--help", "predict --help", "train --help", "export --help", "runtimes"])
def test_help_and_lists_load_nothing_heavy(command: str) -> None:
    code = (
        "import sys; from mnistx_runtime.cli import main\n"
        f"try: main({command.split()!r}, prog_name='mnistx')\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'torchvision', 'onnx', 'onnxruntime', 'PIL', 'matplotlib', 'sklearn', 'openvino',"
        " 'ai_edge_litert', 'executorch', 'ncnn', 'pnnx', 'coremltools', 'litert_torch'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_public_surface_is_what_it_says() -> None:
    import mnistx_runtime

    for name in mnistx_runtime.__all__:
        assert getattr(mnistx_runtime, name).__name__ == name
    assert sorted(mnistx_runtime._HOME) == sorted(mnistx_runtime.__all__)
