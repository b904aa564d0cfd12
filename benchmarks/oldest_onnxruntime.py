"""Tries every release of ONNX Runtime on what mnistx exports: which is the oldest that loads it and answers rightly?

    python benchmarks/oldest_onnxruntime.py artifacts

Each release is tried in an environment of its own, which uv makes, with numpy and nothing else. The released checkpoint
is exported in every format that ONNX Runtime runs, as ONNX in every opset that is offered. Answers count as right
within what the format promises of the same file on another machine. Writes oldest_onnxruntime.md, and fails where the
table in `mnistx_runtime.artifact.onnx_graph` or a format says something else.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from mnistx_export.checkpoint_model import model_from_checkpoint
from mnistx_export.formats.base import Conversion, format_named
from mnistx_export.formats.onnx import DEFAULT_OPSET, OPSETS
from mnistx_runtime.artifact.onnx_graph import RELEASES
from mnistx_runtime.backends.ort import load_session, reason_of

RELEASED = Path(__file__).parents[1] / "artifacts" / "mnist-cnn.safetensors"
ENDS = (OPSETS[0], DEFAULT_OPSET)
FORMATS = {"onnx": tuple(OPSETS), "onnx-int8": ENDS, "onnx-fp16": ENDS, "ort": ENDS}
"""Formats, and the opsets that each is tried in."""

FIRST = 15  # 1.15 is the oldest that PyPI has for Python 3.11, the oldest that mnistx runs on
NUMPY_2 = 19  # the first release that was built for numpy 2
LEAST_OPSET, LEAST_IR = 17, 8  # older ones are read by all that are tried

PROBE = """
import json, sys
import numpy as np
import onnxruntime

found = {}
for name, atol in json.loads(sys.argv[2]).items():
    path = f"{sys.argv[1]}/{name}"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        with open(path, "rb") as file:
            session = onnxruntime.InferenceSession(file.read(), options, providers=["CPUExecutionProvider"])
        gap = np.abs(session.run(None, {"image": np.load(path + ".in.npy")})[0] - np.load(path + ".out.npy")).max()
        found[name] = "" if gap <= atol else f"answers differ by {gap:.2g}"
    except Exception as error:
        found[name] = str(error)
print(json.dumps([onnxruntime.__version__, found]))
"""


@dataclass(frozen=True)
class Trial:
    """What a release made of each file: "" where it answers rightly, else what it says."""

    release: str
    found: Mapping[str, str]


def write_exports(folder: Path) -> dict[str, float]:
    """Export the released checkpoint; the files' names and tolerances."""
    model = model_from_checkpoint(RELEASED)
    images = model.golden_answers[0].images
    atols = {}
    for name, opsets in FORMATS.items():
        target = format_named(name)
        for opset in opsets:
            path = folder / file_name(name, opset)
            data = target.write(Conversion(model.deployed, model.spec, opset, images))[target.suffix]
            write_probe(path, data, images)
            atols[path.name] = target.tolerance.own_atol or target.tolerance.atol
    return atols


def file_name(name: str, opset: int) -> str:
    """Of a format's file."""
    return f"{name}-{opset}{format_named(name).suffix}"


def write_probes(folder: Path) -> dict[str, float]:
    """A file of one operator for each opset and each IR version."""
    versions = {f"opset-{opset}.onnx": (opset, LEAST_IR) for opset in range(LEAST_OPSET, RELEASES[-1][1] + 1)}
    versions |= {f"ir-{ir}.onnx": (LEAST_OPSET, ir) for ir in range(LEAST_IR, RELEASES[-1][2] + 1)}
    for name, (opset, ir) in versions.items():
        values = [helper.make_tensor_value_info(end, TensorProto.FLOAT, ["N", 2]) for end in ("image", "answer")]
        graph = helper.make_graph([helper.make_node("Relu", ["image"], ["answer"])], "g", values[:1], values[1:])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
        write_probe(folder / name, model.SerializeToString(), np.array([[-1, 2]], np.float32))
    return dict.fromkeys(versions, 0.0)


def write_probe(path: Path, data: bytes, images: np.ndarray) -> None:
    """A file, what it is asked, and what the installed ONNX Runtime answers."""
    path.write_bytes(data)
    np.save(f"{path}.in.npy", images)
    np.save(f"{path}.out.npy", load_session(data, path).run(None, {"image": images})[0])


def try_release(minor: int, folder: Path, atols: Mapping[str, float]) -> Trial | None:
    """What the newest patch of 1.`minor` makes of the files; None where there's none to install."""
    needs = ("--with", f"onnxruntime==1.{minor}.*", "--with", "numpy>=2" if minor >= NUMPY_2 else "numpy<2")
    command = ("uv", "run", "-q", "--no-project", "--isolated", "--python", "3.11", *needs, "python", "-c", PROBE)
    done = subprocess.run([*command, str(folder), json.dumps(atols)], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"1.{minor}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    release, found = json.loads(done.stdout.splitlines()[-1])
    print(release, " ".join(name for name in found if not found[name]), file=sys.stderr)
    return Trial(release, found)


def oldest(trials: list[Trial], name: str) -> str:
    """The first release that answers rightly, as "1.17"."""
    return next((minor_of(trial) for trial in trials if not trial.found[name]), "none")


def minor_of(trial: Trial) -> str:
    """Its release without the patch."""
    return ".".join(trial.release.split(".")[:2])


def measured_releases(trials: list[Trial]) -> list[tuple[str, int, int]]:
    """`RELEASES` as it was found: an opset counts where the exported network is read in it, too."""
    rows: list[tuple[str, int, int]] = []
    for trial in trials:
        right = {name for name in trial.found if not trial.found[name]}
        lacking = {opset for opset in FORMATS["onnx"] if file_name("onnx", opset) not in right}
        opsets = {int(name[6:-5]) for name in right if name.startswith("opset-")} - lacking
        opset, ir = max(opsets), max(int(name[3:-5]) for name in right if name.startswith("ir-"))
        if not rows or rows[-1][1:] != (opset, ir):
            rows.append((minor_of(trial), opset, ir))
    return rows


def page(trials: list[Trial]) -> str:
    """The tables as Markdown."""
    lines = [
        "# The oldest ONNX Runtime",
        "",
        f"`python benchmarks/oldest_onnxruntime.py artifacts` tried ONNX Runtime {trials[0].release} to "
        f"{trials[-1].release}, the newest patch of each minor release, on Python 3.11: on the released checkpoint in "
        "every format, the golden images' answers beside those of "
        f"{onnxruntime.__version__}.",
        "",
        f"| format, opset {DEFAULT_OPSET} | oldest ONNX Runtime | what the one before says | newer ones that differ |",
        "|---|---|---|---|",
    ]
    for name in FORMATS:
        file = file_name(name, DEFAULT_OPSET)
        first = next((at for at, trial in enumerate(trials) if not trial.found[file]), len(trials))
        before = reason_of(ValueError(trials[first - 1].found[file])) if first else ""
        newer = [f"{trial.release}: {trial.found[file]}" for trial in trials[first:] if trial.found[file]]
        lines.append(f"| `{name}` | {oldest(trials, file)} | {before} | {', '.join(newer)} |")
    lines += ["", f"| `--opset` | {' | '.join(f'`{name}`' for name in FORMATS)} |", "|---|" + "---|" * len(FORMATS)]
    for opset in OPSETS:
        found = [oldest(trials, file_name(name, opset)) if opset in FORMATS[name] else "" for name in FORMATS]
        lines.append(f"| {opset} | {' | '.join(found)} |")
    lines += ["", "| from ONNX Runtime | highest opset | highest IR version |", "|---|---|---|"]
    lines += [f"| {release} | {opset} | {ir} |" for release, opset, ir in measured_releases(trials)]
    return "\n".join(lines) + "\n"


def main(out: Path) -> None:
    """Export, and try all releases."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        trials = try_releases(folder, write_exports(folder) | write_probes(folder))
    report(trials, out)


def try_releases(folder: Path, atols: Mapping[str, float]) -> list[Trial]:
    """What all releases up to the installed one make of the files."""
    newest = int(onnxruntime.__version__.split(".")[1])
    tried = [try_release(minor, folder, atols) for minor in range(FIRST, newest + 1)]
    return [trial for trial in tried if trial]


def report(trials: list[Trial], out: Path) -> None:
    """Write the page, and hold the tables in the code to it."""
    (out / "oldest_onnxruntime.md").write_text(page(trials))
    wrong = [f"RELEASES is {RELEASES}, found {measured_releases(trials)}"] * (
        tuple(measured_releases(trials)) != RELEASES
    )
    for name, opsets in FORMATS.items():
        for opset in opsets:
            file = file_name(name, opset)
            found, said = f"onnxruntime>={oldest(trials, file)}", format_named(name).requires(opset)
            if found != said:
                wrong.append(f"{file}: found {found}, its metadata say {said}")
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
