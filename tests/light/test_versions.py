"""What the packages declare is what works: the oldest versions and the newest, on the oldest and the newest Python."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from command import ROOT
from versions import (
    NEWEST,
    OLDEST,
    RUNTIME,
    Unreachable,
    declared_pythons,
    find_python,
    light_tests,
    make_environment,
    run_tests,
)

PROJECTS = ("", "runtime", "train", "export")


def test_all_packages_declare_the_same_pythons_and_these_alone() -> None:
    projects = [tomllib.loads((ROOT / name / "pyproject.toml").read_text())["project"] for name in PROJECTS]
    pythons = declared_pythons()
    beyond = int(pythons[-1].split(".")[1]) + 1
    assert len(pythons) > 1
    for project in projects:
        assert project["requires-python"] == f">={pythons[0]},<3.{beyond}"
        assert [f"Programming Language :: Python :: {minor}" for minor in pythons] == [
            line for line in project["classifiers"] if re.search(r"Python :: 3\.\d", line)
        ]


def test_packages_that_need_the_same_declare_the_same() -> None:
    declared: dict[str, set[str]] = {}
    for name in PROJECTS:
        for line in tomllib.loads((ROOT / name / "pyproject.toml").read_text())["project"]["dependencies"]:
            declared.setdefault(re.split("[=<>]", line)[0], set()).add(line)
    assert {name: lines for name, lines in declared.items() if len(lines) > 1} == {}


def test_many_tests_need_the_runtime_alone() -> None:
    assert len(list(light_tests())) > 25


def test_what_is_installed_here_fits_together() -> None:
    uv = shutil.which("uv", path=Path(sys.executable).parent) or shutil.which("uv")
    if uv is None:
        pytest.skip("needs uv: pip install uv")
    done = subprocess.run([uv, "pip", "check", "--python", sys.executable], capture_output=True, text=True, check=False)
    overridden = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["override-dependencies"]
    names = {re.split("[=<>]", line)[0] for line in overridden}
    found = set(re.findall(r"The package `.*?` requires `([^`=<>~!]+)", done.stderr))
    assert (done.returncode == 0) == (not found) and found <= names, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("at", "resolution"), [(0, OLDEST), (-1, OLDEST), (-1, NEWEST)])
def test_the_runtime_alone_works_with_what_it_declares(at: int, resolution: str, tmp_path: Path) -> None:
    minor = declared_pythons()[at]
    python = find_python(minor)
    if python is None:
        pytest.skip(f"Python {minor} isn't here")
    try:
        environment = make_environment(tmp_path / "environment", python, RUNTIME, resolution)
    except Unreachable:
        pytest.skip("needs the package registry, which can't be reached")
    passed, problem = run_tests(environment)
    assert passed > 300 and not problem, problem
