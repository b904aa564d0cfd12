"""Softmax and its logarithm, of a row of float32."""

from dataclasses import dataclass

from mnistx_export.codegen.network import Kernel, Layer
from mnistx_export.codegen.node import Node
from mnistx_runtime.artifact.c_text import fill

_SOFTMAX = """
static void $name(const float *x, float *y)
{
    float largest = x[0];
    float total = 0.0f;
    for (int32_t i = 0; i < $size; i++) {
        largest = (x[i] > largest) ? x[i] : largest;
    }
    for (int32_t i = 0; i < $size; i++) {
        y[i] = x[i] - largest;
        total += expf(y[i]);
    }
$end
}
"""

_LOG = """
    total = logf(total);
    for (int32_t i = 0; i < $size; i++) {
        y[i] -= total;
    }
"""

_PROBABILITIES = """
    for (int32_t i = 0; i < $size; i++) {
        y[i] = expf(y[i]) / total;
    }
"""


@dataclass(frozen=True)
class Softmax:
    """Softmax.

    Args:
        log: whether its logarithm is written.
    """

    log: bool

    def kernel(self, layer: Layer) -> Kernel:
        """See `Operator.kernel`."""
        size = layer.output.size
        text = fill(_SOFTMAX, size=size, end=fill(_LOG if self.log else _PROBABILITIES, size=size), name="$name")
        return Kernel("log_softmax" if self.log else "softmax", text)


def read_log_softmax(node: Node) -> Softmax:
    """ONNX' LogSoftmax."""
    return _read(node, log=True)


def read_softmax(node: Node) -> Softmax:
    """ONNX' Softmax."""
    return _read(node, log=False)


def _read(node: Node, log: bool) -> Softmax:
    if len(node.input_shapes[0]) != 1:
        raise node.refuse("only a row of numbers can be written")
    return Softmax(log)
