"""Runs the released model's C on random images and pictures under the address and the undefined-behaviour sanitizer.

    python benchmarks/c_sanitizers.py 1000000 artifacts

`c` and `c-int8` for all targets, as many seeded images in all as are asked for (`sanitize.c`), and a tenth as many
pictures through the reader of `c` (`read_random.c`). Writes c_sanitizers.md. The exit code is 1 where something was
found.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from devices.sources import Sources, write_sources
from mnistx_export.checkpoint_model import model_with_data
from mnistx_export.codegen.kernels import KERNELS
from mnistx_runtime.artifact.c_reader import STATUSES

HERE = Path(__file__).parent
RELEASED = HERE.parent / "artifacts" / "mnist-cnn.safetensors"
CALIBRATION = 300  # images: the weights of c-int8 are rounded on them, which takes a minute with all
SANITIZERS = "address,undefined,float-cast-overflow"
ROUNDS = 10
SHARES = {"portable": 0.025, "size": 0.025, "speed": 0.45}
"""Of all images, what a target of a format gets: plain loops take up to thirty times as long under the sanitizers."""
READS = ("c", "speed")
"""What the reader is tried with: it asks the model up to 60 times a picture."""
FLAGS = ("-std=c11", "-g", "-O2", f"-fsanitize={SANITIZERS}", "-fno-sanitize-recover=all")


@dataclass(frozen=True)
class Sanitized:
    """What came of a format and a target.

    Args:
        images: that were answered.
        digests: of the answers, one a round.
        fault: the sanitizer's first line; "" where it found nothing.
    """

    images: int = 0
    digests: tuple[str, ...] = ()
    fault: str = ""


def build(sources: Sources, folder: Path, reads: bool = False) -> Path:
    """The program, with the sanitizers.

    Args:
        sources: of a folder that was exported under the name `model`.
        folder: an empty one.
        reads: whether it reads pictures; else it answers images.
    """
    for file, data in sources.items():
        (folder / file).write_bytes(data)
    code = [HERE / "read_random.c", "model_read.c"] if reads else [HERE / "sanitize.c"]
    subprocess.run(["gcc", *FLAGS, "-I.", *code, "model.c", "-lm", "-o", "program"], cwd=folder, check=True)
    return folder / "program"


def run(program: Path, seed: int, images: int, digested: int) -> Sanitized:
    """Answer images.

    Args:
        program: see `build`.
        seed: of the images.
        images: how many.
        digested: of them, the first so many go into the digest.
    """
    printed, fault = _run(program, seed, images, digested)
    if fault:
        return Sanitized(fault=fault)
    count, digest = printed
    return Sanitized(int(count), (digest,))


@dataclass(frozen=True)
class Read:
    """What came of pictures.

    Args:
        statuses: how many came to each status, from 0 on.
        fault: see `Sanitized`.
    """

    statuses: tuple[int, ...] = (0,) * sum(each.status >= 0 for each in STATUSES)
    fault: str = ""


def read(program: Path, first: int, pictures: int) -> Read:
    """Read pictures.

    Args:
        program: see `build`, by `read_random.c`.
        first: the number of the first.
        pictures: how many.
    """
    printed, fault = _run(program, first, pictures)
    return Read(fault=fault) if fault else Read(tuple(map(int, printed)))


def _run(program: Path, *values: int) -> tuple[list[str], str]:
    """What a program prints, in words; and what the sanitizer does."""
    done = subprocess.run([program, *map(str, values)], capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if "ERROR" in line or "runtime error" in line]
    return done.stdout.split(), (lines or [f"exit code {done.returncode}"])[0] if done.returncode else ""


def page(found: Mapping[tuple[str, str], Sanitized], pictures: Read, total: int) -> str:
    """Both tables."""
    rows = "\n".join(
        f"| `{format}` | `{target}` | {each.images:,} | {each.fault or 'nothing'} |"
        for (format, target), each in found.items()
    )
    names = {each.status: each.name for each in STATUSES}
    statuses = "\n".join(f"| `{names[at]}` | {count:,} |" for at, count in enumerate(pictures.statuses))
    same = "the same bits" if same_bits(found) else "OTHER bits"
    return f"""# Generated C under sanitizers

`python benchmarks/c_sanitizers.py {total} artifacts` ran the released model's C on seeded random images: noise, few
bright pixels on black, black and white, one grey, a bright rectangle. Image, answer and workspace are blocks of exactly
their size, the workspace filled with 0xFF before each prediction. Built by gcc,
`{" ".join(FLAGS)}`.
Plain loops take up to thirty times as long so, and get fewer images.

| format | target | images | found |
|---|---|---|---|
{rows}

In all {sum(each.images for each in found.values()):,} images, in rounds that begin with the self-test, and with images
that are the same for all; to those, `c-int8` gave {same} for all targets.

## Pictures

{sum(pictures.statuses):,} seeded pictures of 1 to 300 pixels a side went through `model_read` in the same way: a ground
with strokes, lines, dots or noise, or nothing. Found: {pictures.fault or "nothing"}. What it answered:

| status | pictures |
|---|---|
{statuses}
"""


def same_bits(found: Mapping[tuple[str, str], Sanitized]) -> bool:
    """Whether all of c-int8 answered alike."""
    return len({each.digests for (format, _), each in found.items() if format == "c-int8"}) == 1


def sanitize(sources: Mapping[tuple[str, str], Sources], total: int, out: Path) -> int:
    """Build, run, and write the page after every round.

    Args:
        sources: by format and target.
        total: images of all of them together; and ten times as many as pictures.
        out: where the page goes.

    Returns:
        The exit code.
    """
    counts = {target: round(total * SHARES[target] / ROUNDS) for target in KERNELS}
    found, pictures, each_round = dict.fromkeys(sources, Sanitized()), Read(), total // 10 // ROUNDS
    with tempfile.TemporaryDirectory() as name:
        programs = {}
        for (format, target), code in sources.items():
            folder = Path(name) / f"{format}-{target}"
            folder.mkdir()
            programs[format, target] = build(code, folder)
        (Path(name) / "read").mkdir()
        reader = build(sources[READS], Path(name) / "read", reads=True)
        for number in range(ROUNDS):
            for key, program in programs.items():
                new, so_far = run(program, number, counts[key[1]], min(counts.values())), found[key]
                digests = so_far.digests + new.digests
                found[key] = Sanitized(so_far.images + new.images, digests, so_far.fault or new.fault)
            latest = read(reader, number * each_round, each_round)
            statuses = tuple(map(sum, zip(pictures.statuses, latest.statuses, strict=True)))
            pictures = Read(statuses, pictures.fault or latest.fault)
            (out / "c_sanitizers.md").write_text(page(found, pictures, total))
    return int(any(each.fault for each in found.values()) or bool(pictures.fault) or not same_bits(found))


def main(total: int, out: Path) -> int:
    """Write the code, and run it."""
    model, missing = model_with_data(RELEASED, None, with_training=True)
    if missing:
        sys.exit(f"needs all of MNIST: {missing}")
    assert model.calibration is not None
    return sanitize(write_sources(replace(model, calibration=model.calibration[:CALIBRATION]), KERNELS), total, out)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
