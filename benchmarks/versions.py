"""Tries the oldest and the newest versions that mnistx declares: which of its tests pass there?

    python benchmarks/versions.py artifacts

For each Python that is declared and found here, an environment with the lowest versions that the packages declare of
what they need themselves, and one with the newest that the registry has. The runtime alone is held to all of its tests
that need nothing else. With train and export beside it, the oldest versions on the oldest Python and the newest on the
others, a model is trained, exported, verified, compared and evaluated. Writes versions.md, and fails where something
failed.
"""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNTIME, ALL = ("runtime",), ("runtime", "train", "export")
OLDEST, NEWEST = "lowest-direct", "highest"
"""How uv resolves what is declared."""

PYTEST = "pytest>=9.2"
LISTED = ("click", "numpy", "onnxruntime", "packaging", "pillow", "torch", "torchvision", "onnx", "onnxscript")
NEEDS_MORE = {"test_batch.py", "test_cli.py", "test_torchscript.py", "test_pt2.py", "test_tables.py"}
"""Files of tests that import nothing but the runtime, and run what needs torch, scikit-learn or matplotlib."""


class Unreachable(Exception):
    """The package registry can't be reached."""


@dataclass(frozen=True)
class Environment:
    """An environment made for a trial.

    Args:
        python: its interpreter.
        versions: what is installed in it.
    """

    python: Path
    versions: dict[str, str]


@dataclass(frozen=True)
class Trial:
    """What came of one environment: "" where all passed, else the last lines."""

    packages: tuple[str, ...]
    minor: str
    resolution: str
    versions: dict[str, str]
    passed: int
    problem: str


def declared_pythons() -> list[str]:
    """The minor versions that the runtime's classifiers name, oldest first."""
    project = tomllib.loads((ROOT / "runtime" / "pyproject.toml").read_text())["project"]
    return [found[1] for line in project["classifiers"] if (found := re.search(r"Python :: (3\.\d+)$", line))]


def find_python(minor: str) -> Path | None:
    """An interpreter of that version: this one, one of pyenv's, or one on the path that runs."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{minor}.*/bin/python")
    for candidate in (sys.executable, *sorted(map(str, pyenv)), f"python{minor}"):
        code = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
        try:
            done = subprocess.run([candidate, "-c", code], capture_output=True, text=True, check=False)
        except OSError:
            continue
        found, _, path = done.stdout.strip().partition(" ")
        if found == minor:
            return Path(path)
    return None


def make_environment(folder: Path, python: Path, packages: tuple[str, ...], resolution: str) -> Environment:
    """Install packages of this checkout, and pytest, in a folder of their own.

    Raises:
        Unreachable: the registry can't be reached.
        subprocess.CalledProcessError: what is declared can't be installed.
    """
    _uv("venv", "--no-project", "--python", str(python), str(folder))
    inside = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = ("pip", "install", "--python", str(inside))
    _uv(*pip, "--resolution", resolution, *(str(ROOT / package) for package in packages))
    _uv(*pip, PYTEST)
    _uv("pip", "check", "--python", str(inside))
    listed = json.loads(_uv("pip", "list", "--python", str(inside), "--format", "json"))
    return Environment(inside, {each["name"]: each["version"] for each in listed})


def _uv(*arguments: str) -> str:
    done = subprocess.run(["uv", "-q", *arguments], capture_output=True, text=True, cwd=ROOT / "docs", check=False)
    if "dns error" in done.stderr or "Failed to fetch" in done.stderr:
        raise Unreachable
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, arguments, done.stdout, done.stderr)
    return done.stdout


def light_tests() -> Iterator[str]:
    """The files of tests that import nothing that the runtime lacks."""
    for path in sorted((ROOT / "tests" / "unit" / "runtime").rglob("test_*.py")):
        fixtures = path.with_name("conftest.py")
        needed = _imports(path) | (_imports(fixtures) if fixtures.exists() else set())
        if path.name not in NEEDS_MORE and not needed & _FOREIGN:
            yield str(path.relative_to(ROOT))


_HELPERS = {path.stem: path for path in (ROOT / "tests").glob("*.py")}
_FOREIGN = {
    *("torch", "torchvision", "onnx", "onnxscript", "scipy", "sklearn", "mnistx_train", "mnistx_export"),
    *("cryptography", "model_signing", "psutil"),
    *("prometheus_client", "schemathesis", "starlette", "tritonclient", "uvicorn"),
}


def _imports(path: Path) -> set[str]:
    """The packages that a file of tests imports, by way of helpers, too."""
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
        for name in (name.split(".")[0] for name in names):
            found |= _imports(_HELPERS[name]) if name in _HELPERS else {name}
    return found


def run_tests(environment: Environment) -> tuple[int, str]:
    """How many of the runtime's tests pass, and the last lines where one fails."""
    command = (environment.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow")
    return _count(command + tuple(light_tests()))


def _count(command: tuple[str | Path, ...]) -> tuple[int, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=kept, check=False)
    found = re.search(r"(\d+) passed", done.stdout)
    return int(found[1]) if found else 0, "" if not done.returncode else (done.stdout + done.stderr)[-2000:]


def run_chain(environment: Environment, folder: Path) -> tuple[int, str]:
    """How many commands from training to evaluation work, and what the first says that doesn't."""
    run, onnx = folder / "run", folder / "run" / "model.onnx"
    commands = (
        ("train", "--dataset", "digits", "--epochs", "1", "--device", "cpu", "--out", run),
        ("export", "--format", "onnx", "--format", "torchscript", "--format", "pt2", "--checkpoint", run),
        ("verify", onnx, run / "model.torchscript", run / "model.pt2"),
        ("compare", onnx, "--against", run),
        ("evaluate", onnx),
    )
    for number, command in enumerate(commands):
        _, problem = _count((environment.python, "-m", "mnistx_runtime", *command))
        if problem:
            return number, f"mnistx {command[0]}: {problem}"
    return len(commands), ""


def try_versions(packages: tuple[str, ...], minor: str, python: Path, resolution: str) -> Trial:
    """Make an environment, and try what can be tried in it."""
    with tempfile.TemporaryDirectory() as temporary:
        try:
            made = make_environment(Path(temporary) / "environment", python, packages, resolution)
        except subprocess.CalledProcessError as error:
            return Trial(packages, minor, resolution, {}, 0, error.stderr[-2000:])
        passed, problem = run_tests(made) if packages == RUNTIME else run_chain(made, Path(temporary))
    return Trial(packages, minor, resolution, made.versions, passed, problem)


def page(trials: list[Trial]) -> str:
    """The table as Markdown."""
    lines = [
        "# The oldest and the newest versions",
        "",
        "`python benchmarks/versions.py artifacts` installed, for each Python, the lowest versions that mnistx "
        "declares of what it needs itself, and the newest there are: the runtime alone, held to all its tests that "
        "need nothing else, and all three packages, with the commands from training to evaluation.",
        "",
        f"| Python | versions | packages | {' | '.join(LISTED)} | passed |",
        "|---|---|---|" + "---|" * (len(LISTED) + 1),
    ]
    for trial in trials:
        versions = " | ".join(trial.versions.get(name, "") for name in LISTED)
        what = "runtime" if trial.packages == RUNTIME else "all"
        how = "oldest" if trial.resolution == OLDEST else "newest"
        unit = "tests" if trial.packages == RUNTIME else "of 5 commands"
        found = f"{trial.passed} {unit}" + (", one failed" if trial.problem else "")
        lines.append(f"| {trial.minor} | {how} | {what} | {versions} | {found} |")
    return "\n".join(lines) + "\n"


def main(out: Path) -> None:
    """Try all that is declared and found."""
    trials = []
    for minor in declared_pythons():
        python = find_python(minor)
        if python is None:
            print(f"Python {minor} isn't here", file=sys.stderr)
            continue
        whole = OLDEST if minor == declared_pythons()[0] else NEWEST
        for packages, resolution in ((RUNTIME, OLDEST), (RUNTIME, NEWEST), (ALL, whole)):
            trials.append(try_versions(packages, minor, python, resolution))
            print(minor, resolution, *packages, trials[-1].passed, trials[-1].problem, file=sys.stderr)
    (out / "versions.md").write_text(page(trials))
    if any(trial.problem for trial in trials):
        raise SystemExit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
