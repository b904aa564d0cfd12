"""Times `mnistx predict` from process start to answer beside the barest script that gives one.

`python benchmarks/cold_start.py BIN`, with BIN the bin folder of an environment that holds only the runtime.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "artifacts" / "mnist-cnn.onnx"
PICTURE = ROOT / "artifacts" / "pictures" / "seven.jpg"
PAIRS = 41

BAREST = """
import sys
import numpy, onnxruntime
from PIL import Image
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
image = 255 - numpy.asarray(Image.open(sys.argv[2]).convert("L").resize((28, 28)))
print(session.run(None, {"image": image[None, None]})[0].argmax())
"""


def seconds(command: Sequence[str | Path]) -> float:
    """Wall time of one process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    binaries = Path(sys.argv[1])
    ours: list[str | Path] = [binaries / "mnistx", "predict", PICTURE]
    barest: list[str | Path] = [binaries / "python", "-c", BAREST, MODEL, PICTURE]
    pairs = [(seconds(ours), seconds(barest)) for _ in range(PAIRS + 2)][2:]
    ratios = sorted(a / b for a, b in pairs)
    quartiles = statistics.quantiles(ratios, n=4)
    print(f"mnistx predict  median {statistics.median(a for a, _ in pairs) * 1e3:.0f} ms")
    print(f"barest script   median {statistics.median(b for _, b in pairs) * 1e3:.0f} ms")
    print(f"ratio of pairs  median {quartiles[1]:.2f}, half of them {quartiles[0]:.2f} to {quartiles[2]:.2f}")
