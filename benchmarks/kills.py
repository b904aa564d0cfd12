"""Stops commands at every one of their steps of writing, and writes what that left to robustness.md.

`python benchmarks/kills.py artifacts [COMMAND...]` kills each command at each step, asks it to stop there, and lets the
disk be full or read-only from there on; it also lets each run on a disk of its own that is full, a tmpfs of rising
size, where this machine lets it mount one. Then it looks at what lies in the folder, starts the command again, and
compares what that ends with with what an undisturbed call wrote. With `--random N`, each command is also stopped N
times at a moment drawn at random, as a process of its own. `--quick` takes the commands of a second only, `--faults`
some of the faults, `--every N` each Nth step; rows of earlier calls stay on the page. The exit code is 1 where a file
was half, something was left, or a start ended otherwise.
"""

import argparse
import json
import mmap
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from write_steps import Ended, Fault, preload, run

ROOT = Path(__file__).resolve().parent.parent
FAULTS: tuple[Fault, ...] = ("kill", "SIGTERM", "SIGINT", "full", "read-only")
_CODES = {"kill": (-9,), "SIGTERM": (143,), "SIGINT": (130,), "full": (2,), "read-only": (2,)}
DISK = ", a real disk"
_OLD = b"what was here before"
_MOST = 400  # steps of a command, lest one never ends

Contents = dict[str, bytes]


@dataclass(frozen=True)
class Command:
    """A command that writes, and how it is gone on with.

    Args:
        args: of `mnistx`.
        prepare: lays what it reads into a folder, and older files where it replaces some.
        again: the arguments of the next start, by the folder that was left; the same ones without it.
        grows: files that are written bit by bit, and may be a part of what they become.
        changes: files that differ from call to call, by what they hold of times, and how to compare them.
        quick: it takes a second or less.
    """

    args: tuple[str, ...]
    prepare: Callable[[Path], None]
    again: Callable[[Path], tuple[str, ...]] | None = None
    grows: tuple[str, ...] = ()
    changes: dict[str, Callable[[bytes], object]] = field(default_factory=dict)
    quick: bool = False


@dataclass
class Found:
    """What came of a command's faults of one kind."""

    tried: int = 0
    old: int = 0
    part: int = 0
    new: int = 0
    left: int = 0
    faults: list[str] = field(default_factory=list)


def pictures(folder: Path) -> None:
    """Four pictures: a digit, a row of them, one that holds nothing and one that is damaged."""
    from PIL import Image

    (folder / "in").mkdir()
    shutil.copy(ROOT / "artifacts/pictures/three.jpg", folder / "in/three.jpg")
    with Image.open(ROOT / "artifacts/postal-code.jpg") as row:
        row.reduce(4).save(folder / "in/row.png")
    (folder / "in/blank.pgm").write_bytes(b"P5 40 40 255\n" + bytes([255]) * 1600)
    (folder / "in/damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(9))


def many_pictures(folder: Path) -> None:
    """Forty pictures, which several processes prepare."""
    (folder / "in").mkdir()
    for at in range(40):
        shutil.copy(ROOT / "artifacts/pictures/three.jpg", folder / f"in/{at:02}.jpg")


def half_answered(name: str, many: bool) -> Callable[[Path], None]:
    """The pictures, and the answers of a call that was killed in the middle of one."""

    def prepare(folder: Path) -> None:
        pictures(folder)
        run(("predict", "in", "--out", name, *(["--many"] if many else [])), folder)
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return prepare


def foreign(folder: Path) -> None:
    """An ONNX file of another tool, its spec, and an older sealed file."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).normal(size=(784, 10)).astype(np.float32) / 28
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["scores"])],
        "foreign",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 28, 28])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    (folder / "foreign.onnx").write_bytes(model.SerializeToString())
    (folder / "spec.toml").write_text(
        f'classes = {json.dumps(list("0123456789"))}\noutput = "logits"\n[input]\nchannels = 1\nheight = 28\n'
        'width = 28\nmean = [0.5]\nstd = [0.5]\npreprocess = "mnist-digit"\n'
    )
    (folder / "sealed.onnx").write_bytes(_OLD)


def trained(folder: Path) -> None:
    """A small finished run, which is trained once."""
    shutil.copytree(_small_run(), folder / "run")


def exported(*endings: str) -> Callable[[Path], None]:
    """A small finished run, and an older artifact of several files."""

    def prepare(folder: Path) -> None:
        trained(folder)
        for ending in endings:
            (folder / f"run/model{ending}").write_bytes(_OLD + ending.encode())

    return prepare


def data_set(folder: Path) -> None:
    """Sixty images of two classes, drawn at random."""
    import numpy as np

    labels = np.arange(60) % 2
    images = np.random.default_rng(0).integers(0, 100, (60, 28, 28), np.uint8)
    images[labels == 1, 8:20] += 100
    np.savez(folder / "d.npz", images=images, labels=labels)


def signed(folder: Path) -> None:
    """A small model, its signature by an older key, and a new key."""
    shutil.copy(ROOT / "artifacts/mnist-cnn.onnx", folder / "m.onnx")
    for name in ("old.pem", "key.pem"):
        make = f"openssl ecparam -name prime256v1 -genkey -noout -out {name}"
        subprocess.run(make.split(), cwd=folder, check=True, capture_output=True)
    run(("sign", "m.onnx", "--key", "old.pem"), folder)


def nothing(folder: Path) -> None:
    """An empty folder."""


def _small_run() -> Path:
    global _run
    if _run is None:
        _run = Path(tempfile.mkdtemp(prefix="kills-run-")) / "run"
        data_set(_run.parent)
        ended = run(_TRAIN, _run.parent)
        assert ended.code == 0, ended.error
    return _run


_run: Path | None = None
_TRAIN = ("train", "--dataset", "d.npz", "--epochs", "2", "--device", "cpu", "--out", "run")


def _train_again(folder: Path) -> tuple[str, ...]:
    """What the message says, or the README: --resume where there is a run, else the same call."""
    return ("train", "--resume", "--out", "run") if (folder / "run/run.json").exists() else _TRAIN


def _without_times(data: bytes) -> object:
    lines = [json.loads(line) for line in data.splitlines()]
    return [{key: value for key, value in line.items() if key != "elapsed_ms"} for line in lines]


def _any_whole_page(data: bytes) -> object:
    return data.rstrip().endswith(b"</html>")


def _metrics(data: bytes) -> object:
    values = json.loads(data)
    return values["test"], [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in values["epochs"]]


def _signer(data: bytes) -> object:
    """Of a signature, whose numbers are drawn at random."""
    return json.loads(data)["verificationMaterial"]


def _without_folder(data: bytes) -> object:
    return json.loads(data) | {"dataset": ""}


def _tensors(data: bytes) -> object:
    from safetensors.torch import load

    return sorted(load(data))


def _predict(name: str, many: bool = False, resume: bool = False) -> Command:
    args = ("predict", "in", "--out", name, *(["--many"] if many else []))
    return Command(
        (*args, *(["--resume"] if resume else [])),
        half_answered(name, many) if resume else pictures,
        again=lambda _: (*args, "--resume"),
        grows=(name,),
        changes={name: _without_times} if name.endswith(".jsonl") else {},
        quick=True,
    )


COMMANDS = {
    "predict --out a.csv": _predict("a.csv"),
    "predict --out a.jsonl": _predict("a.jsonl"),
    "predict --many --out a.csv": _predict("a.csv", many=True),
    "predict --many --out a.jsonl": _predict("a.jsonl", many=True),
    "predict --out a.csv --resume": _predict("a.csv", resume=True),
    "predict --many --out a.csv --resume": _predict("a.csv", many=True, resume=True),
    "predict --out a.csv, 40 pictures": Command(
        ("predict", "in", "--out", "a.csv", "--threads", "2"),
        many_pictures,
        again=lambda _: ("predict", "in", "--out", "a.csv", "--threads", "2", "--resume"),
        grows=("a.csv",),
    ),
    "predict --explain": Command(("predict", "in/three.jpg", "--explain", "e.png"), pictures, quick=True),
    "spec init": Command(("spec", "init", "s.toml"), nothing, lambda _: ("spec", "init", "s.toml"), quick=True),
    "seal": Command(("seal", "foreign.onnx", "--spec", "spec.toml", "--out", "sealed.onnx"), foreign, quick=True),
    "sign": Command(("sign", "m.onnx", "--key", "key.pem"), signed, changes={"m.onnx.sig": _signer}, quick=True),
    "export --format onnx": Command(("export", "--format", "onnx", "--checkpoint", "run"), exported(".onnx")),
    "export --format openvino": Command(
        ("export", "--format", "openvino", "--checkpoint", "run"), exported(".xml", ".bin", ".json")
    ),
    "export --format torchscript": Command(("export", "--format", "torchscript", "--checkpoint", "run"), trained),
    "train": Command(
        _TRAIN,
        data_set,
        _train_again,
        changes={
            "run/report.html": _any_whole_page,
            "run/metrics.json": _metrics,
            "run/run.json": _without_folder,
            "run/state.safetensors": _tensors,
            "run/curves.png": len,
        },
    ),
}


def contents(folder: Path) -> Contents:
    """All that lies in a folder, by its path; folders end in a slash."""
    return {
        str(path.relative_to(folder)) + "/" * path.is_dir(): b"" if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


def is_leftover(name: str) -> bool:
    """Whether it is only there while something is written."""
    return any(part.startswith(".mnistx-") for part in Path(name).parts) or name.endswith(".lock")


def try_step(
    command: Command, fault: Fault, step: int, before: Path, last: Contents, usual: Ended, found: Found
) -> bool:
    """Let one fault happen, and say whether the command came that far."""
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        folder = Path(name) / "work"
        shutil.copytree(before, folder)
        ended = run(command.args, folder, fault, step)
        if ended.steps < step:
            return False
        label = f"{fault} at step {step} ({ended.at})"
        judge(command, fault, folder, contents(before), last, usual, ended, found, label)
    return True


def try_disks(command: Command, before: Path, last: Contents, usual: Ended, found: Found) -> None:
    """Run a command on disks that have room for less than it writes, and on the first that has enough."""
    first = contents(before)
    most = 2 * sum(1 + len(data) // _PAGE for each in (first, last) for data in each.values())
    for room in sorted({0, *(most * part // _DISKS for part in range(1, _DISKS + 1))}):
        with tempfile.TemporaryDirectory(prefix="kills-") as name, mount(Path(name) / "disk", 2 * most) as disk:
            shutil.copytree(before, disk, dirs_exist_ok=True)
            fill(disk / _FILL, room)
            ended = run(command.args, disk)
            folder = Path(name) / "work"  # where the next start has room
            shutil.copytree(disk, folder, ignore=shutil.ignore_patterns(_FILL))
            judge(command, "full", folder, first, last, usual, ended, found, f"a disk with {room} pages left")
            if same(command, {path: data for path, data in contents(disk).items() if path != _FILL}, last):
                return


_PAGE, _DISKS, _FILL = mmap.PAGESIZE, 10, "fill"


def fill(file: Path, room: int) -> None:
    """Leave so many pages of the disk that a file is on."""
    left = os.statvfs(file.parent).f_bavail * os.statvfs(file.parent).f_bsize
    file.write_bytes(bytes(left - room * _PAGE))


@contextmanager
def mount(folder: Path, pages: int) -> Iterator[Path]:
    """A disk in memory.

    Raises:
        CalledProcessError: this machine mounts none.
    """
    folder.mkdir()
    size = ["-t", "tmpfs", "-o", f"size={pages * _PAGE}", "tmpfs"]
    subprocess.run(["mount", *size, str(folder)], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def can_mount() -> bool:
    """Whether this machine mounts disks in memory for who runs this."""
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        try:
            with mount(Path(name) / "disk", 1):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


def judge(
    command: Command,
    fault: Fault,
    folder: Path,
    first: Contents,
    last: Contents,
    usual: Ended,
    ended: Ended,
    found: Found,
    label: str,
) -> None:
    """Look at what a fault left, and at what the next start makes of it."""
    found.tried += 1
    left = contents(folder)
    temporary = contents(folder.parent / f"{folder.name}.tmp")
    names = [name for name in left if is_leftover(name)] + list(temporary)
    found.left += bool(names)
    complain = found.faults.append
    told = [line for line in ended.error.splitlines() if line not in usual.error and not _PROGRESS.search(line)]
    if len(told) > 1 or any("Traceback" in line or not line.startswith("Error: ") for line in told):
        complain(f"{label}: {ended.error.strip()[-1500:]!r}")
    if ended.code not in (*_CODES[fault], *_SHELL[fault], usual.code):
        complain(f"{label}: exit code {ended.code}, {ended.error.strip()[-200:]!r}")
    if names and fault not in ("kill", "read-only"):
        complain(f"{label}: left {sorted(names)}")
    for name, data in left.items():
        if not is_leftover(name) and not is_whole(command, name, data, first, last):
            complain(f"{label}: {name} is neither the old nor the new file, {len(data)} bytes")
    kept = {name: data for name, data in left.items() if not is_leftover(name)}
    found.old += kept == first
    found.new += same(command, kept, last)
    found.part += kept != first and not same(command, kept, last)
    args = command.again(folder) if command.again else command.args
    again = run(args, folder)
    if again.code != usual.code and not _DONE.search(again.error):
        complain(f"{label}: the next start ends with {again.code}, {again.error.strip()[-200:]!r}")
    after = contents(folder) | contents(folder.parent / f"{folder.name}.tmp")
    if not same(command, after, last):
        differ = sorted(
            n
            for n in {*after, *last}
            if n not in after or n not in last or not same(command, {n: after[n]}, {n: last[n]})
        )
        complain(f"{label}: after the next start {differ} differ")


_PROGRESS = re.compile(
    "are answered already|stopped; `mnistx train --resume|epochs done|^epoch |^checkpoint |resource_tracker"
)
_DONE = re.compile("the run in run is finished|exists; name another file")
_SHELL = {"kill": (), "SIGTERM": (-15,), "SIGINT": (-2,), "full": (), "read-only": ()}
"""What Python gives of a process that ended by the signal itself; a shell gives 143 and 130."""


def is_whole(command: Command, name: str, data: bytes, first: Contents, last: Contents) -> bool:
    """Whether a file is as it was, as it will be, or one that may grow."""
    if name in command.grows:
        return name in last and (last[name].startswith(data) or name in command.changes)
    if data in (first.get(name), last.get(name)):
        return True
    if name in command.changes:
        try:
            return bool(command.changes[name](data))
        except Exception:
            return False
    return False


def same(command: Command, one: Contents, other: Contents) -> bool:
    """Whether two folders hold the same, times apart."""
    if one.keys() != other.keys():
        return False
    for name, data in one.items():
        if data != other[name]:
            view = command.changes.get(name)
            try:
                if view is None or view(data) != view(other[name]):
                    return False
            except ValueError:
                return False
    return True


def try_random(
    command: Command, fault: Fault, before: Path, last: Contents, usual: Ended, found: Found, count: int
) -> None:
    """Stop a process of its own at moments drawn at random."""
    generator = random.Random(f"{command.args} {fault}")
    number = {"kill": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}[fault]
    took = 0.0
    for at in range(count + 1):
        with tempfile.TemporaryDirectory(prefix="kills-") as name:
            folder = Path(name) / "work"
            shutil.copytree(before, folder)
            (Path(name) / "work.tmp").mkdir()
            began = time.monotonic()
            line = [sys.executable, "-m", "mnistx_runtime", *command.args]
            environment = os.environ | {"TMPDIR": str(Path(name) / "work.tmp")}
            with subprocess.Popen(
                line,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            ) as process:
                if not at:
                    process.communicate()
                    took = time.monotonic() - began
                    continue
                time.sleep(generator.uniform(0.08, took))  # before that it's Python that starts
                os.killpg(process.pid, number) if fault == "SIGINT" else process.send_signal(number)
                error = process.communicate()[1]
            ended = Ended(process.returncode, error, 0, "")
            label = f"{fault} at a random moment"
            if not ends(process.pid):
                found.faults.append(f"{label}: a process is left")
            judge(command, fault, folder, contents(before), last, usual, ended, found, label)


def ends(session: int) -> bool:
    """Whether all processes of a session end, within a time in which the slowest machine lets them."""
    for _ in range(200):
        states = []
        for file in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = file.read_text().rpartition(")")[2].split()
                states += [fields[0]] if int(fields[3]) == session else []
        if all(state == "Z" for state in states):
            return True
        time.sleep(0.1)
    return False


def report(rows: Mapping[str, Mapping[str, int]]) -> str:
    """The page."""
    lines = [
        "# Stopped at every step of writing",
        "",
        "`python benchmarks/kills.py artifacts --random 20` stops each command before each of its steps that change",
        "the disk, between the two halves of each write, and at random moments, then starts it again. With `--every N`",
        "it takes each Nth step; *tried* is how many there were. *A real disk* is a tmpfs of rising size.",
        "",
        "*Old*, *part*, *new*: what was in the folder then, beside temporary files: all as before; some of the new",
        "files, each of them whole (of answers: a part, which `--resume` completes); all as after an undisturbed call.",
        "*Left*: calls that left a temporary file or folder; the next start removes it. *Wrong*: a half file, anything",
        "left after the next start, one that ends otherwise than an undisturbed call, a traceback, another exit code.",
        "",
        "| command | fault | tried | old | part | new | left | wrong |",
        "|---|---|---|---|---|---|---|---|",
    ]
    total = Counter[str]()
    for key, each in rows.items():
        name, _, fault = key.partition(" | ")
        lines.append(f"| `{name}` | {fault} | " + " | ".join(str(count) for count in each.values()) + " |")
        total[fault.partition(",")[0]] += each["tried"]
    lines += ["", "In all: " + ", ".join(f"{fault} {count}" for fault, count in total.items()) + "."]
    if not any(key.endswith(DISK) for key in rows):
        lines += ["", "No real disk that is full was tried, as the machine mounted none."]
    return "\n".join(lines) + "\n"


def keep(artifacts: Path, name: str, fault: str, found: Found) -> None:
    """Add a row to those of earlier calls, write the page, and print what is wrong."""
    print(f"{name}, {fault}: {found.tried} tried, {found.left} left something, {len(found.faults)} wrong", flush=True)
    for line in found.faults:
        print(f"  {line}", flush=True)
    file = artifacts / "robustness.json"
    rows = json.loads(file.read_text()) if file.exists() else {}
    counts = {name: value for name, value in vars(found).items() if name != "faults"}
    rows[f"{name} | {fault}"] = counts | {"wrong": len(found.faults)}
    order = [f"{command} | {kind}{how}" for command in COMMANDS for kind in FAULTS for how in ("", ", random", DISK)]
    rows = {key: rows[key] for key in order if key in rows}
    file.write_text(json.dumps(rows, indent=1) + "\n")
    (artifacts / "robustness.md").write_text(report(rows))


def main(args: Sequence[str]) -> int:
    """Try what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("artifacts", type=Path)
    parser.add_argument("commands", nargs="*", choices=[*COMMANDS, []])
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=FAULTS)
    parser.add_argument("--every", type=int, default=1)
    asked = parser.parse_args(args)
    names = asked.commands or [name for name, each in COMMANDS.items() if each.quick or not asked.quick]
    os.environ["OMP_NUM_THREADS"] = "1"
    wrong, mounts = False, can_mount()
    if not mounts:
        print("not run: disks that are full, as this machine mounts none", flush=True)
    for name in names:
        command = COMMANDS[name]
        with tempfile.TemporaryDirectory(prefix="kills-") as work:
            before, done = Path(work) / "before", Path(work) / "done"
            before.mkdir()
            command.prepare(before)
            shutil.copytree(before, Path(work) / "first")
            preload(command.args, Path(work) / "first")
            shutil.copytree(before, done)
            usual = run(command.args, done)
            assert usual.code in (0, 2) and "Traceback" not in usual.error, usual
            last = contents(done)
            for fault in asked.faults:
                found = Found()
                for step in range(1, _MOST, asked.every):
                    if not try_step(command, fault, step, before, last, usual, found):
                        break
                keep(asked.artifacts, name, fault, found)
                wrong |= bool(found.faults)
                if fault == "full" and mounts:
                    found = Found()
                    try_disks(command, before, last, usual, found)
                    keep(asked.artifacts, name, fault + DISK, found)
                    wrong |= bool(found.faults)
                if asked.random and fault in ("kill", "SIGTERM", "SIGINT"):
                    found = Found()
                    try_random(command, fault, before, last, usual, found, asked.random)
                    keep(asked.artifacts, name, f"{fault}, random", found)
                    wrong |= bool(found.faults)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
