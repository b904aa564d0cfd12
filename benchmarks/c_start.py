"""Size, start and memory of a process that answers one image: generated C beside the runtimes that it replaces.

    python benchmarks/c_start.py artifacts EXPORTED

EXPORTED holds what `mnistx export --format all --out EXPORTED` wrote of the released checkpoint. It is started as a
library of C with `start.c`; in ONNX Runtime, LiteRT and ncnn by the barest script in Python, as far as they are there;
and by `mnistx predict`; all in turn. Writes c_start.md.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles

from packaging.requirements import Requirement

from mnistx_runtime import Predictor
from mnistx_runtime.artifact import c_folder
from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.benchmark.processor import processor

HERE = Path(__file__).parent
PICTURE = HERE.parent / "artifacts" / "pictures" / "seven.jpg"
DIGIT = "7"
ROUNDS = 9
FLAGS = ("-std=c99", "-O3", "-march=native", "-ffp-contract=fast", "-s")

ONNX = """
import sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
image = numpy.fromfile(sys.argv[2], numpy.uint8).reshape(1, 1, 28, 28)
print(session.run(None, {"image": image})[0].argmax())
"""
LITERT = """
import sys, numpy
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(sys.argv[1])
interpreter.allocate_tensors()
image = numpy.fromfile(sys.argv[2], numpy.uint8).reshape(1, 1, 28, 28)
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
interpreter.invoke()
print(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).argmax())
"""
NCNN = """
import sys, numpy, ncnn
net = ncnn.Net()
net.load_param(sys.argv[1])
net.load_model(sys.argv[1].removesuffix("param") + "bin")
extractor = net.create_extractor()
image = numpy.fromfile(sys.argv[2], numpy.uint8).reshape(1, 28, 28).astype(numpy.float32)
extractor.input("in0", ncnn.Mat(image).clone())
print(numpy.array(extractor.extract("out0")[1]).argmax())
"""
SCRIPTS = (
    ("ONNX Runtime, barest script", "onnxruntime", ("mnist-cnn.onnx",), ONNX),
    ("LiteRT, barest script", "ai-edge-litert", ("mnist-cnn.tflite",), LITERT),
    ("ncnn, barest script", "ncnn", ("mnist-cnn.ncnn.param", "mnist-cnn.ncnn.bin"), NCNN),
)
"""What the row is called, the package, the files, and the script, which is given the first of them."""

FOLDERS = {"c-int8": "mnist-cnn-int8.c99", "c": "mnist-cnn.c99"}


@dataclass(frozen=True)
class Way:
    """A way to an answer.

    Args:
        command: what is started; it prints the digit.
        size: bytes of all that it takes on the disk, Python itself apart.
    """

    command: Sequence[str | Path]
    size: int


@dataclass(frozen=True)
class Started:
    """One start.

    Args:
        ms: until the answer was there.
        memory: the most that the process held, bytes.
    """

    ms: float
    memory: int


def build(folder: Path, out: Path) -> Path:
    """The program and its library, both stripped.

    Args:
        folder: of C, as it was exported.
        out: where they go.
    """
    out.mkdir()
    name = c_folder.model_name(open_artifact(folder).files)
    text = (HERE / "start.c").read_text().replace("MODEL", name.upper()).replace("model", name)
    (out / "start.c").write_text(text)
    for what in (
        [*FLAGS, "-fPIC", "-shared", str(folder / f"{name}.c"), "-lm", "-o", f"lib{name}.so"],
        [*FLAGS, f"-I{folder}", "start.c", "-L.", f"-l{name}", "-Wl,-rpath,$ORIGIN", "-o", "start"],
    ):
        subprocess.run(["gcc", *what], cwd=out, check=True)
    (out / "start.c").unlink()
    return out / "start"


def installed_bytes(package: str) -> int:
    """Of a package and all that it requires."""
    return sum(map(_own_bytes, _with_required(package, set())))


def _with_required(package: str, found: set[str]) -> set[str]:
    name = re.sub(r"[-_.]+", "-", package).lower()
    if name in found:
        return found
    try:
        requirements = distribution(name).requires or []
    except PackageNotFoundError:
        return found
    found.add(name)
    for each in map(Requirement, requirements):
        if each.marker is None or each.marker.evaluate({"extra": ""}):
            _with_required(each.name, found)
    return found


def _own_bytes(name: str) -> int:
    """Of what it brought; of a package that is linked to its sources, of those."""
    found = distribution(name)
    paths = {Path(str(found.locate_file(each))) for each in found.files or []}
    spec = find_spec(name.replace("-", "_")) if name.startswith("mnistx") else None
    for folder in (spec and spec.submodule_search_locations) or []:
        paths |= set(Path(folder).rglob("*"))
    return sum(path.stat().st_size for path in paths if path.is_file())


def ways(exports: Path, image: Path, folder: Path) -> dict[str, Way]:
    """All that can answer here.

    Args:
        exports: a folder of artifacts.
        image: a file of its pixels.
        folder: an empty one.
    """
    found: dict[str, Way] = {}
    for format, file in FOLDERS.items():
        program = build(exports / file, folder / format)
        found[f"`{format}`, program and library"] = Way([program, image], _bytes(program.parent.iterdir()))
    for title, package, files, script in SCRIPTS:
        if find_spec(package.replace("-", "_")):
            paths = [exports / file for file in files]
            found[title] = Way(
                [sys.executable, "-c", script, paths[0], image], installed_bytes(package) + _bytes(paths)
            )
    found["`mnistx predict`, of a photo"] = Way(
        [sys.executable, "-m", "mnistx_runtime", "predict", PICTURE], installed_bytes("mnistx-runtime")
    )
    found["Python, which prints the digit"] = Way([sys.executable, "-c", f"print({DIGIT})"], 0)
    return found


def _bytes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


def start(launcher: Path, command: Sequence[str | Path]) -> Started:
    """Start a process, and wait for its answer.

    Raises:
        RuntimeError: it fails, or answers something else.
    """
    done = subprocess.run([launcher, *command], capture_output=True, text=True)
    us, memory, line = done.stdout.strip().split(" ", 2) if done.returncode == 0 else ("", "", "")
    if DIGIT not in line:
        raise RuntimeError(f"{command[0]} answered {line!r}: {done.stderr}")
    return Started(int(us) / 1e3, int(memory) << 10)


def measure(found: Mapping[str, Way], rounds: int, folder: Path) -> dict[str, list[Started]]:
    """Start all in turn; a first round, in which files come from the disk, isn't counted."""
    launcher = folder / "launch"
    subprocess.run(["gcc", "-O2", str(HERE / "launch.c"), "-o", str(launcher)], check=True)
    times: dict[str, list[Started]] = {name: [] for name in found}
    for number in range(rounds + 1):
        for name, way in found.items():
            began = start(launcher, way.command)
            times[name] += [began] if number else []
    return times


def page(found: Mapping[str, Way], times: Mapping[str, list[Started]]) -> str:
    """The table."""
    first = next(iter(found))
    rows = []
    for name, way in found.items():
        ratios = [mine.ms / its.ms for mine, its in zip(times[name], times[first], strict=True)]
        low, middle, high = quantiles(ratios, n=4)
        memory, least = (median(each.memory for each in times[key]) for key in (name, first))
        size = f"{way.size / found[first].size:,.1f} | {way.size / 1e6:,.2f} MB" if way.size else "| "
        rows.append(
            f"| {name} | {middle:,.1f} ({low:,.1f} to {high:,.1f}) | {median(each.ms for each in times[name]):,.1f} ms "
            f"| {memory / least:,.1f} | {memory / 1e6:,.1f} MB | {size} |"
        )
    return f"""# From the start of a process to its answer

`python benchmarks/c_start.py artifacts EXPORTED` started processes that answer one image by the released model, all in
turn, {len(times[first])} rounds, on {processor()}. Start: from before the fork until the answer was read; the ratio to
the first row in the same round, median and quartiles, and the median in milliseconds. Memory: the most that was
resident, the median. Disk: program, library and model, or the packages with all that they require and the model; the
system's C library and Python itself are not counted. C is built by gcc, `{" ".join(FLAGS)}`.

| | start: ratio | median | memory: ratio | median | disk: ratio | |
|---|---|---|---|---|---|---|
{chr(10).join(rows)}

C and the barest scripts are given 784 bytes of pixels; `mnistx predict` is given a photo, which it reads, and checks
the model's digests as well.
"""


def main(out: Path, exports: Path) -> None:
    """Build, start, and write."""
    pixels = Predictor(threads=1).explain(PICTURE)[0].image
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "image").write_bytes(pixels.tobytes())
        found = ways(exports.resolve(), folder / "image", folder)
        (out / "c_start.md").write_text(page(found, measure(found, ROUNDS, folder)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
