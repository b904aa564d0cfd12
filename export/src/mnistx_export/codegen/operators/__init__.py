"""The operators: one table by ONNX' names, and one file each, which reads it and writes its C."""

from collections.abc import Callable

from mnistx_export.codegen.network import Operator
from mnistx_export.codegen.node import Node
from mnistx_export.codegen.operators import (
    activation,
    channels,
    concatenate,
    convolution,
    elementwise,
    flatten,
    linear,
    log_softmax,
    pool,
)

READERS: dict[str, Callable[[Node], Operator]] = {
    "Add": elementwise.read_add,
    "AveragePool": pool.read_average,
    "BatchNormalization": convolution.read_batch_norm,
    "Clip": activation.read_clip,
    "Concat": concatenate.read_concat,
    "Conv": convolution.read_conv,
    "Flatten": flatten.read_flatten,
    "Gelu": activation.read_gelu,
    "Gemm": linear.read_gemm,
    "GlobalAveragePool": pool.read_global_average,
    "GlobalMaxPool": pool.read_global_max,
    "HardSigmoid": activation.read_hard_sigmoid,
    "HardSwish": activation.read_hard_swish,
    "Identity": activation.read_identity,
    "LeakyRelu": activation.read_leaky_relu,
    "Log": activation.read_log,
    "LogSoftmax": log_softmax.read_log_softmax,
    "MaxPool": pool.read_max,
    "Mul": elementwise.read_mul,
    "ReduceMax": pool.read_largest,
    "ReduceMean": pool.read_mean,
    "Relu": activation.read_relu,
    "Reshape": channels.read_reshape,
    "Sigmoid": activation.read_sigmoid,
    "Softmax": log_softmax.read_softmax,
    "Split": channels.read_split,
    "Squeeze": flatten.read_flatten,
    "Tanh": activation.read_tanh,
    "Transpose": channels.read_transpose,
    "Unsqueeze": flatten.read_flatten,
}
"""Of each ONNX operator, what makes our own of it."""
