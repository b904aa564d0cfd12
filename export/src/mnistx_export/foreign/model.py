"""An ONNX file of any origin, ready to answer images: its one input and the output that holds its scores are found."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from mnistx_export.foreign.source import load_onnx
from mnistx_export.formats.base import FLOAT16, INT8
from mnistx_runtime.artifact.onnx_file import write_props
from mnistx_runtime.artifact.parity import FLOAT32, Tolerance
from mnistx_runtime.backends.ort import load_session, reason_of
from mnistx_runtime.errors import ArtifactError, BadInput
from mnistx_runtime.input_spec import InputSpec

TYPES: dict[int, type[np.generic]] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.FLOAT16: np.float16,
    TensorProto.DOUBLE: np.float64,
    TensorProto.UINT8: np.uint8,
    TensorProto.INT32: np.int32,
    TensorProto.INT64: np.int64,
}
"""Of pixels, what a file may take: whole numbers are 0 to 255."""

_HALF = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
_QUANTIZED = ("QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger")


@dataclass(frozen=True, eq=False)
class ForeignModel:
    """A file that was loaded.

    Args:
        path: of the file.
        model: its graph, whose outputs are tensors.
        session: an `onnxruntime.InferenceSession` of it.
        image: the name of its input.
        kind: the type of the input, a TensorProto.DataType.
        shape: of the input, names or "" where a size is free.
        channels_last: the input is `(N, height, width, channels)`.
        scores: the name of the output that has a number a class.
        others: what else it gives.
    """

    path: Path
    model: onnx.ModelProto
    session: Any
    image: str
    kind: int
    shape: tuple[int | str, ...]
    channels_last: bool
    scores: str = ""
    others: tuple[str, ...] = ()

    @property
    def batch(self) -> int | None:
        """How many images it takes at a time; None where that is free."""
        return self.shape[0] if isinstance(self.shape[0], int) else None

    @property
    def takes_whole_numbers(self) -> bool:
        """Its pixels are whole numbers of 0 to 255."""
        return np.issubdtype(TYPES[self.kind], np.integer)

    @property
    def tolerance(self) -> Tolerance:
        """What can be asked of it: the precision that its operators compute in."""
        graph = self.model.graph
        if any(node.op_type in _QUANTIZED for node in graph.node):
            return INT8
        casts = [a.i for n in graph.node if n.op_type == "Cast" for a in n.attribute if a.name == "to"]
        return FLOAT16 if {*casts, self.kind, *(t.data_type for t in graph.initializer)} & {*_HALF} else FLOAT32

    def run(self, pixels: NDArray[Any]) -> NDArray[np.float64]:
        """Its scores `(N, classes)`, of pixels `(N, channels, height, width)` on the scale that it takes.

        Raises:
            ArtifactError: it can't be run.
        """
        return np.asarray(self._outputs(pixels, [self.scores])[0]).reshape(len(pixels), -1).astype(np.float64)

    def _outputs(self, pixels: NDArray[Any], names: list[str]) -> list[NDArray[Any]]:
        arranged = pixels.transpose(0, 2, 3, 1) if self.channels_last else pixels
        sizes = {4: arranged.shape[1:], 3: arranged.shape[2:], 2: (-1,)}[len(self.shape)]
        given = np.ascontiguousarray(arranged.reshape(len(pixels), *sizes), TYPES[self.kind])
        size = self.batch or len(given)
        parts = [given[at : at + size] for at in range(0, len(given), size)]
        try:
            found = [self.session.run(names, {self.image: np.resize(part, (size, *part.shape[1:]))}) for part in parts]
        except Exception as error:
            raise ArtifactError(f"{self.path} can't be run on images: {reason_of(error)}") from error
        return [
            np.concatenate(each)[: len(pixels)] if np.ndim(each[0]) else each[0] for each in zip(*found, strict=True)
        ]


def open_foreign(path: Path, spec: InputSpec, names: tuple[str, ...], allow_foreign: bool = False) -> ForeignModel:
    """Load a file, and find its input and its scores.

    Args:
        path: an .onnx file of any origin; weights beside it are read, see `load_onnx`.
        spec: of the images that it is to take.
        names: of the classes that it is to tell apart.
        allow_foreign: see `mnistx_runtime.open_artifact`.

    Raises:
        ArtifactError: it can't be loaded or run.
        BadInput: it takes no such images, or gives no number for each class.
    """
    model = load_onnx(path)
    _check_order(model, names, path)
    _replace_maps(model)
    if not any(opset.domain in ("", "ai.onnx") for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid("", 17))
    session = load_session(write_props(model.SerializeToString(deterministic=True), {}), path, allow_foreign)
    initialized = {tensor.name for tensor in model.graph.initializer}
    inputs = [given for given in model.graph.input if given.name not in initialized]
    wanted = f"images [N, {', '.join(map(str, spec.shape))}]"
    if len(inputs) != 1:
        raise BadInput(
            f"{path} takes {len(inputs)} inputs, {', '.join(i.name for i in inputs)}, not one batch of {wanted}"
        )
    (image,) = inputs
    kind = image.type.tensor_type.elem_type
    shape = tuple(_size(each) for each in image.type.tensor_type.shape.dim)
    name = TensorProto.DataType.Name(kind).lower()
    layouts = _layouts(spec.shape).get(len(shape), ())
    layout = next((at for at, sizes in enumerate(layouts) if _fits(shape[1:], sizes)), None)
    if kind not in TYPES or layout is None:
        raise BadInput(
            f"{path} takes {image.name} {name} [{', '.join(str(size or '?') for size in shape)}], not {wanted} of "
            "float, double, float16, or of whole numbers of 0 to 255 (uint8, int32, int64)"
        )
    found = ForeignModel(path, model, session, image.name, kind, shape, bool(layout))
    scores, others = _find_scores(found, spec, names)
    return replace(found, scores=scores, others=others)


def _layouts(shape: tuple[int, int, int]) -> dict[int, tuple[tuple[int, ...], ...]]:
    """By the number of an input's dimensions, what may follow the first one; channels last comes second."""
    channels, height, width = shape
    grey = ((height, width),) if channels == 1 else ()
    return {4: (shape, (height, width, channels)), 3: grey, 2: ((channels * height * width,),)}


def _fits(found: tuple[int | str, ...], sizes: tuple[int, ...]) -> bool:
    return all(not isinstance(each, int) or each == size for each, size in zip(found, sizes, strict=True))


def _size(found: "onnx.TensorShapeProto.Dimension") -> int | str:
    return int(found.dim_value) if found.HasField("dim_value") else str(found.dim_param)


def _replace_maps(model: onnx.ModelProto) -> None:
    """Give the probabilities as a tensor, where a ZipMap, as sklearn-onnx writes it, makes a list of tables of them."""
    graph = model.graph
    given = {output.name: output for output in graph.output}
    for node in [node for node in graph.node if node.op_type == "ZipMap"]:
        if node.output[0] in given:
            graph.output.remove(given[node.output[0]])
            graph.output.append(helper.make_tensor_value_info(node.input[0], TensorProto.FLOAT, None))
        graph.node.remove(node)


def _find_scores(found: ForeignModel, spec: InputSpec, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The first output with a number a class, told by what it gives to a black image; and the others."""
    outputs = [output.name for output in found.session.get_outputs() if output.type.startswith("tensor(")]
    size = found.batch or 1
    answers = dict(zip(outputs, found._outputs(np.zeros((size, *spec.shape)), outputs), strict=True))
    fitting = [
        name
        for name, each in answers.items()
        if np.issubdtype(each.dtype, np.floating) and each.size == size * len(names) and len(each) == size
    ]
    if not fitting:
        given = ", ".join(f"{name} {each.dtype} {list(each.shape[1:])}" for name, each in answers.items())
        raise BadInput(f"{found.path} gives {given} an image, and {len(names)} classes are named")
    return fitting[0], tuple(name for name in outputs if name != fitting[0])


def _check_order(model: onnx.ModelProto, names: tuple[str, ...], path: Path) -> None:
    """Raise BadInput where a file names its classes, as sklearn-onnx's do, and in another order."""
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name.startswith("classlabels"):
                labels = [str(label) for label in attribute.ints] or [label.decode() for label in attribute.strings]
                if sorted(labels) == sorted(names) and labels != list(names):
                    raise BadInput(f"{path} has its classes in another order: write classes = {labels}")
