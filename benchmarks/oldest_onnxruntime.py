"""Tries every release of ONNX Runtime on what mnistx exports: which is the oldest that loads it and answers rightly?

    python benchmarks/oldest_onnxruntime.py artifacts

Each release is tried in an environment of its own, which uv makes, with numpy and nothing else. The released checkpoint
is exported in every format that ONNX Runtime runs and every opset that is offered; answers count as right within what
the format promises of the same file on another machine. Writes oldest_onnxruntime.md, and fails where the table in
`mnistx_runtime.artifact.onnx_graph` says something else.
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
FORMATS = ("onnx", "onnx-int8", "onnx-fp16", "ort")
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
    """Export the released checkpoint in every format and opset; the files' names and tolerances."""
    model = model_from_checkpoint(RELEASED)
    images = model.golden_answers[0].images
    atols = {}
    for name in FORMATS:
        target = format_named(name)
        for opset in OPSETS:
            path = folder / f"{name}-{opset}{target.suffix}"
            data = target.write(Conversion(model.deployed, model.spec, opset, images))[target.suffix]
            write_probe(path, data, images)
            atols[path.name] = target.tolerance.own_atol or target.tolerance.atol
    return atols


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
    """The first release from which on all answer rightly, as "1.17"."""
    last = max((at for at, trial in enumerate(trials) if trial.found[name]), default=-1)
    return ".".join(trials[last + 1].release.split(".")[:2]) if last + 1 < len(trials) else "none"


def measured_releases(trials: list[Trial]) -> list[tuple[str, int, int]]:
    """`RELEASES` as it was found."""
    rows: list[tuple[str, int, int]] = []
    for trial in trials:
        read = [name.removesuffix(".onnx").split("-") for name in trial.found if not trial.found[name]]
        opset, ir = (max(int(found[1]) for found in read if found[0] == what) for what in ("opset", "ir"))
        if not rows or rows[-1][1:] != (opset, ir):
            rows.append((".".join(trial.release.split(".")[:2]), opset, ir))
    return rows


def page(trials: list[Trial]) -> str:
    """The tables as Markdown."""
    lines = [
        "# The oldest ONNX Runtime",
        "",
        f"`python benchmarks/oldest_onnxruntime.py artifacts` tried ONNX Runtime {trials[0].release} to "
        f"{trials[-1].release}, the newest patch of each minor release, on Python 3.11: on the released checkpoint in "
        "every format and opset, the golden images' answers beside those of "
        f"{onnxruntime.__version__}.",
        "",
        f"| format, opset {DEFAULT_OPSET} | oldest ONNX Runtime | what the one before says |",
        "|---|---|---|",
    ]
    for name in FORMATS:
        file = f"{name}-{DEFAULT_OPSET}{format_named(name).suffix}"
        refused = [trial.found[file] for trial in trials if trial.found[file]]
        lines.append(f"| `{name}` | {oldest(trials, file)} | {reason_of(ValueError(refused[-1])) if refused else ''} |")
    lines += ["", f"| `--opset` | {' | '.join(f'`{name}`' for name in FORMATS)} |", "|---|" + "---|" * len(FORMATS)]
    for opset in OPSETS:
        found = [oldest(trials, f"{name}-{opset}{format_named(name).suffix}") for name in FORMATS]
        lines.append(f"| {opset} | {' | '.join(found)} |")
    lines += ["", "| from ONNX Runtime | highest opset | highest IR version |", "|---|---|---|"]
    lines += [f"| {release} | {opset} | {ir} |" for release, opset, ir in measured_releases(trials)]
    return "\n".join(lines) + "\n"


def main(out: Path) -> None:
    """Try all, write the page, and hold the table to it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        atols = write_exports(folder) | write_probes(folder)
        newest = int(onnxruntime.__version__.split(".")[1])
        tried = [try_release(minor, folder, atols) for minor in range(FIRST, newest + 1)]
    trials = [trial for trial in tried if trial]
    (out / "oldest_onnxruntime.md").write_text(page(trials))
    wrong = [f"RELEASES is {RELEASES}, found {measured_releases(trials)}"] * (
        tuple(measured_releases(trials)) != RELEASES
    )
    for opset in OPSETS:
        for name in FORMATS:
            file = f"{name}-{opset}{format_named(name).suffix}"
            found, said = f"onnxruntime>={oldest(trials, file)}", format_named(name).requires(opset)
            if found != said:
                wrong.append(f"{file}: found {found}, its metadata say {said}")
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
