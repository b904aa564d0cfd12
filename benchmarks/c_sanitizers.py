"""Runs the released model's C on random images under the address and the undefined-behaviour sanitizer.

    python benchmarks/c_sanitizers.py 1000000 artifacts

`c` and `c-int8` for all targets, as many seeded images in all as are asked for; the loop is `sanitize.c`. Writes
c_sanitizers.md. The exit code is 1 where something was found.
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

HERE = Path(__file__).parent
RELEASED = HERE.parent / "artifacts" / "mnist-cnn.safetensors"
CALIBRATION = 300  # images: the weights of c-int8 are rounded on them, which takes a minute with all
SANITIZERS = "address,undefined,float-cast-overflow"
SHARES = {"portable": 0.025, "size": 0.025, "speed": 0.45}
"""Of all images, what a target of a format gets: plain loops take up to thirty times as long under the sanitizers."""
FLAGS = ("-std=c11", "-g", "-O2", f"-fsanitize={SANITIZERS}", "-fno-sanitize-recover=all")


@dataclass(frozen=True)
class Sanitized:
    """What came of a format and a target.

    Args:
        images: that were answered.
        digest: of the first answers.
        fault: the sanitizer's first lines; "" where it found nothing.
    """

    images: int
    digest: str
    fault: str


def sanitize(sources: Sources, images: int, digested: int) -> Sanitized:
    """Build the code with the sanitizers, and run it.

    Args:
        sources: of a folder that was exported under the name `model`.
        images: how many.
        digested: of them, the first so many go into the digest.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, data in sources.items():
            (folder / file).write_bytes(data)
        command = ["gcc", *FLAGS, "-I.", str(HERE / "sanitize.c"), "model.c", "-lm", "-o", "program"]
        subprocess.run(command, cwd=folder, check=True)
        done = subprocess.run([folder / "program", str(images), str(digested)], capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line or "runtime error" in line]
        return Sanitized(0, "", (lines or [f"exit code {done.returncode}"])[0])
    count, digest = done.stdout.split()
    return Sanitized(int(count), digest, "")


def page(found: Mapping[tuple[str, str], Sanitized], total: int) -> str:
    """The table."""
    rows = "\n".join(
        f"| `{format}` | `{target}` | {each.images:,} | {each.fault or 'nothing'} | `{each.digest}` |"
        for (format, target), each in found.items()
    )
    least = min(each.images for each in found.values())
    return f"""# Generated C under sanitizers

`python benchmarks/c_sanitizers.py {total} artifacts` ran the released model's C on seeded random images: noise, few
bright pixels on black, black and white, one grey, a bright rectangle. Image, answer and workspace are blocks of exactly
their size, the workspace filled with 0xFF before each prediction, and each run begins with the self-test. Built by
gcc, `{" ".join(FLAGS)}`.
All begin with the same images; the digest, of the answers to the first {least:,}, is one for all of `c-int8`.

| format | target | images | found | digest |
|---|---|---|---|---|
{rows}

In all {sum(each.images for each in found.values()):,} images.
"""


def main(total: int, out: Path) -> int:
    """Build, run, and write."""
    model, missing = model_with_data(RELEASED, None, with_training=True)
    if missing:
        sys.exit(f"needs all of MNIST: {missing}")
    assert model.calibration is not None
    sources = write_sources(replace(model, calibration=model.calibration[:CALIBRATION]), KERNELS)
    counts = {target: round(total * SHARES[target]) for target in KERNELS}
    found = {}
    for (format, target), code in sources.items():
        found[format, target] = sanitize(code, counts[target], min(counts.values()))
        print(format, target, found[format, target], file=sys.stderr, flush=True)
    (out / "c_sanitizers.md").write_text(page(found, total))
    faults = [each.fault for each in found.values() if each.fault]
    digests = {each.digest for (format, _), each in found.items() if format == "c-int8"}
    print(*faults or ["nothing found"], sep="\n")
    return int(bool(faults) or len(digests) > 1)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
