"""Seals an ONNX file of any origin: gives it mnistx's interface, metadata and a certificate of its own answers."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mnistx_export import __version__
from mnistx_export.foreign.model import ForeignModel, open_foreign
from mnistx_export.formats.onnx import least_ir_version
from mnistx_export.golden import golden_images
from mnistx_export.labelled_pictures import read_pictures
from mnistx_export.spec_file import SpecFile
from mnistx_export.spec_model import check_output
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.artifact.foreign_model import reason_against_path
from mnistx_runtime.artifact.metadata import INPUT, ITSELF, OUTPUT, Metadata, is_ours
from mnistx_runtime.artifact.onnx_check import check_onnx
from mnistx_runtime.artifact.onnx_file import read_props, write_props
from mnistx_runtime.artifact.onnx_graph import read_graph
from mnistx_runtime.artifact.parity import Tolerance, compare
from mnistx_runtime.artifact.sizes import require_size
from mnistx_runtime.artifact.verification import Verification, verify_loaded
from mnistx_runtime.backends.isolated import isolated_session
from mnistx_runtime.backends.ort import load_session
from mnistx_runtime.errors import ArtifactError, BadInput, VerificationFailed
from mnistx_runtime.system.files import write_whole
from mnistx_train.evaluation.inference import (
    LEAST_PROBABILITY,
    LOG_PROBABILITIES,
    LOGITS,
    PROBABILITIES,
    SUM_ATOL,
)


def seal_onnx(
    source: Path, described: SpecFile, out: Path, golden_from: Path | None = None, allow_foreign: bool = False
) -> Verification:
    """Write an ONNX file that predict, verify and benchmark serve, from one that any tool wrote.

    Args:
        source: takes one batch of images, normalized as the spec says, `(N, channels, height, width)`, `(N, height,
            width, channels)`, or flat; or pixels of 0 to 255 as whole numbers. One of its outputs is `(N, classes)`.
        described: its input, class names, and what its output means.
        out: the file to write.
        golden_from: a folder of pictures that may travel inside it, for its certificate.
        allow_foreign: see `mnistx_runtime.open_artifact`; what is sealed then may need it, see `foreign_reason`.

    Returns:
        What `verify` says of what was written.

    Raises:
        ArtifactError: the source can't be read or run.
        BadInput: it takes or gives something else than the spec says.
        VerificationFailed: what was written answers otherwise than the source.
    """
    if out.suffix != ".onnx":
        raise BadInput(f"{out}: a sealed ONNX file ends in .onnx")
    check_output(described)
    if is_ours(read_props(_bytes_of(source), str(source))):
        raise BadInput(f"{source} is sealed already: mnistx wrote it")
    foreign = open_foreign(source, described.spec, described.names, allow_foreign)
    golden = golden_images(
        described.spec, described.names, read_pictures(golden_from, described.spec) if golden_from else None
    )
    expected = _answers(foreign, described, golden.images)
    tolerance = _own_tolerance(foreign)
    data = write_props(wrap(foreign, described).SerializeToString(deterministic=True), {})
    session = load_session(data, source, allow_foreign)
    answers = np.concatenate([session.run([OUTPUT], {INPUT: image[None]})[0] for image in golden.images])
    found = compare(answers, expected, tolerance)
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
        requires=read_graph(data, str(source)).requires,
    )
    (sealed,) = seal(".onnx", {".onnx": data}, metadata, Certificate(golden.images, answers, tolerance)).values()
    write_whole(out, sealed)
    written = open_artifact(out, allow_foreign)
    with isolated_session(written, "ort") as session:
        return verify_loaded(written, session)


def foreign_reason(path: Path) -> str:
    """Why a sealed file is run only where its user allows it, see `allow_foreign`; empty where it needn't be."""
    try:
        check_onnx(path.read_bytes(), str(path))
    except ArtifactError as error:
        return str(error)
    return ""


def wrap(foreign: ForeignModel, described: SpecFile) -> onnx.ModelProto:
    """The model with the normalization in front and log-probabilities at its end, as every artifact has them.

    Args:
        foreign: see `seal_onnx`; its graph is changed.
        described: likewise.
    """
    model, graph = foreign.model, foreign.model.graph
    taken = {name for node in graph.node for name in (*node.input, *node.output)} | {t.name for t in graph.initializer}
    if {INPUT, OUTPUT} & (taken - {foreign.image, foreign.scores}):
        raise BadInput(f"the model calls something inside it {INPUT!r} or {OUTPUT!r}; rename that first")
    prefix, inner_in, inner_out = "mnistx_", "mnistx_normalized", "mnistx_answers"
    _rename(graph, foreign.image, inner_in)
    _rename(graph, foreign.scores, inner_out)
    mean, std = (np.array(v, np.float32).reshape(1, -1, 1, 1) for v in (described.spec.mean, described.spec.std))
    sizes = (foreign.batch or -1, *_inner_shape(foreign, described.spec.shape))
    constants = {"scale": np.float32(255), "mean": mean, "std": std, "least": np.float32(LEAST_PROBABILITY)}
    constants["sizes"] = np.array(sizes)
    last = INPUT
    steps: list[onnx.NodeProto] = []

    def append(operator: str, *others: str, **attributes: Any) -> None:
        nonlocal last
        given, last = last, f"{prefix}{len(steps)}"
        steps.append(helper.make_node(operator, [given, *(prefix + name for name in others)], [last], **attributes))

    if not foreign.takes_whole_numbers:
        append("Cast", to=TensorProto.FLOAT)
        append("Div", "scale")
        append("Sub", "mean")
        append("Div", "std")
    if foreign.channels_last:
        append("Transpose", perm=[0, 2, 3, 1])
    if len(foreign.shape) != len(described.spec.shape) + 1:
        append("Reshape", "sizes")
    append("Cast", to=foreign.kind)
    steps[-1].output[0], last = inner_in, inner_out
    _keep_needed(graph, inner_out)
    steps += graph.node
    append("Cast", to=TensorProto.FLOAT)
    append("Flatten", axis=1)
    if described.output == LOGITS:
        append("LogSoftmax", axis=1)
    elif described.output == PROBABILITIES:
        append("Max", "least")
        append("Log")
    steps[-1].output[0] = OUTPUT
    used = {name for node in steps for name in node.input}
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(steps)
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(v), prefix + n) for n, v in constants.items() if prefix + n in used
    )
    batch = foreign.batch or "batch"
    graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.UINT8, [batch, *described.spec.shape]))
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [batch, len(described.names)]))
    _lower_ir_version(model)
    return model


def _keep_needed(graph: onnx.GraphProto, output: str) -> None:
    """Remove the nodes and constants that an output doesn't depend on, such as sklearn's label beside its scores.

    Control flow reads values by their names from inside; where there is some, all stays.
    """
    if any(attribute.HasField("g") or attribute.graphs for node in graph.node for attribute in node.attribute):
        return
    needed, unneeded = {output}, list[onnx.NodeProto]()
    for node in reversed(graph.node):
        if needed & {*node.output}:
            needed |= {*node.input}
        else:
            unneeded.append(node)
    for node in unneeded:
        graph.node.remove(node)
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in needed]:
        graph.initializer.remove(tensor)


def _inner_shape(foreign: ForeignModel, shape: tuple[int, int, int]) -> tuple[int, ...]:
    """What follows the batch in a file's own input of two or three dimensions."""
    return shape[1:] if len(foreign.shape) == 3 else (shape[0] * shape[1] * shape[2],)


def _lower_ir_version(model: onnx.ModelProto) -> None:
    """Write the lowest version that the operators go with; one with functions, or of a newer ONNX, stays as it is."""
    with suppress(ValueError):
        if not model.functions:
            model.ir_version = least_ir_version(model.opset_import)


def _bytes_of(source: Path) -> bytes:
    if not source.is_file():
        raise ArtifactError(reason_against_path(source))
    require_size([source])
    return source.read_bytes()


def _own_tolerance(foreign: ForeignModel) -> Tolerance:
    """How far a file may answer from itself, alone or beside others, here or on another machine."""
    tolerance = foreign.tolerance
    return Tolerance(tolerance.own_atol or tolerance.atol, tolerance.changed)


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Rename a value wherever it is written and read, in the branches and bodies of control flow, too."""
    for node in graph.node:
        for names in (node.input, node.output):
            for at, name in enumerate(names):
                if name == old:
                    names[at] = new
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                _rename(inner, old, new)


def _answers(foreign: ForeignModel, described: SpecFile, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the file itself answers to images that are normalized outside of it, as log-probabilities.

    Raises:
        BadInput: it takes or gives something else than the spec says.
    """
    spec, source = described.spec, foreign.path
    if foreign.batch not in (None, 1):
        raise BadInput(f"{source} takes {foreign.batch} images at a time; a batch of 1, or of any size, can be sealed")
    if foreign.takes_whole_numbers:
        if any(spec.mean) or any(abs(std * 255 - 1) > 1e-3 for std in spec.std):
            raise BadInput(f"{source} takes pixels of 0 to 255: write mean = 0 and std = {1 / 255} in {described.path}")
        pixels: NDArray[Any] = images
    else:
        mean, std = (np.array(v, np.float32).reshape(1, -1, 1, 1) for v in (spec.mean, spec.std))
        pixels = (images.astype(np.float32) / np.float32(255) - mean) / std
    found = np.concatenate([foreign.run(each[None]) for each in pixels])
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
