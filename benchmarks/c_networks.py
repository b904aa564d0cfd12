"""Writes random small networks as C, and compares their answers with PyTorch's and ONNX Runtime's.

    python benchmarks/c_networks.py 200 artifacts

Networks are what `random_networks.py` lets hypothesis draw, seeded. Each is written as `c` and as `c-int8` for all
targets, compiled, and asked about random images; the first one that answers wrong ends the run, as small as hypothesis
can make it. Writes c_networks.md, anew after each.
"""

import logging
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from hypothesis import HealthCheck, given, seed, settings
from numpy.typing import NDArray
from torch import nn

from compile_c import answer, compile_c
from mnistx_export.codegen.kernels import KERNELS
from mnistx_export.codegen.onnx_reader import network_from_onnx
from mnistx_export.formats.base import Conversion
from mnistx_export.formats.onnx import onnx_model
from mnistx_export.formats.onnx_int8 import ALL_OPERATORS, quantized_model
from mnistx_runtime import InputSpec
from mnistx_runtime.artifact.parity import compare
from mnistx_train.evaluation.inference import DeployedModule, log_probs
from random_networks import RandomNetwork, networks

IMAGES = 48
BATCH = 20  # networks of a seed: hypothesis varies what it has drawn, and so comes to more kinds
ROUNDING = 1e-5  # of log-probabilities in float32


@dataclass(frozen=True)
class Gaps:
    """How far the answers of a network's C lie from others', in log-probability.

    Args:
        real: of `c` from PyTorch's in float64, at most, of all targets.
        whole: of `c-int8` from ONNX Runtime's of the same quantized graph, the mean.
        quantized: of those from PyTorch's, the mean: what quantizing costs.
        spread: PyTorch's answers to one image from those to others, the standard deviation.
    """

    real: float
    whole: float
    quantized: float
    spread: float


def check(network: RandomNetwork) -> Gaps:
    """Write a network in every way, compile it, and compare.

    Raises:
        BadInput: it can't be written.
        RuntimeError: the C doesn't compile without a warning.
        AssertionError: it answers wrong; the text says how.
    """
    channels, height, width = network.shape
    spec = InputSpec(channels=channels, height=height, width=width, mean=(0.4,) * channels, std=(0.3,) * channels)
    images = random_images(network.seed, network.shape)
    deployed = DeployedModule(network.module, spec, network.output).eval()
    conversion = Conversion(deployed, spec, calibration=images)
    trained = log_probs(network.module, images, spec, torch.float64, network.output)
    graph = quantized_model(conversion, ALL_OPERATORS)
    written = {"real": network_from_onnx(onnx_model(conversion)), "whole": network_from_onnx(graph)}
    found = {}
    for target in KERNELS:
        with tempfile.TemporaryDirectory() as folder:
            library = compile_c(written, Path(folder), target)
            for name, each in written.items():
                found[name, target] = answer(library, name, each, images)
    parities = {target: compare(found["real", target], trained) for target in KERNELS}
    for target, parity in parities.items():
        assert parity.passed, f"c, {target}: {parity}"
    whole = found["whole", "portable"]
    for target in KERNELS:
        assert np.array_equal(found["whole", target], whole), f"c-int8, {target}: not the bits of portable"
    expected = run_onnx(graph.SerializeToString(), images)
    gaps = Gaps(
        max(parity.max_abs for parity in parities.values()),
        float(np.abs(whole - expected).mean()),
        float(np.abs(expected - trained).mean()),
        float(trained.std(0).mean()),
    )
    assert gaps.whole <= gaps.quantized + ROUNDING, f"c-int8: {gaps}"
    return gaps


def random_images(seed: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A black and a white image, and others of nine patches with noise, uint8 `(IMAGES, channels, height, width)`."""
    channels, height, width = shape
    random = np.random.default_rng(seed)
    rows, columns = (np.arange(side) * 3 // side for side in (height, width))
    patches = random.uniform(0, 255, (IMAGES, channels, 3, 3))[:, :, rows[:, None], columns]
    noise = random.normal(0, 1, (IMAGES, *shape)) * random.uniform(0, 80, (IMAGES, 1, 1, 1))
    images = np.clip(patches + noise, 0, 255).astype(np.uint8)
    images[0], images[1] = 0, 255
    return images


def run_onnx(model: bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What ONNX Runtime computes, every node as it stands in the graph."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    found: NDArray[np.float32] = session.run(None, {"image": images})[0]
    return found


def kinds(module: nn.Module) -> set[str]:
    """What a network is made of, as the table names it."""
    return {_kind(each) for each in module.modules() if not isinstance(each, nn.Sequential | nn.ModuleList)}


def _kind(module: nn.Module) -> str:
    name = type(module).__name__
    if not isinstance(module, nn.Conv2d):
        return name
    if module.groups == 1:
        return name
    depthwise = module.groups == module.in_channels == module.out_channels
    return f"{name}, {'depthwise' if depthwise else 'grouped'}"


def draw_networks(number: int, count: int, take: Callable[[RandomNetwork], None]) -> None:
    """Give as many networks to a function; where it fails, the smallest that hypothesis finds decides.

    Args:
        number: the seed.
        count: of the networks.
        take: what is tried.
    """

    @seed(number)
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(networks())
    def run(network: RandomNetwork) -> None:
        take(network)

    run()


def page(gaps: list[Gaps], counts: Counter[str]) -> str:
    """The tables."""
    exact = sum(each.whole <= ROUNDING for each in gaps)
    shares = [each.whole / (each.quantized + ROUNDING) for each in gaps]
    results = {
        "answered wrong, didn't compile, or couldn't be written": "0",
        "largest difference of `c` from PyTorch in float64, any target": f"{max(each.real for each in gaps):.1e}",
        "`c-int8`, the three targets": "the same bits",
        "`c-int8` as ONNX Runtime, to rounding": f"{exact} of {len(gaps)}",
        "`c-int8` from ONNX Runtime, the others: of what quantizing costs, at most": f"{max(shares):.2f}",
        "answers to different images, standard deviation": f"{np.median([each.spread for each in gaps]):.2g}",
    }
    return f"""# Random networks as C

`python benchmarks/c_networks.py {len(gaps)} artifacts` let hypothesis draw small networks with random weights. Each was
written as `c` and as `c-int8` for the targets {", ".join(KERNELS)}, all six compiled with every warning an error, and
their answers to {IMAGES} random images compared, in log-probability.

| of {len(gaps)} networks | |
|---|---|
{rows_of(results)}

ONNX Runtime computes the same quantized graph, node by node. Where `c-int8` isn't as it to {ROUNDING:g}, the mean
difference is given as a share of ONNX Runtime's own from PyTorch: there are sums that lie halfway between two bytes, as
averages do; C rounds them up, ONNX Runtime to the even one. The standard deviation is the networks' median.

| made of | networks |
|---|---|
{rows_of(dict(sorted(counts.items())))}

## Faults found on the way, and mended

| fault | in |
|---|---|
{rows_of(FAULTS)}
"""


def rows_of(values: Mapping[str, object]) -> str:
    """Rows of a table with two columns."""
    return "\n".join(f"| {name} | {value} |" for name, value in values.items())


FAULTS = {
    "a max pool whose number of windows is rounded up (ceil_mode) read beyond its input, where PyTorch has no window": (
        "`c`, `c-int8`"
    ),
    "a batch normalization by itself, or a softmax, between layers of bytes didn't compile": "`c-int8`",
    "a convolution of one channel with a max pool of the whole plane compiled with a warning": "`c`, `c-int8`",
    "weights behind a ReLU that is 0 for every image ended in an error of linear algebra": "`c-int8`, `onnx-int8`",
    "means of bytes with padding, and the largest byte where its scale changes, were refused": "`c-int8`",
    "the largest number of each channel (AdaptiveMaxPool2d(1)) was refused": "`c`, `c-int8`",
}


def main(count: int, out: Path) -> None:
    """Draw, compare, and write."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    gaps: list[Gaps] = []
    counts: Counter[str] = Counter()

    def take(network: RandomNetwork) -> None:
        if len(gaps) < count:
            gaps.append(check(network))
            counts.update(kinds(network.module))
            (out / "c_networks.md").write_text(page(gaps, counts))

    number = 0
    while len(gaps) < count:
        draw_networks(number, BATCH, take)
        number += 1


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
