"""Times `mnistx predict` from process start to answer beside the barest script that gives one, as people write it, and
beside the same with the garbage collector at rest, as it is in `mnistx`.

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
ROUNDS = 41

BAREST = """
import sys
import numpy, onnxruntime
from PIL import Image
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
image = 255 - numpy.asarray(Image.open(sys.argv[2]).convert("L").resize((28, 28)))
print(session.run(None, {"image": image[None, None]})[0].argmax())
"""


RESTING = f"import gc\ngc.disable()\n{BAREST}\ngc.freeze()\n"


def seconds(command: Sequence[str | Path]) -> float:
    """Wall time of one process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    binaries = Path(sys.argv[1])
    commands: dict[str, list[str | Path]] = {
        "mnistx predict": [binaries / "mnistx", "predict", PICTURE],
        "barest script": [binaries / "python", "-c", BAREST, MODEL, PICTURE],
        "barest, no collector": [binaries / "python", "-c", RESTING, MODEL, PICTURE],
    }
    rounds = [{name: seconds(command) for name, command in commands.items()} for _ in range(ROUNDS + 2)][2:]
    for name in commands:
        print(f"{name:21} median {statistics.median(each[name] for each in rounds) * 1e3:.0f} ms")
    for name in list(commands)[1:]:
        low, median, high = statistics.quantiles([each["mnistx predict"] / each[name] for each in rounds], n=4)
        print(f"mnistx predict beside {name}: {median:.2f}, half of the rounds {low:.2f} to {high:.2f}")
