"""Shows what mnistx says of each kind of bad input, as a user sees it, and writes it to bad_inputs.md.

`python benchmarks/bad_inputs.py FOLDER artifacts [PART...]` makes the inputs of the tables in `bad`, calls the command
with each in an empty folder, and writes commands, messages and exit codes; FOLDER is as `mnistx export --format all
--checkpoint artifacts/mnist-cnn.safetensors --out FOLDER` wrote it. Parts of the page that aren't named stay as they
are. The exit code is 1 where one gives a traceback, anything else than one line, another exit code, or never ends.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bad import TABLES
from bad.case import Case
from mnistx_runtime.registry import look_up

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 100
"""Seconds that a command may take on a busy machine; one that waits for ever is stopped."""

_DISKS = """
mount -t tmpfs -o size=2m tmpfs full; cp good/m.onnx full; head -c 2m /dev/zero > full/fill 2> /dev/null || true
mount -t tmpfs -o size=64k,ro tmpfs read-only
"""
"""One that is full, with a model on it, and one that can't be written to."""


@dataclass(frozen=True)
class Shown:
    """What a user sees.

    Args:
        case: the input.
        lines: of standard error; of a verdict, the first of standard output.
        code: the exit code; None of a command that doesn't end.
    """

    case: Case
    lines: tuple[str, ...]
    code: int | None

    @property
    def faults(self) -> list[str]:
        """What is wrong with it."""
        if self.code is None:
            return ["it doesn't end"]
        errors = [line for line in self.lines if line.startswith("Error: ")]
        told = len(self.lines) - len(errors)
        found = [] if self.code == self.case.code else [f"exit code {self.code}, not {self.case.code}"]
        wanted = 0 if self.case.verdict or self.case.code in (0, 141) else 1
        if len(errors) != wanted or told != (1 if self.case.verdict else self.case.notes):
            found.append(f"{len(errors)} lines of errors and {told} others")
        if any("Traceback" in line for line in self.lines):
            found.append("a traceback")
        if any(re.search("cannot import name|No module named 'mnistx", line) for line in self.lines):
            found.append("a fault of mnistx's own modules, which is about no input")
        return found


def lay_out(exported: Path, folder: Path) -> None:
    """The good inputs: models of all formats, a checkpoint, a small run, data, keys, a signature, a picture."""
    import numpy as np

    for path in exported.iterdir():
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, folder / path.name.replace("mnist-cnn", "m"))
    shutil.copy(ROOT / "artifacts/mnist-cnn.safetensors", folder / "m.safetensors")
    shutil.copy(ROOT / "artifacts/pictures/three.jpg", folder)
    labels = np.arange(60) % 2
    images = np.random.default_rng(0).integers(0, 100, (60, 28, 28), np.uint8)
    images[labels == 1, 8:20] += 100
    np.savez(folder / "d.npz", images=images, labels=labels)
    for command in (
        "mnistx train --dataset d.npz --epochs 1 --device cpu --out run",
        "mnistx predict good/three.jpg --out a.csv",
        "openssl ecparam -name prime256v1 -genkey -noout -out key.pem",
        "openssl pkey -in key.pem -pubout -out public.pem",
        "mnistx sign m.onnx --key key.pem",
    ):
        (folder / "good").symlink_to(".")
        subprocess.run(["bash", "-c", command], cwd=folder, env=environment(folder), check=True, capture_output=True)
        (folder / "good").unlink()


def environment(folder: Path) -> dict[str, str]:
    """What commands run in: this program's own mnistx, and nothing of its user's."""
    kept = {name: os.environ[name] for name in ("PYTHONPATH", "LANG") if name in os.environ}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return kept | {"PATH": path, "HOME": str(folder), "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"}


def show(case: Case, good: Path) -> Shown:
    """Make an input and let the command meet it."""
    with tempfile.TemporaryDirectory(prefix="bad-") as temporary:
        folder = Path(temporary)
        (folder / "good").symlink_to(good)
        case.make(folder)
        command = ["bash", "-c", case.command]
        if re.search(r"\b(full|read-only)/", case.command):
            for name in ("full", "read-only"):
                (folder / name).mkdir()
            command = ["unshare", "--map-root-user", "--mount", "bash", "-ec", f"{_DISKS}\nset +e\n{case.command}"]
        with subprocess.Popen(
            command,
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            code: int | None = None
            try:
                out, err = process.communicate(timeout=PATIENCE)
                code = process.returncode
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                out, err = process.communicate()
        lines = err.decode(errors="backslashreplace").splitlines()
        lines += out.decode(errors="backslashreplace").splitlines()[:1] if case.verdict else []
        return Shown(case, tuple(shorten(line, folder, good) for line in lines), code)


def shorten(line: str, folder: Path, good: Path) -> str:
    """A line without the folders of this machine, and without the middle of what is very long."""
    for path, name in (
        (good, "good"),
        (good.resolve(), "good"),
        (folder.resolve(), "."),
        (folder, "."),
        (ROOT, "mnistx"),
    ):
        line = line.replace(str(path), name)
    line = line.replace("./", "") if "./" in line and str(folder) not in line else line
    return line if len(line) < 500 else f"{line[:200]} ... {line[-200:]}"


def part(title: str, shown: Sequence[Shown]) -> str:
    """A part of the page."""
    lines = [f"## {title}", "", "```console"]
    for each in shown:
        lines += [f"# {each.case.what}", f"$ {each.case.command}", *each.lines, f"[{each.code}]", ""]
    return "\n".join([*lines[:-1], "```", ""])


def parts_of(page: str) -> dict[str, str]:
    """The parts of a page, by their headings."""
    found = re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]
    return {each[3:].partition("\n")[0]: each.rstrip() + "\n" for each in found}


def report(parts: dict[str, str]) -> str:
    """The page."""
    lines = [
        "# What mnistx says of bad input",
        "",
        "`python benchmarks/bad_inputs.py FOLDER artifacts` makes each of these inputs, calls the command with it, and",
        "writes what a user sees, with the exit code in brackets. It fails where one gives a traceback, more than one",
        "line of error, or another exit code than it should.",
        "",
    ]
    return "\n".join(lines) + "\n" + "\n".join(parts[title] for title in TABLES if title in parts)


def main(args: Sequence[str]) -> int:
    """Show what is asked for, and write the page."""
    exported, out, *titles = args
    page = Path(out) / "bad_inputs.md"
    parts = parts_of(page.read_text()) if page.exists() else {}
    wrong = False
    with tempfile.TemporaryDirectory(prefix="good-") as temporary, ThreadPoolExecutor(2) as pool:
        good = Path(temporary)
        lay_out(Path(exported), good)
        for title in titles or TABLES:
            cases: Sequence[Case] = look_up(TABLES, title, "part")
            shown = list(pool.map(lambda case: show(case, good), cases))
            for each in shown:
                for fault in each.faults:
                    print(f"{title}, {each.case.what}: {fault}", flush=True)
                    wrong = True
            parts[title] = part(title, shown)
            page.write_text(report(parts))
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
