"""How fast generated C answers beside the runtimes: `python benchmarks/c_speed.py artifacts EXPORTED [NETWORK...]`.

EXPORTED holds what `mnistx export --format all --out EXPORTED` wrote of the released checkpoint; the other networks are
`C_NETWORKS`, trained for some seconds. All of a network's builds and runtimes answer in turn in one process, on one
core and one thread, an image a call, called from Python through the same `Session.run`. It writes c_speed.md and
c_speed.json, keeping tables that exist.
"""

import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from figure_training import SEED, class_names, pictures, spec_of, train
from mnistx_export import Model, export
from mnistx_export.checkpoint_model import model_with_data
from mnistx_runtime.artifact import c_folder
from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.backends import Session, backend, runtime_of
from mnistx_runtime.backends.c import CSession, workspace_bytes
from mnistx_runtime.benchmark.processor import processor
from mnistx_runtime.errors import MnistxError
from networks import C_NETWORKS

CHECKPOINT = Path(__file__).parents[1] / "artifacts" / "mnist-cnn.safetensors"
REPORT = "the report's"
FILES = {
    "onnx": "model.onnx",
    "onnx-int8": "model-int8.onnx",
    "litert": "model.tflite",
    "litert-int8": "model-int8.tflite",
    "ncnn": "model.ncnn.param",
    "c": "model.c99",
    "c-int8": "model-int8.c99",
}
TITLES = {
    "onnx": "ONNX Runtime fp32",
    "onnx-int8": "ONNX Runtime int8",
    "litert": "LiteRT fp32",
    "litert-int8": "LiteRT int8",
    "ncnn": "ncnn fp32",
}
COMPILERS = {"gcc": ["gcc"], "zig": [sys.executable, "-m", "ziglang", "cc"]}
BUILDS = {
    "native": "-march=native",
    "native without VNNI": "-march=native -mno-avx512vnni -mno-avxvnni",
    "x86-64-v3": "-march=x86-64-v3",
    "x86-64": "-march=x86-64",
}
FEW = ("native", "x86-64-v3")
"""Builds of the networks that aren't the report's."""
FLAGS = ("-std=c99", "-O3", "-ffp-contract=fast", "-fPIC", "-shared")
IMAGES = 256
ROUNDS = 60
SECONDS = 0.004  # of one's calls in a round, at least
FIRST = 5  # calls in a round that aren't counted: the caches are others' before


@dataclass(frozen=True)
class Row:
    """What one of them came to.

    Args:
        title: of the build or the runtime.
        us: microseconds of processor time an image, the median of the rounds.
        ratio: to ONNX Runtime fp32 in the same round, the median.
        low: its lower quartile.
        high: its upper quartile.
        max_abs: largest difference of log-probabilities from PyTorch's in float64.
    """

    title: str
    us: float
    ratio: float
    low: float
    high: float
    max_abs: float


def exported(model: Model, folder: Path) -> dict[str, Path]:
    """The artifacts of a model, by format; those that can't be written are told and left out."""
    found = {}
    for format, file in FILES.items():
        try:
            found[format] = export(model, format, folder / file).path
        except MnistxError as error:
            print(f"  {format}: {error}", file=sys.stderr, flush=True)
    return found


def sessions_of(artifacts: Mapping[str, Path], builds: Iterable[str], folder: Path) -> Iterator[tuple[str, Session]]:
    """All that answer, ONNX Runtime in float32 first."""
    for format, path in artifacts.items():
        if format in TITLES:
            yield TITLES[format], backend(runtime_of(path)).load(path, 1)
            continue
        for compiler, command in COMPILERS.items():
            for name in builds:
                if compiler == "zig" and not find_spec("ziglang"):
                    continue
                flags = BUILDS[name]
                if compiler == "zig":
                    flags = re.sub("x86-64(-v3)?", lambda found: found[0].replace("-", "_"), flags)
                library = folder / f"{format}-{compiler}-{name.replace(' ', '-')}.so"
                yield f"{format}, {compiler}, {name}", c_session(path, [*command, *FLAGS, *flags.split()], library)


def c_session(path: Path, command: list[str], library: Path) -> CSession:
    """A folder of C, built by a compiler of one's choice."""
    artifact = open_artifact(path)
    name = c_folder.model_name(artifact.files)
    source = path / f"{name}.c"
    subprocess.run([*command, str(source), "-lm", "-o", str(library)], check=True)
    predict = getattr(ctypes.CDLL(str(library)), f"{name}_predict")
    predict.argtypes = [ctypes.c_void_p] * 3
    return CSession(artifact, predict, workspace_bytes((path / f"{name}.h").read_bytes(), name, str(path)))


def burst(run: Callable[[Any], Any], images: NDArray[np.uint8], start: int) -> float:
    """Microseconds of this thread's processor time a call, images one by one from a place on."""
    singles = [images[(start + at) % len(images)][None] for at in range(len(images))]
    for image in singles[:FIRST]:
        run(image)
    count, began = 0, time.thread_time()
    while (took := time.thread_time() - began) < SECONDS:
        for _ in range(5):
            run(singles[count % len(singles)])
            count += 1
    return took / count * 1e6


def measure(
    artifacts: Mapping[str, Path], builds: Iterable[str], images: NDArray[np.uint8], expected: NDArray[np.floating]
) -> list[Row]:
    """Every build and runtime, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        sessions = dict(sessions_of(artifacts, builds, Path(folder)))
        gaps = {title: float(np.abs(session.run(images) - expected).max()) for title, session in sessions.items()}
        times: dict[str, list[float]] = {title: [] for title in sessions}
        for number in range(ROUNDS):
            for title, session in sessions.items():
                times[title].append(burst(session.run, images, number * 7))
        rows = []
        for title, found in times.items():
            ratios = [mine / first for mine, first in zip(found, times[TITLES["onnx"]], strict=True)]
            low, middle, high = quantiles(ratios, n=4)
            rows.append(Row(title, median(found), middle, low, high, gaps[title]))
        return rows


def report_artifacts(folder: Path) -> dict[str, Path]:
    """Those of the released checkpoint, as `mnistx export` names them."""
    names = {format: folder / file.replace("model", "mnist-cnn") for format, file in FILES.items()}
    return {format: path for format, path in names.items() if path.exists()}


def measured(name: str, exports: Path) -> list[Row]:
    """The rows of a network."""
    if name == REPORT:
        model, missing = model_with_data(CHECKPOINT, None, False)
        assert model.test is not None, missing
        images = model.test.images[:IMAGES]
        return measure(report_artifacts(exports), BUILDS, images, model.log_probs(images, torch.float64))
    network = C_NETWORKS[name]
    torch.manual_seed(SEED)
    module = network.build(network.shape[0], network.classes)
    train(module, network)
    test = pictures(3, IMAGES, network)
    model = Model(
        module.eval(),
        spec_of(network),
        class_names(network),
        network.output,
        golden=pictures(4, 12, network).images,
        calibration=pictures(6, 200, network).images,
    )
    with tempfile.TemporaryDirectory() as folder:
        artifacts = exported(model, Path(folder))
        return measure(artifacts, FEW, test.images, model.log_probs(test.images, torch.float64))


HEAD = """# Generated C beside the runtimes

`python benchmarks/c_speed.py artifacts EXPORTED` made these tables. One core, one thread, one image a call, called from
Python through the same `Session.run`; all rows of a table are measured in turn in one process, in {rounds} rounds of at
least {ms:.0f} ms each. µs: this thread's processor time an image, the median of the rounds. Ratio: to ONNX Runtime fp32
in the same round, median and quartiles. Difference: the largest of log-probabilities from PyTorch's in float64, on
{images} images. Builds: `{flags}`.

On {machine}.
"""


def tables(found: Mapping[str, Any]) -> str:
    """The rows as Markdown."""
    machine = " and ".join(dict.fromkeys(entry["machine"] for entry in found.values()))
    head = HEAD.format(rounds=ROUNDS, ms=SECONDS * 1e3, images=IMAGES, flags=" ".join(FLAGS), machine=machine)
    lines = [head]
    for name, entry in found.items():
        lines += [f"## {name}", "", "| what | µs | ratio | quartiles | difference |", "|---|---|---|---|---|"]
        for row in entry["rows"]:
            values = f"{row['us']:.0f} | {row['ratio']:.2f} | {row['low']:.2f} to {row['high']:.2f}"
            lines.append(f"| {row['title']} | {values} | {row['max_abs']:.1e} |")
        lines.append("")
    return "\n".join(lines)


def main(folder: Path, exports: Path, chosen: list[str]) -> None:
    """Fill the tables: of the networks that are named, or of all that have no table."""
    file = folder / "c_speed.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    torch.set_num_threads(1)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for name in chosen or [name for name in (REPORT, *C_NETWORKS) if name not in found]:
        print(name, file=sys.stderr, flush=True)
        found[name] = {"machine": processor(), "rows": [vars(row) for row in measured(name, exports)]}
        ordered = {each: found[each] for each in (REPORT, *C_NETWORKS) if each in found}
        file.write_text(json.dumps(ordered, indent=1) + "\n")
        (folder / "c_speed.md").write_text(tables(ordered))
    print(tables(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
