"""The test of a module is found by its name: runtime's `artifact/container.py` has `artifact/test_container.py`."""

import ast
from pathlib import Path

import pytest

from command import ROOT

UNIT = ROOT / "tests" / "unit"
PACKAGES = ("runtime", "train", "export")
WITHOUT_CODE = ("__init__.py", "__main__.py")
"""Files that need no test of their own, unless a sub-package's `__init__.py` defines something."""

NOT_YET: tuple[str, ...] = ()
"""Modules that have no test file of their name so far: to be emptied, never to be added to."""


def place_of_tests(package: str, module: Path) -> Path:
    """Where a module's tests lie; those of a sub-package's `__init__.py` are named after the sub-package."""
    name = module.parent.name if module.name == "__init__.py" else module.stem
    return UNIT / package / module.parent / f"test_{name}.py"


def defines_something(path: Path) -> bool:
    tree = ast.parse(path.read_text())
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body)


def modules(package: str) -> list[Path]:
    """The modules that need a test file, as paths inside the package."""
    source = ROOT / package / "src" / f"mnistx_{package}"
    found = []
    for path in sorted(source.rglob("*.py")):
        inside = path.relative_to(source)
        exempt = path.name in WITHOUT_CODE and (len(inside.parts) == 1 or not defines_something(path))
        if not exempt:
            found.append(inside)
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_has_a_place_of_tests_its_name(package: str) -> None:
    found = modules(package)
    assert len(found) > 10
    without = [f"{package}/{module}" for module in found if not place_of_tests(package, module).is_file()]
    assert [name for name in without if name not in NOT_YET] == []


def test_every_test_file_holds_a_test() -> None:
    for path in UNIT.rglob("test_*.py"):
        tree = ast.parse(path.read_text())
        assert any(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in tree.body), path


def test_test_files_lie_in_folders_that_the_packages_have() -> None:
    for package in PACKAGES:
        for folder in {path.parent.relative_to(UNIT / package) for path in (UNIT / package).rglob("test_*.py")}:
            assert (ROOT / package / "src" / f"mnistx_{package}" / folder).is_dir(), f"{package}/{folder}"
