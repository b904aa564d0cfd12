"""Bounds such as ReLU's are applied by the layer whose sums they bound."""

from dataclasses import replace

from mnistx_export.codegen.network import Layer, Network
from mnistx_export.codegen.operators.activation import Activation
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_export.codegen.operators.elementwise import Elementwise
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.passes.pairs import fuse_pairs


def fuse_activation(network: Network) -> Network:
    """See the file."""
    return fuse_pairs(network, _fuse)


def _fuse(first: Layer, second: Layer) -> Layer | None:
    operator, activation = first.operator, second.operator
    if not isinstance(activation, Activation) or activation.clamp is None:
        return None
    if isinstance(operator, Convolution | Linear | Elementwise) and getattr(operator, "pool", 1) == 1:
        bounded = replace(operator, clamp=operator.clamp.within(activation.clamp))
        return replace(first, operator=bounded, output=second.output)
    return None
