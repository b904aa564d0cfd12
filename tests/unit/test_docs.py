"""The documents say what is so: every command is described, every command that is shown runs."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from command import RELEASED, ROOT
from mnistx_runtime import cli
from mnistx_runtime.artifact.digests import sha256

README = (ROOT / "README.md").read_text()
GUIDES = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
FOLLOWED = (ROOT / "tests/devices/test_guides.py").read_text()
"""A test that follows whole guides; those that it names aren't run here again."""

BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S)
RUN = list(
    dict.fromkeys(
        line
        for text in (README, *(text for name, text in GUIDES.items() if name not in FOLLOWED))
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
        for line in block.splitlines()
        if line.startswith("mnistx ")
    )
)
"""What is run as it stands, once, in the order in which a reader would."""

SHOWN = [line for text in (README, *GUIDES.values()) for line in text.splitlines() if line.startswith("mnistx ")]


def commands() -> list[str]:
    context = click.Context(cli.main)
    found = []
    for name in cli.main.list_commands(context):
        command = cli.main.get_command(context, name)
        inner = list(command.commands) if isinstance(command, click.Group) else []
        found += [f"{name} {sub}" for sub in inner] or [name]
    return found


@pytest.mark.parametrize("name", commands())
def test_every_command_is_shown_in_the_readme_or_a_guide(name: str) -> None:
    assert any(line.startswith(f"mnistx {name}") for line in SHOWN)


def test_ci_runs_the_readmes_second_command() -> None:
    script = (ROOT / ".ci/run").read_text().partition("install_packages")[0]
    done = subprocess.run(["bash", "-c", script, str(ROOT / ".ci/run")], capture_output=True, text=True, check=True)
    assert done.stdout == BLOCKS[1] and "pytest" in BLOCKS[1]


def test_the_versions_agree() -> None:
    import mnistx_export
    import mnistx_runtime
    import mnistx_train

    version = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert version is not None
    for package in (mnistx_runtime, mnistx_train, mnistx_export):
        assert package.__version__ == version[1]
    for folder in (".", "runtime", "train", "export"):
        assert f'\nversion = "{version[1]}"\n' in (ROOT / folder / "pyproject.toml").read_text()


@pytest.mark.minutes
@pytest.mark.slow
def test_every_command_in_the_readme_and_the_guides_runs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "artifacts", tmp_path / "artifacts", ignore=shutil.ignore_patterns("runs"))
    assert len(RUN) > 9
    for line in RUN:
        words, _, stdin = line.partition(" < ")
        done = subprocess.run(
            [sys.executable, "-m", "mnistx_runtime", *shlex.split(words)[1:]],
            input=(tmp_path / stdin).read_bytes() if stdin else b"",
            capture_output=True,
            cwd=tmp_path,
            check=False,
        )
        over_budget = "--assert" in words and done.stderr.startswith(b"over budget: ")  # a matter of the machine's load
        assert done.returncode == over_budget, f"{line}\n{done.stderr.decode()}"


def test_every_link_leads_somewhere() -> None:
    for folder, text in ((ROOT, README), *((ROOT / "docs", text) for text in GUIDES.values())):
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (folder / target).exists(), target


def test_every_guide_is_named_in_the_readme() -> None:
    assert all(f"(docs/{name})" in README for name in GUIDES) and GUIDES


def test_every_promise_names_tests_that_exist_and_the_released_model_s_digest_is_published() -> None:
    security = (ROOT / "SECURITY.md").read_text()
    named = re.findall(r"`(test[\w/]*\.py)`", security)
    assert len(named) > 15 and all((ROOT / name).is_file() for name in named), named
    assert sha256(RELEASED.with_suffix(".onnx").read_bytes()) in security
