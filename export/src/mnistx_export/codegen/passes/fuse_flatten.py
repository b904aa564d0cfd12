"""A fully connected layer behind a flattened plane takes its numbers as they lie, its weights in that order."""

from dataclasses import replace

import numpy as np

from mnistx_export.codegen.network import Layer, Network
from mnistx_export.codegen.operators.flatten import Flatten
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.passes.pairs import fuse_pairs


def fuse_flatten(network: Network) -> Network:
    """See the file."""
    return fuse_pairs(network, _fuse)


def _fuse(first: Layer, second: Layer) -> Layer | None:
    plane = first.inputs[0].shape
    if not isinstance(first.operator, Flatten) or not isinstance(second.operator, Linear) or len(plane) == 1:
        return None
    if first.inputs[0].quantization != first.output.quantization:
        return None
    height, width, channels = plane
    order = np.arange(height * width * channels).reshape(channels, height, width).transpose(1, 2, 0).reshape(-1)
    linear = replace(second.operator, weights=np.ascontiguousarray(second.operator.weights[order]))
    return replace(second, operator=linear, inputs=first.inputs)
