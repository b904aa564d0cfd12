"""The test of a module is found by its name: runtime's `artifact/container.py` has `artifact/test_container.py`."""

import ast
from pathlib import Path

import pytest

from command import ROOT

UNIT = ROOT / "tests" / "unit"
PACKAGES = ("runtime", "train", "export")
WITHOUT_CODE = ("__init__.py", "__main__.py")
"""Files that need no test of their own, unless a sub-package's `__init__.py` defines something."""

NOT_YET: tuple[str, ...] = (
    "train/augment.py",
    "train/calibration.py",
    "train/checkpoint.py",
    "train/commands/data.py",
    "train/commands/train.py",
    "train/datasets/__init__.py",
    "train/datasets/digits.py",
    "train/datasets/folder.py",
    "train/datasets/idx.py",
    "train/datasets/published.py",
    "train/errors.py",
    "train/events.py",
    "train/figures.py",
    "train/inference.py",
    "train/loop.py",
    "train/loss.py",
    "train/memory.py",
    "train/metrics.py",
    "train/muon.py",
    "train/network.py",
    "train/network_file.py",
    "train/parallel.py",
    "train/pen.py",
    "train/recipes/__init__.py",
    "train/recipes/best.py",
    "train/recipes/fast.py",
    "train/recipes/report.py",
    "train/recipes/schedules.py",
    "train/report.py",
    "train/run.py",
    "train/runs.py",
    "train/stages.py",
    "train/stats.py",
    "train/torches.py",
    "train/uncompiled.py",
    "export/checkpoint_model.py",
    "export/checkpoint_session.py",
    "export/commands/compare.py",
    "export/commands/evaluate.py",
    "export/commands/export.py",
    "export/commands/seal.py",
    "export/commands/spec.py",
    "export/compare/foreign_onnx.py",
    "export/compare/layers.py",
    "export/compare/suites.py",
    "export/defaults.py",
    "export/exporter.py",
    "export/format_results.py",
    "export/formats/base.py",
    "export/formats/coreml.py",
    "export/formats/executorch.py",
    "export/formats/litert.py",
    "export/formats/litert_int8.py",
    "export/formats/ncnn.py",
    "export/formats/onnx.py",
    "export/formats/onnx_fp16.py",
    "export/formats/onnx_int8.py",
    "export/formats/openvino.py",
    "export/formats/ort.py",
    "export/formats/pt2.py",
    "export/formats/torchscript.py",
    "export/int8_gate.py",
    "export/labelled_pictures.py",
    "export/model.py",
    "export/sealing.py",
    "export/spec_file.py",
    "export/spec_model.py",
)
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
