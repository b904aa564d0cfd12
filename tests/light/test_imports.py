"""Imports point one way, and nothing heavy is imported before it is used. Read from the source, not from a run."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from command import ROOT

SOURCES = {name: ROOT / name / "src" / f"mnistx_{name}" for name in ("runtime", "train", "export")}
MAY_IMPORT = {"runtime": {"runtime"}, "train": {"runtime", "train"}, "export": {"runtime", "train", "export"}}
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
        light = name.endswith((".commands", ".formats"))  # tables and options, which import only click themselves
        assert package == "click" or package in sys.stdlib_module_names or light, name


def test_what_command_files_import_beside_click_is_as_light() -> None:
    for folder in SOURCES.values():
        for path in (*folder.glob("commands/__init__.py"), *folder.glob("formats/__init__.py")):
            found = {name.split(".")[0] for name in imports(without_type_checking(ast.parse(path.read_text())))}
            assert found <= {"click", "mnistx_runtime", "mnistx_train"} | sys.stdlib_module_names, path


def without_type_checking(tree: ast.Module) -> ast.Module:
    """What a module does at its own level when it is imported: no functions, and no `if TYPE_CHECKING:`."""
    kept: list[ast.stmt] = []
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
        elif isinstance(node, ast.If | ast.Try | ast.With):
            waiting += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            kept.append(node)
    return ast.Module(body=kept, type_ignores=[])


def modules_of(package: str) -> dict[str, Path]:
    """The modules of a package by their full names."""
    names = {}
    for path in SOURCES[package].rglob("*.py"):
        parts = path.relative_to(SOURCES[package].parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imported_modules(path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of the same package that one imports when it is imported itself."""
    found = set()
    for node in without_type_checking(ast.parse(path.read_text())).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & known.keys()) or {node.module}
    return found & known.keys()


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """The names along one circle of a graph; none if there is none."""
    done: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for following in sorted(graph[name]):
            found = follow(following, [*way, name])
            if found:
                return found
        done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := follow(name, []))), [])


@pytest.mark.parametrize("package", SOURCES)
def test_no_module_imports_one_that_imports_it(package: str) -> None:
    known = modules_of(package)
    graph = {name: imported_modules(path, known) - {name} for name, path in known.items()}
    assert sum(map(len, graph.values())) > 20
    assert " -> ".join(circle_in(graph)) == ""


def test_a_circle_is_found_and_what_only_a_type_checker_sees_is_none(tmp_path: Path) -> None:
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
    (tmp_path / "m.py").write_text(
        "from typing import TYPE_CHECKING\nimport a\nfrom a import b\nfrom a.c import x\n"
        "if TYPE_CHECKING:\n    import d\ntry:\n    import e\nexcept ImportError:\n    import f\n"
        "def g():\n    import h\n"
    )
    known = dict.fromkeys(["a", "a.b", "a.c", "d", "e", "f", "h"], tmp_path)
    assert imported_modules(tmp_path / "m.py", known) == {"a", "a.b", "a.c", "e"}


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


OF_OTHER_CALLS = {
    "artifact.certificate", "artifact.parity", "artifact.verification", "explain", "preprocess.grouping",
    "preprocess.multi_digit", "preprocess.none", "preprocess.resize", "records", "system.files", "system.quiet",
}  # fmt: skip
"""Modules of ours without which one picture is answered."""


def test_a_prediction_imports_only_what_it_needs() -> None:
    code = (
        "import sys, numpy, onnxruntime, click, dataclasses, json, pathlib, numpy.typing, PIL.JpegImagePlugin\n"
        "before = set(sys.modules)\n"
        "from mnistx_runtime.cli import main\n"
        f"try: main(['predict', {str(ROOT / 'artifacts/pictures/seven.jpg')!r}], prog_name='mnistx')\n"
        "except SystemExit as end: print(end.code, *sorted(set(sys.modules) - before), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    answer, exit_code, *imported = done.stdout.splitlines()
    assert ": 7 (" in answer and exit_code == "0", done.stderr
    ours = {name.removeprefix("mnistx_runtime.") for name in imported if name.startswith("mnistx_runtime")}
    assert "predictor" in ours and not ours & OF_OTHER_CALLS
    others = {name for name in imported if not name.startswith("mnistx_runtime")}
    digest = {"hashlib", "_hashlib", "_blake2"}
    needed = {"PIL.ImageFilter", "gc", "importlib._abc", "importlib.util", "resource"}  # no other plugin
    assert others <= needed | digest


def test_the_public_surface_is_what_it_says() -> None:
    import mnistx_runtime

    for name in mnistx_runtime.__all__:
        assert getattr(mnistx_runtime, name).__name__ == name
    assert sorted(mnistx_runtime._HOME) == sorted(mnistx_runtime.__all__)
