"""Functions of one number. Of bytes they are tables of 256; bounds such as ReLU's go into the layer before."""

from collections.abc import Callable
from dataclasses import dataclass
from math import erf, exp, log, pi, sqrt, tanh

import numpy as np

from mnistx_export.codegen.clamp import NONE, Clamp
from mnistx_export.codegen.helpers import CLAMP_FLOAT, NORMAL_CDF
from mnistx_export.codegen.network import Constant, Kernel, Layer, Quantization
from mnistx_export.codegen.node import Node, unsupported
from mnistx_export.codegen.scales import to_byte, to_real
from mnistx_runtime.artifact.c_text import fill, float_literal

_EACH = """
static void $name(const $input *x, $parameters$output *y)
{
    for (int32_t i = 0; i < $size; i++) {
        y[i] = $written;
    }
}
"""


@dataclass(frozen=True)
class Activation:
    """A function of each number by itself.

    Args:
        name: of the function.
        expression: its C, of the float `x[i]`.
        function: itself, by which the table of bytes is made.
        clamp: of a function that only bounds, its bounds; None of others.
    """

    name: str
    expression: str
    function: Callable[[float], float]
    clamp: Clamp | None = None

    def kernel(self, layer: Layer) -> Kernel:
        """See `Operator.kernel`."""
        x, y = layer.inputs[0], layer.output
        if x.quantization == y.quantization and self.clamp == NONE:
            return Kernel(self.name, "")
        if x.quantization and y.quantization:
            return lookup(layer, self.function)
        if x.quantization or y.quantization:
            raise unsupported(layer.name, self.name, "its input is quantized and its output isn't, or the other way")
        text = each_number(layer, self.expression)
        return Kernel(self.name, text, helpers=CLAMP_FLOAT | NORMAL_CDF)


def each_number(layer: Layer, written: str, parameters: str = "") -> str:
    """A function of C from each number of a layer's input to the one of its output.

    Args:
        layer: its first input and its output say of which types.
        written: the output's expression, of `x[i]`.
        parameters: between input and output, each followed by a comma.
    """
    x, y = layer.inputs[0], layer.output
    return fill(_EACH, input=x.type, output=y.type, parameters=parameters, size=x.size, written=written, name="$name")


def lookup(layer: Layer, function: Callable[[float], float] = float) -> Kernel:
    """A layer from bytes to bytes as a table.

    Args:
        layer: its first input and its output are quantized.
        function: of the real numbers that the bytes stand for.
    """
    x, y = layer.inputs[0], layer.output
    assert x.quantization and y.quantization
    text = each_number(layer, "table[x[i]]", "const uint8_t *table, ")
    return Kernel("look_up", text, (Constant("table", byte_table(x.quantization, y.quantization, function)),))


def byte_table(source: Quantization, target: Quantization, function: Callable[[float], float] = float) -> np.ndarray:
    """For each byte of one quantization, the byte of another that a function of it becomes, uint8 `(256,)`."""
    return np.array([to_byte(function(to_real(byte, source)), target) for byte in range(256)], np.uint8)


def bounds(clamp: Clamp) -> Activation:
    """The activation that only bounds."""
    return Activation("clamp", clamp.of_float("x[i]"), lambda x: min(max(x, clamp.low), clamp.high), clamp)


def read_identity(node: Node) -> Activation:  # noqa: ARG001
    """ONNX' Identity."""
    return bounds(NONE)


def read_relu(node: Node) -> Activation:  # noqa: ARG001
    """ONNX' Relu."""
    return bounds(Clamp(low=0))


def read_clip(node: Node) -> Activation:
    """ONNX' Clip; of ReLU6, 0 to 6."""
    given = {at: float(weights.values) for at, weights in node.weights.items()}
    return bounds(Clamp(given.get(1, NONE.low), given.get(2, NONE.high)))


def read_gelu(node: Node) -> Activation:
    """ONNX' Gelu: x times the normal distribution's share below it, or the approximation by tanh of Hendrycks and
    Gimpel, "Gaussian Error Linear Units", 2016.
    """
    if node.attributes.get("approximate", b"none") == b"none":
        return Activation("gelu", "x[i] * normal_cdf(x[i])", lambda x: x * (1 + erf(x / sqrt(2))) / 2)
    twice = 2 * sqrt(2 / pi)
    exponent = f"({float_literal(-twice)} * x[i]) * (1.0f + (0.044715f * x[i] * x[i]))"
    return Activation(
        "gelu_tanh",
        f"x[i] / (1.0f + expf({exponent}))",
        lambda x: x * (1 + tanh(twice / 2 * (x + 0.044715 * x**3))) / 2,
    )


def read_hard_sigmoid(node: Node) -> Activation:
    """ONNX' HardSigmoid."""
    alpha, beta = float(node.attributes.get("alpha", 0.2)), float(node.attributes.get("beta", 0.5))
    line = f"(x[i] * {float_literal(alpha)}) + {float_literal(beta)}"
    return Activation("hard_sigmoid", Clamp(0, 1).of_float(line), lambda x: min(max(alpha * x + beta, 0), 1))


def read_hard_swish(node: Node) -> Activation:  # noqa: ARG001
    """ONNX' HardSwish: x * max(0, min(1, x / 6 + 1 / 2))."""
    line = Clamp(0, 6).of_float("x[i] + 3.0f")
    return Activation("hard_swish", f"x[i] * {line} / 6.0f", lambda x: x * min(max(x + 3, 0), 6) / 6)


def read_leaky_relu(node: Node) -> Activation:
    """ONNX' LeakyRelu."""
    alpha = float(node.attributes.get("alpha", 0.01))
    expression = f"(x[i] < 0.0f) ? (x[i] * {float_literal(alpha)}) : x[i]"
    return Activation("leaky_relu", expression, lambda x: x * alpha if x < 0 else x)


def read_sigmoid(node: Node) -> Activation:  # noqa: ARG001
    """ONNX' Sigmoid."""
    return Activation("sigmoid", "1.0f / (1.0f + expf(-x[i]))", lambda x: 1 / (1 + exp(-x)) if x > -700 else 0.0)


def read_tanh(node: Node) -> Activation:  # noqa: ARG001
    """ONNX' Tanh, by the exponential function, as 2 / (1 + exp(-2 x)) - 1."""
    return Activation("hyperbolic_tangent", "(2.0f / (1.0f + expf(-2.0f * x[i]))) - 1.0f", tanh)


def read_log(node: Node) -> Activation:  # noqa: ARG001
    """ONNX' Log."""
    return Activation("logarithm", "logf(x[i])", log)
