"""From an ONNX graph to a network: float32, or quantized as QuantizeLinear and DequantizeLinear pairs say.

The graph is what torch.onnx.export makes of torch.export's: operators of the framework are few there, batch
normalization is folded, and the quantizer of onnx-int8 has left weights and scales.
"""

from collections import Counter
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from mnistx_export.codegen.network import Layer, Network, Operator, Quantization, Tensor, as_float32
from mnistx_export.codegen.node import Node, Weights, unsupported
from mnistx_export.codegen.onnx_shapes import infer_shapes
from mnistx_export.codegen.operators import READERS
from mnistx_export.codegen.operators.channels import GROUPED
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.operators.log_softmax import Softmax
from mnistx_export.codegen.operators.normalize import Interleave, Normalize
from mnistx_export.codegen.operators.quantize import Dequantize, Quantize
from mnistx_runtime.artifact.c_text import identifier

_REGROUPING = ("Reshape", "Transpose")
"""What may read or write planes that fall into groups."""
_NORMALIZING = ("Cast", "Div", "Sub", "Mul", "Add")


def network_from_onnx(model: onnx.ModelProto) -> Network:
    """The network of a model with one input, uint8 images, and a batch of any size.

    Args:
        model: what is deployed, from pixels to log-probabilities; normalization stands in front, or is folded into the
            input's scale.

    Raises:
        BadInput: an operator can't be written; the text names the layer.
    """
    return _Reader(model).network()


class _Reader:
    """One pass over the nodes, in their order."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._graph = infer_shapes(model)
        self._shapes = {
            value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)[1:]
            for value in (*self._graph.value_info, *self._graph.input, *self._graph.output)
        }
        self._weights = {t.name: Weights(numpy_helper.to_array(t)) for t in self._graph.initializer}
        self._tensors: dict[str, Tensor] = {}
        self._layers: list[Layer] = []
        self._names: Counter[str] = Counter()

    def network(self) -> Network:
        """The whole."""
        source = self._graph.input[0].name
        image = Tensor("image", self._shapes[source], Quantization(1.0, 0))
        self._tensors[source] = image
        quantized = self._quantized()
        nodes = self._read_normalization(image, quantized)
        for node in nodes:
            if node.op_type == "Constant":
                self._weights[node.output[0]] = Weights(numpy_helper.to_array(node.attribute[0].t))
            elif node.op_type == "DequantizeLinear" and node.input[0] in self._weights:
                self._weights[node.output[0]] = self._dequantized(node)
            elif node.op_type in ("QuantizeLinear", "DequantizeLinear"):
                self._tensors[node.output[0]] = self._tensors[node.input[0]]
            else:
                first = 0
                for output in node.output if node.op_type == "Split" else node.output[:1]:
                    self._add(node, output, first, quantized.get(output))
                    first += self._shapes[output][0]
        return Network(image, tuple(self._layers))

    def _quantized(self) -> dict[str, Quantization]:
        """How tensors are quantized, by name."""
        return {
            node.input[0]: self._quantization(node) for node in self._graph.node if node.op_type == "QuantizeLinear"
        }

    def _quantization(self, node: onnx.NodeProto) -> Quantization:
        """Of a QuantizeLinear or a DequantizeLinear."""
        scale, zero = (self._constant(name) for name in node.input[1:3])
        return Quantization(float(scale), int(zero))

    def _constant(self, name: str) -> NDArray[Any]:
        if name not in self._weights:
            raise unsupported(name, "QuantizeLinear", "its scale is computed as it runs")
        return self._weights[name].values

    def _dequantized(self, node: onnx.NodeProto) -> Weights:
        values, scale = self._constant(node.input[0]), self._constant(node.input[1])
        if len(node.input) > 2 and np.any(self._constant(node.input[2])):
            raise unsupported(node.input[0], "DequantizeLinear", "the zero point of its weights isn't 0")
        return Weights(values, as_float32(scale))

    def _read_normalization(self, image: Tensor, quantized: dict[str, Quantization]) -> list[onnx.NodeProto]:
        """Add the layer that reads the image; the nodes that are left."""
        nodes = list(self._graph.node)
        channels, height, width = image.shape
        name = self._graph.input[0].name
        shape = (height, width, channels)
        readers = [node for node in nodes if name in node.input]
        if len(readers) > 1:
            other = next((node for node in readers if node.op_type not in _NORMALIZING), readers[1])
            raise unsupported(other.output[0], other.op_type, "it reads the image beside what normalizes it")
        first = next(iter(readers), None)
        if first is not None and first.op_type == "DequantizeLinear":
            output = Tensor("pixels", shape, self._quantization(first))
            self._layers.append(Layer("normalize", Interleave(), (image,), output))
            self._tensors[first.output[0]] = output
            return [node for node in nodes if node is not first]
        mean, std = np.zeros(channels, np.float32), np.ones(channels, np.float32)
        read: list[onnx.NodeProto] = []
        for node in nodes:
            if node.op_type not in _NORMALIZING or name not in node.input:
                continue
            if node.op_type == "Sub":
                mean = np.broadcast_to(self._per_channel(node), channels)
            elif node.op_type == "Div" and "Sub" in {each.op_type for each in read}:
                std = np.broadcast_to(self._per_channel(node), channels)
            elif node.op_type == "Div":
                if float(self._per_channel(node).reshape(-1)[0]) != 255:
                    break
            elif node.op_type != "Cast":
                break
            read.append(node)
            name = node.output[0]
        output = Tensor("pixels", shape, quantized.get(name))
        self._layers.append(Layer("normalize", Normalize(as_float32(mean), as_float32(std)), (image,), output))
        self._tensors[name] = output
        taken = {id(node) for node in read}
        return [node for node in nodes if id(node) not in taken]

    def _per_channel(self, node: onnx.NodeProto) -> NDArray[Any]:
        return self._constant(node.input[1]).reshape(-1)

    def _add(self, node: onnx.NodeProto, result: str, first: int, quantization: Quantization | None) -> None:
        """Add the layer of a node that writes one of its outputs."""
        name = _layer_name(node, result)
        if node.op_type not in READERS:
            known = ", ".join(sorted(READERS))
            raise unsupported(name, node.op_type, f"there is no such operator in C; there are {known}")
        shape = self._shapes[result]
        given = [each for each in node.input if each in self._tensors]
        grouped = GROUPED in map(len, (shape, *(self._shapes[each] for each in given)))
        if len(shape) not in (1, 3, GROUPED) or (grouped and node.op_type not in _REGROUPING):
            raise unsupported(name, node.op_type, f"its output is {shape}, and only planes and rows can be written")
        read = Node(
            name=name,
            kind=node.op_type,
            inputs=tuple(self._tensors[each] for each in given),
            weights={at: self._weights[each] for at, each in enumerate(node.input) if each in self._weights},
            attributes={each.name: onnx.helper.get_attribute_value(each) for each in node.attribute},
            shape=shape,
            input_shapes=tuple(self._shapes[each] for each in given),
            first=first,
        )
        lies = (*shape[-2:], prod(shape[:-2])) if len(shape) > 1 else shape
        operator = READERS[node.op_type](read)
        inputs = read.inputs
        sums = isinstance(operator, Convolution | Linear) and operator.scale is not None
        whole = quantization and all(each.quantization for each in inputs) and not _is_real(operator)
        if not sums and not whole:
            inputs = tuple(self._dequantize(each) for each in inputs)
        real = quantization is not None and not any(each.quantization for each in inputs)
        output = Tensor(self._unique(name), lies, None if real else quantization)
        self._layers.append(Layer(name, operator, inputs, output))
        self._tensors[result] = self._quantize(output, quantization) if real and quantization else output

    def _dequantize(self, tensor: Tensor) -> Tensor:
        """The tensor in real numbers."""
        if tensor.quantization is None:
            return tensor
        found = Tensor(self._unique(f"{tensor.name} real"), tensor.shape)
        self._layers.append(Layer(tensor.name, Dequantize(), (tensor,), found))
        return found

    def _quantize(self, tensor: Tensor, quantization: Quantization) -> Tensor:
        """The tensor in bytes."""
        found = Tensor(self._unique(f"{tensor.name} bytes"), tensor.shape, quantization)
        self._layers.append(Layer(tensor.name, Quantize(), (tensor,), found))
        return found

    def _unique(self, name: str) -> str:
        found = identifier(name)
        self._names[found] += 1
        count = self._names[found]
        return found if count == 1 else f"{found}_{count}"


def _is_real(operator: Operator) -> bool:
    """Whether it computes in real numbers, whatever is around it: a batch normalization by itself, or a softmax."""
    return isinstance(operator, Softmax) or (isinstance(operator, Convolution | Linear) and operator.scale is None)


def _layer_name(node: onnx.NodeProto, result: str) -> str:
    """What the layer was in the user's module, as far as its parameters tell; else the name of what it writes."""
    for name in node.input[1:]:
        owner, _, last = name.partition("_DequantizeLinear")[0].rpartition(".")
        if owner and last in ("weight", "bias"):
            return str(owner)
    return str(result)
