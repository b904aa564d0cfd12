"""Seals an ONNX file of any origin: gives it mnistx's interface, metadata and a certificate of its own answers."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mnistx_export import __version__
from mnistx_export.golden import golden_images
from mnistx_export.labelled_pictures import read_pictures
from mnistx_export.spec_file import SpecFile
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import seal
from mnistx_runtime.artifact.metadata import INPUT, ITSELF, OUTPUT, Metadata
from mnistx_runtime.artifact.onnx_file import write_props
from mnistx_runtime.artifact.parity import FLOAT32, compare
from mnistx_runtime.artifact.verification import Verification, verify
from mnistx_runtime.backends.ort import load_session
from mnistx_runtime.errors import ArtifactError, BadInput, VerificationFailed
from mnistx_runtime.files import write_whole
from mnistx_train.errors import first_line
from mnistx_train.evaluation.inference import LEAST_PROBABILITY, LOG_PROBABILITIES, LOGITS, OUTPUTS, SUM_ATOL

_TYPES: dict[int, type] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.FLOAT16: np.float16,
    TensorProto.DOUBLE: np.float64,
}


def seal_onnx(source: Path, described: SpecFile, out: Path, golden_from: Path | None = None) -> Verification:
    """Write an ONNX file that predict, verify and benchmark serve, from one that any tool wrote.

    Args:
        source: takes one batch of images, normalized as the spec says, `(N, channels, height, width)` or `(N, height,
            width, channels)`, and gives `(N, classes)`.
        described: its input, class names, and what its output means.
        out: the file to write.
        golden_from: a folder of pictures that may travel inside it, for its certificate.

    Returns:
        What `verify` says of what was written.

    Raises:
        ArtifactError: the source can't be read or run.
        BadInput: it takes or gives something else than the spec says.
        VerificationFailed: what was written answers otherwise than the source.
    """
    if out.suffix != ".onnx":
        raise BadInput(f"{out}: a sealed ONNX file ends in .onnx")
    if described.output not in OUTPUTS:
        raise BadInput(f"{described.path}: output must be one of {', '.join(OUTPUTS)}, not {described.output!r}")
    model = _load(source)
    golden = golden_images(
        described.spec, described.names, read_pictures(golden_from, described.spec) if golden_from else None
    )
    expected = _answers(model, source, described, golden.images)
    data = write_props(wrap(model, described).SerializeToString(deterministic=True), {})
    session = load_session(data, source)
    answers = (
        session.run([OUTPUT], {INPUT: golden.images})[0]
        if _is_free(model)
        else np.concatenate([session.run([OUTPUT], {INPUT: image[None]})[0] for image in golden.images])
    )
    found = compare(answers, expected, FLOAT32)
    if not found.passed:
        raise VerificationFailed(f"{out} was not kept: with mnistx's interface {source} answers otherwise: {found}")
    metadata = Metadata(
        names=described.names,
        input=described.spec,
        description=described.about.get("description", f"Image classifier from {source.name}"),
        toolkit_version=__version__,
        dataset=described.about.get("dataset", ""),
        license=described.about.get("license", ""),
        reference=ITSELF,
    )
    (sealed,) = seal(".onnx", {".onnx": data}, metadata, Certificate(golden.images, answers)).values()
    write_whole(out, sealed)
    return verify(out)


def wrap(model: onnx.ModelProto, described: SpecFile) -> onnx.ModelProto:
    """The model with the normalization in front and log-probabilities at its end, as every artifact has them.

    Args:
        model: see `seal_onnx`; it is changed.
        described: likewise.
    """
    graph, (image, output) = model.graph, _ends(model)
    taken = {name for node in graph.node for name in (*node.input, *node.output)} | {t.name for t in graph.initializer}
    if {INPUT, OUTPUT} & (taken - {image.name, output.name}):
        raise BadInput(f"the model calls something inside it {INPUT!r} or {OUTPUT!r}; rename that first")
    kind = image.type.tensor_type.elem_type
    shape = [_dimension(d) for d in image.type.tensor_type.shape.dim]
    channels_last = shape[1:] == [*described.spec.shape[1:], described.spec.channels]
    prefix, inner_in, inner_out = "mnistx_", "mnistx_normalized", "mnistx_answers"
    _rename(graph, image.name, inner_in)
    _rename(graph, output.name, inner_out)
    mean, std = (np.array(v, np.float32).reshape(1, -1, 1, 1) for v in (described.spec.mean, described.spec.std))
    constants = {"scale": np.float32(255), "mean": mean, "std": std, "least": np.float32(LEAST_PROBABILITY)}
    steps = [
        helper.make_node("Cast", [INPUT], [f"{prefix}pixels"], to=TensorProto.FLOAT),
        helper.make_node("Div", [f"{prefix}pixels", f"{prefix}scale"], [f"{prefix}scaled"]),
        helper.make_node("Sub", [f"{prefix}scaled", f"{prefix}mean"], [f"{prefix}centered"]),
        helper.make_node("Div", [f"{prefix}centered", f"{prefix}std"], [f"{prefix}divided"]),
    ]
    last = f"{prefix}divided"
    if channels_last:
        steps.append(helper.make_node("Transpose", [last], [f"{prefix}last"], perm=[0, 2, 3, 1]))
        last = f"{prefix}last"
    steps.append(helper.make_node("Cast", [last], [inner_in], to=kind))
    ends = [helper.make_node("Cast", [inner_out], [f"{prefix}float"], to=TensorProto.FLOAT)]
    if described.output == LOGITS:
        ends.append(helper.make_node("LogSoftmax", [f"{prefix}float"], [OUTPUT], axis=1))
    elif described.output == LOG_PROBABILITIES:
        ends.append(helper.make_node("Identity", [f"{prefix}float"], [OUTPUT]))
    else:
        ends.append(helper.make_node("Max", [f"{prefix}float", f"{prefix}least"], [f"{prefix}above"]))
        ends.append(helper.make_node("Log", [f"{prefix}above"], [OUTPUT]))
    nodes = [*steps, *graph.node, *ends]
    used = {name for node in nodes for name in node.input}
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(v), prefix + n) for n, v in constants.items() if prefix + n in used
    )
    batch = "batch" if not isinstance(shape[0], int) else shape[0]
    graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.UINT8, [batch, *described.spec.shape]))
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [batch, len(described.names)]))
    return model


def _load(path: Path) -> onnx.ModelProto:
    """The model, with weights that lie in other files taken into it."""
    if not path.is_file():
        raise ArtifactError(f"{path}: no such model file")
    try:
        model = onnx.load(path)
    except Exception as error:
        raise ArtifactError(f"{path} is not a readable ONNX model: {first_line(error)}") from error
    if any(entry.key == "schema_version" for entry in model.metadata_props):
        raise BadInput(f"{path} is sealed already: mnistx wrote it")
    return model


def _ends(model: onnx.ModelProto) -> tuple[onnx.ValueInfoProto, onnx.ValueInfoProto]:
    """The one input and the one output."""
    initialized = {tensor.name for tensor in model.graph.initializer}
    inputs = [given for given in model.graph.input if given.name not in initialized]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        told = f"{len(inputs)} inputs and {len(model.graph.output)} outputs"
        raise BadInput(f"the model has {told}; one batch of images in, one row of classes out is what can be sealed")
    return inputs[0], model.graph.output[0]


def _is_free(model: onnx.ModelProto) -> bool:
    """Whether the batch is free."""
    return not isinstance(_dimension(model.graph.input[0].type.tensor_type.shape.dim[0]), int)


def _dimension(found: "onnx.TensorShapeProto.Dimension") -> int | str:
    return found.dim_value if found.HasField("dim_value") else found.dim_param


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for at, name in enumerate(names):
                if name == old:
                    names[at] = new


def _answers(
    model: onnx.ModelProto, source: Path, described: SpecFile, images: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """What the file itself answers to images that are normalized outside of it, as log-probabilities.

    Raises:
        BadInput: it takes or gives something else than the spec says.
    """
    image, output = _ends(model)
    spec = described.spec
    shape = [_dimension(d) for d in image.type.tensor_type.shape.dim]
    first, last = list(spec.shape), [*spec.shape[1:], spec.channels]
    fits = len(shape) == 4 and any(
        all(not isinstance(d, int) or d == w for d, w in zip(shape[1:], wanted, strict=True))
        for wanted in (first, last)
    )
    kind = _TYPES.get(image.type.tensor_type.elem_type)
    if not fits or kind is None or (isinstance(shape[0], int) and shape[0] != 1):
        name = TensorProto.DataType.Name(image.type.tensor_type.elem_type)
        raise BadInput(
            f"{source} takes {image.name} {name} {shape}; the spec says float images {['N', *first]} or "
            f"{['N', *last]}, N free or 1"
        )
    mean, std = (np.array(v, np.float32).reshape(1, -1, 1, 1) for v in (spec.mean, spec.std))
    pixels = (images.astype(np.float32) / np.float32(255) - mean) / std
    if shape[1:] == last and first != last:
        pixels = pixels.transpose(0, 2, 3, 1)
    session = load_session(model.SerializeToString(), source)
    try:
        rows = [session.run([output.name], {image.name: np.ascontiguousarray(p[None], kind)})[0] for p in pixels]
    except Exception as error:
        raise ArtifactError(f"{source} can't be run on such images: {first_line(error)}") from error
    found = np.concatenate(rows).astype(np.float64)
    if found.ndim != 2 or found.shape[1] != len(described.names):
        raise BadInput(
            f"{source} gives {found.shape[1:]} numbers an image, and {len(described.names)} classes are named"
        )
    if not np.isfinite(found).all():
        raise BadInput(f"{source} gives NaN or infinite numbers")
    return _log_probs(found, described.output, source).astype(np.float32)


def _log_probs(rows: NDArray[np.float64], output: str, source: Path) -> NDArray[np.float64]:
    if output == LOGITS:
        if (rows >= 0).all() and np.abs(rows.sum(1) - 1).max() < SUM_ATOL:
            raise BadInput(f'{source}: output is declared as logits, and its rows look like probabilities: '
                           'write output = "probabilities"')  # fmt: skip
        return np.asarray(rows - np.logaddexp.reduce(rows, axis=1, keepdims=True))
    sums = (np.exp(rows) if output == LOG_PROBABILITIES else rows).sum(1)
    if np.abs(sums - 1).max() > SUM_ATOL:
        raise BadInput(f"{source}: output is declared as {output}, and its rows don't sum to 1 but to {sums[0]:.4g}")
    return rows if output == LOG_PROBABILITIES else np.asarray(np.log(np.maximum(rows, LEAST_PROBABILITY)))
