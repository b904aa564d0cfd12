"""Predicts millions of times in one process, and writes what became of its memory and its answers to soak.md.

`python benchmarks/soak.py artifacts 10000000` answers an image of a digit alone, again and again, with the bundled
model, one thread, through `Predictor.predict_batch`; every thousandth time a picture goes the whole way from its bytes.
After 2,000 pictures for warming up, it reads at 1,000 moments how much memory the process holds (VmRSS of /proc), and
whether the answers are still those of the beginning, to the last bit. The exit code is 1 where the second half holds
more memory than the first tenth did, or an answer changes.
"""

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime import Predictor

PICTURE = Path(__file__).resolve().parent.parent / "artifacts" / "pictures" / "three.jpg"
WARM_UP = 2000  # pictures; the allocator of the C library has its pieces of all sizes after some 1,100
MOMENTS = 1000
EVERY = 1000


@dataclass(frozen=True, eq=False)
class Soaked:
    """What was seen at each moment.

    Args:
        done: predictions so far.
        seconds: since the beginning.
        memory: bytes that the process holds in memory.
        same: its answers were those of the beginning.
    """

    done: NDArray[np.int64]
    seconds: NDArray[np.float64]
    memory: NDArray[np.int64]
    same: NDArray[np.bool_]

    @property
    def growth(self) -> int:
        """Bytes that the process held more in the second half than in the first tenth, at most."""
        return int(self.memory[MOMENTS // 2 :].max() - self.memory[: MOMENTS // 10].max())


def soak(count: int) -> Soaked:
    """Predict so many times.

    Args:
        count: of the predictions, a multiple of `MOMENTS`.
    """
    predictor, picture = Predictor(threads=1), PICTURE.read_bytes()
    prepared, first = predictor.explain(picture)
    image = prepared.image[None]
    expected = predictor.predict_batch(image)[0].log_probs.copy()
    whole = np.ones(MOMENTS, np.int64)  # written now, so that keeping what is seen takes no memory later
    found = Soaked(np.cumsum(whole) * (count // MOMENTS), np.ones(MOMENTS), whole * 1, whole > 0)
    for _ in range(WARM_UP):
        predictor.predict(picture)
    since, began = 0, perf_counter()
    for moment in range(MOMENTS):
        for _ in range(count // MOMENTS):
            answer = predictor.predict_batch(image)[0].log_probs
            since += 1
            if since == EVERY:
                found.same[moment] &= np.array_equal(predictor.predict(picture).log_probs, first.log_probs)
                since = 0
        found.same[moment] &= np.array_equal(answer, expected)
        found.memory[moment], found.seconds[moment] = _memory(), perf_counter() - began
        if moment % 50 == 49:
            print(
                f"{found.done[moment]:,} {found.memory[moment] >> 10:,} KiB {found.seconds[moment]:.0f} s", flush=True
            )
    return found


def _memory() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))) << 10


def report(found: Soaked) -> str:
    """The page."""
    lines = [
        "# A long life",
        "",
        f"`python benchmarks/soak.py artifacts {found.done[-1]}`: {found.done[-1]:,} predictions in one process, of",
        "one image each, with the bundled model on one thread; every thousandth goes the whole way from a picture's",
        "bytes, too. Memory is VmRSS; the answers are compared with those of the beginning at a thousand moments.",
        "",
        "| predictions | seconds | memory |",
        "|---|---|---|",
    ]
    for at in (0, *range(MOMENTS // 10 - 1, MOMENTS, MOMENTS // 10)):
        lines.append(f"| {found.done[at]:,} | {found.seconds[at]:,.0f} | {found.memory[at] >> 10:,} KiB |")
    same = "the same to the last bit at every moment" if found.same.all() else "CHANGED"
    growth = f"The most memory of the second half, less that of the first tenth: {found.growth:,} bytes."
    lines += ["", f"Answers: {same}. {growth}", ""]
    lines += [f"Python {platform.python_version()}, {platform.system()} {platform.machine()}."]
    return "\n".join(lines) + "\n"


def main(args: Sequence[str]) -> int:
    """Soak, and write the page."""
    found = soak(int(args[1]))
    (Path(args[0]) / "soak.md").write_text(report(found))
    return int(found.growth > 0 or not found.same.all())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
