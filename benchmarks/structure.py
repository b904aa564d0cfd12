"""Measures the house itself: `python benchmarks/structure.py` prints how hard the code is to find one's way in.

How many files of mnistx a call of `mnistx predict` and of `mnistx export` goes through, modules in a circle of imports,
functions of more than five parameters, modules without a test file of their name, modules in the largest folder.
"""

import ast
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = {name: ROOT / name / "src" / f"mnistx_{name}" for name in ("runtime", "train", "export")}
_ARTIFACTS = ROOT / "artifacts"
COMMANDS = {
    "predict x.jpg": ["predict", str(_ARTIFACTS / "pictures/three.jpg")],
    "export --format onnx": ["export", "--format", "onnx", "--checkpoint", str(_ARTIFACTS / "mnist-cnn.safetensors")],
}

_TRACE = """
import sys, threading
called = set()
def profile(frame, event, arg):
    if event == "call" and frame.f_code.co_name != "<module>" and "mnistx_" in frame.f_code.co_filename:
        called.add(frame.f_code.co_filename)
from mnistx_runtime.cli import main
sys.setprofile(profile)
try:
    main(sys.argv[1:], prog_name="mnistx")
except SystemExit:
    pass
sys.setprofile(None)
print("files", len(called))
"""


def files_of_a_call(args: list[str]) -> int:
    """How many files of mnistx have a function that a command calls."""
    with tempfile.TemporaryDirectory() as folder:
        out = ["--out", folder] if args[0] == "export" else []
        done = subprocess.run(
            [sys.executable, "-c", _TRACE, *args, *out], capture_output=True, text=True, check=True, cwd=folder
        )
    return int(done.stdout.splitlines()[-1].split()[1])


def modules(package: str) -> dict[str, Path]:
    """The modules of a package by their dotted names."""
    folder = PACKAGES[package]
    return {
        ".".join((folder.name, *path.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in folder.rglob("*.py")
    }


def circles(package: str) -> int:
    """How many modules are in a circle of imports, those inside functions counted too."""
    known = modules(package)
    graph = {}
    for name, path in known.items():
        found = [n.module for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom) and n.module]
        graph[name] = {target for target in found if target in known and target != name and not _contains(target, name)}

    def reaches(start: str) -> bool:
        waiting, seen = list(graph[start]), set[str]()
        while waiting:
            at = waiting.pop()
            if at == start:
                return True
            if at not in seen:
                seen.add(at)
                waiting += graph[at]
        return False

    return sum(map(reaches, graph))


def _contains(package: str, name: str) -> bool:
    return name.startswith(f"{package}.")


def long_signatures(package: str) -> list[str]:
    """Functions of more than five parameters, `self` and `cls` not counted."""
    found = []
    for name, path in modules(package).items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                if len([each for each in arguments if each.arg not in ("self", "cls")]) > 5:
                    found.append(f"{name}.{node.name}")
    return found


def untested(package: str) -> list[str]:
    """Modules without a test file of their name; what holds no function or class needs none."""
    names = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    return [
        name
        for name, path in modules(package).items()
        if path.stem not in ("__init__", "__main__")
        and f"test_{path.stem}" not in names
        and f"test_{package}_{path.stem}" not in names
    ]


def main() -> None:
    """Print the measures."""
    for what, args in COMMANDS.items():
        print(f"files that `mnistx {what}` goes through: {files_of_a_call(args)}")
    print(f"modules in a circle of imports: {sum(map(circles, PACKAGES))}")
    print(f"functions of more than five parameters: {sum(len(long_signatures(each)) for each in PACKAGES)}")
    print(f"modules without a test file of their name: {sum(len(untested(each)) for each in PACKAGES)}")
    flat = Counter(path.parent for each in PACKAGES for path in modules(each).values() if path.stem[:2] != "__")
    print(f"modules in the largest folder: {flat.most_common(1)[0][1]}")


if __name__ == "__main__":
    main()
