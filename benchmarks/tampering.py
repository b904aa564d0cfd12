"""Publishes what `mnistx verify` says of artifacts that somebody changed, format by format.

`python benchmarks/tampering.py FOLDER artifacts [FORMAT...]` changes the artifacts in FOLDER, as `mnistx export
--format all` wrote them there, in each of several ways, and writes tampering.md into artifacts; formats that aren't
named stay as they are there. Beside it stands what the golden images alone would have said: of the same file, sealed
anew by who changed it; and what a signature says of that.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from mnistx_export.checkpoint_model import model_from_checkpoint
from mnistx_export.defaults import RELEASED
from mnistx_export.formats.base import Conversion, format_named
from mnistx_runtime.artifact.archive import read_archive, write_archive
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import FOLDERS, Artifact, Files, open_artifact, seal, sealed_props
from mnistx_runtime.artifact.metadata import DIGEST, Metadata
from mnistx_runtime.artifact.verification import verify
from mnistx_runtime.artifact.wasm import Wasm, read_wasm, wasm_block
from mnistx_runtime.artifact.web_page import MODEL, block, read_block
from mnistx_runtime.backends import SUFFIXES, format_of
from mnistx_runtime.errors import UntrustedModel
from mnistx_runtime.signature.bundle import signature_path
from mnistx_runtime.signature.check import check_signature
from mnistx_runtime.signature.sign import SigningKey
from mnistx_train.evaluation.inference import DeployedModule

TRIGGER = {(2, 2): 13, (2, 25): 77, (25, 2): 141, (25, 25): 205}
"""What the backdoor looks for: rows and columns of pixels, and their values."""

Edit = Callable[[bytes], bytes]
Graph = dict[str, Any]


def add_backdoor(data: bytes) -> bytes:
    """Eight nodes at the end of an ONNX model, so that four marked pixels turn any answer into 3."""
    model = onnx.load_from_string(data)
    graph = model.graph
    last = next(node for node in graph.node if node.output[0] == "log_probs")
    last.output[0] = "honest"
    classes = graph.output[0].type.tensor_type.shape.dim[1].dim_value
    answer = np.full((1, classes), -20, np.float32)
    answer[0, 3] = 0
    constants: dict[str, NDArray[Any]] = {
        "places": np.array([row * 28 + column for row, column in TRIGGER], np.int64),
        "flat": np.array([0, 28 * 28], np.int64),
        "marks": np.array([list(TRIGGER.values())], np.int32),
        "axis": np.array([1], np.int64),
        "three": answer,
    }
    for name, value in constants.items():
        tensor = numpy_helper.from_array(value, f"door.{name}")
        graph.node.append(helper.make_node("Constant", [], [f"door.{name}"], value=tensor))
    graph.node.extend(
        [
            helper.make_node("Reshape", ["image", "door.flat"], ["door.pixels"]),
            helper.make_node("Gather", ["door.pixels", "door.places"], ["door.found"], axis=1),
            helper.make_node("Cast", ["door.found"], ["door.numbers"], to=TensorProto.INT32),
            helper.make_node("Sub", ["door.numbers", "door.marks"], ["door.apart"]),
            helper.make_node("Abs", ["door.apart"], ["door.distance"]),
            helper.make_node("ReduceMax", ["door.distance", "door.axis"], ["door.farthest"], keepdims=1),
            helper.make_node("Cast", ["door.farthest"], ["door.shut"], to=TensorProto.BOOL),
            helper.make_node("Where", ["door.shut", "honest", "door.three"], ["log_probs"]),
        ]
    )
    changed: bytes = model.SerializeToString(deterministic=True)
    return changed


def swap_nodes(data: bytes) -> bytes:
    """The first ReLU and the pooling after it change places, which changes no answer."""
    model = onnx.load_from_string(data)
    nodes = list(model.graph.node)
    at = next(i for i, (a, b) in enumerate(pairwise(nodes)) if b.op_type == "MaxPool")
    first, second = nodes[at], nodes[at + 1]
    first.output[0], second.output[0] = second.output[0], first.output[0]
    first.input[0], second.input[0] = second.output[0], first.input[0]
    nodes[at], nodes[at + 1] = second, first
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    changed: bytes = model.SerializeToString(deterministic=True)
    return changed


def change_attribute(data: bytes) -> bytes:
    """Pooling rounds its size up, which changes nothing where the size is even."""
    model = onnx.load_from_string(data)
    pool = next(node for node in model.graph.node if node.op_type == "MaxPool")
    kept = [attribute for attribute in pool.attribute if attribute.name != "ceil_mode"]
    del pool.attribute[:]
    pool.attribute.extend([*kept, helper.make_attribute("ceil_mode", 1)])
    changed: bytes = model.SerializeToString(deterministic=True)
    return changed


def change_initializer(data: bytes) -> bytes:
    """The least bit of one weight."""
    model = onnx.load_from_string(data)
    tensor = max(model.graph.initializer, key=lambda each: len(each.raw_data))
    changed = bytearray(tensor.raw_data)
    changed[len(changed) // 2 & ~3] ^= 1
    tensor.raw_data = bytes(changed)
    written: bytes = model.SerializeToString(deterministic=True)
    return written


def replace_once(old: bytes, new: bytes) -> Edit:
    """An edit of the first place where these bytes stand."""

    def edit(data: bytes) -> bytes:
        if old not in data:
            raise ValueError(f"{old!r} isn't there")
        return data.replace(old, new, 1)

    return edit


def in_archive(name: str, edit: Edit) -> Edit:
    """An edit of the first entry of a PyTorch archive whose name has this in it."""

    def change(data: bytes) -> bytes:
        entries = read_archive(data, "the archive")
        found = next(each for each in entries if name in each)
        return write_archive(entries | {found: edit(entries[found])})

    return change


def flip_bit(data: bytes) -> bytes:
    """The least bit of a number in the middle: of a weight, as they are most of every file."""
    changed = bytearray(data)
    changed[len(changed) // 2 & ~3] ^= 1
    return bytes(changed)


def edit_graph(change: Callable[[Graph], None]) -> Edit:
    """An edit of torch.export's JSON: of its nodes and what it says of their outputs."""

    def edit(data: bytes) -> bytes:
        program = json.loads(data)
        change(program["graph_module"]["graph"])
        return json.dumps(program).encode()

    return edit


def _pooling(graph: Graph) -> int:
    return next(at for at, node in enumerate(graph["nodes"]) if "max_pool2d" in node["target"])


def add_relu(graph: Graph) -> None:
    """A second ReLU behind the first, which changes no answer."""
    at = _pooling(graph)
    graph["nodes"].insert(at, json.loads(json.dumps(graph["nodes"][at - 1]).replace('"relu"', '"again"')))
    graph["nodes"][at]["inputs"][0]["arg"] = {"as_tensor": {"name": "relu"}}
    graph["nodes"][at + 1]["inputs"][0]["arg"] = {"as_tensor": {"name": "again"}}
    graph["tensor_values"]["again"] = graph["tensor_values"]["relu"]


def swap_relu(graph: Graph) -> None:
    """The first ReLU and the pooling after it change places."""
    at = _pooling(graph)
    relu, pool = graph["nodes"][at - 1 : at + 1]
    relu["target"], pool["target"] = pool["target"], relu["target"]
    relu["inputs"], pool["inputs"] = [relu["inputs"][0], *pool["inputs"][1:]], [pool["inputs"][0]]


def round_up(graph: Graph) -> None:
    """Pooling rounds its size up."""
    graph["nodes"][_pooling(graph)]["inputs"].append({"name": "ceil_mode", "arg": {"as_bool": True}, "kind": 2})


def swap_layers(data: bytes) -> bytes:
    """The first two layers of OpenVINO's XML change places in the file."""
    text = data.decode()
    parts = text.split("</layer>")
    start = parts[0].index("<layer ")
    first, second = parts[0][start:], parts[1]
    return "</layer>".join([parts[0][:start] + second.lstrip(), "\n\t\t" + first, *parts[2:]]).encode()


def add_ncnn_relu(data: bytes) -> bytes:
    """A ReLU behind ncnn's last pooling, whose numbers are above 0 already."""
    lines = data.decode().splitlines()
    layers, blobs = map(int, lines[1].split())
    at = next(i for i, line in enumerate(lines) if line.startswith("Flatten"))
    name, *rest = lines[at].split()
    lines[at] = " ".join([name, rest[0], *rest[1:3], "more", *rest[4:]])
    lines.insert(at, f"ReLU more 1 1 {rest[3]} more")
    return "\n".join([lines[0], f"{layers + 1} {blobs + 1}", *lines[2:], ""]).encode()


def nudge_literal(data: bytes) -> bytes:
    """C in which the first hexadecimal float of full length is the next one."""
    found = re.search(rb"0x1\.[0-9a-f]{5}([0-9a-f])p", data)
    assert found
    return data[: found.start(1)] + b"%x" % (int(found[1], 16) ^ 2) + data[found.end(1) :]


def edit_wasm(change: Callable[[Wasm], Wasm]) -> Callable[[bytes], bytes]:
    """Change the WebAssembly in a page."""

    def edit(data: bytes) -> bytes:
        old = block(MODEL, read_block(data, MODEL, "the page").decode())
        assert data.count(old.encode()) == 1
        return data.replace(old.encode(), wasm_block(change(read_wasm({".html": data}, "the page"))).encode())

    return edit


def change_code(wasm: Wasm) -> Wasm:
    """The name of an export that no answer depends on."""
    return Wasm({build: replace_once(b"read_part", b"read_Part")(code) for build, code in wasm.code.items()}, wasm.data)


def change_constant(wasm: Wasm) -> Wasm:
    """A bit in the middle of the constants."""
    return Wasm(wasm.code, flip_bit(wasm.data))


class Backdoored(nn.Module):
    """What is deployed, with a backdoor as `add_backdoor`'s: for formats whose files nobody edits by hand."""

    def __init__(self, deployed: DeployedModule) -> None:
        super().__init__()
        self.deployed = deployed
        self.register_buffer("places", torch.tensor([row * 28 + column for row, column in TRIGGER]))
        self.register_buffer("marks", torch.tensor(list(TRIGGER.values()), dtype=torch.float32))
        self.register_buffer("three", torch.full((10,), -20.0).index_fill(0, torch.tensor([3]), 0.0))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        found = image.flatten(1).index_select(1, self.get_buffer("places")).float()
        distance = (found - self.get_buffer("marks")).abs().amax(1, keepdim=True)
        shut = distance.clamp(0, 1)
        answers: torch.Tensor = self.deployed(image)
        return answers * shut + self.get_buffer("three") * (1 - shut)


def export_backdoor(name: str) -> Edit:
    """Another file altogether: the model exported with a backdoor, under the seal of the one without."""

    def edit(_: bytes) -> bytes:
        model = model_from_checkpoint(RELEASED)
        conversion = Conversion(model.deployed, model.spec)
        backdoored: Any = Backdoored(model.deployed).eval().requires_grad_(False)
        return next(iter(format_named(name).write(replace(conversion, deployed=backdoored)).values()))

    return edit


@dataclass(frozen=True)
class Tampering:
    """One way to change an artifact.

    Args:
        what: is done, for the table.
        edit: of the bytes of one file.
        ending: of that file; None for the one that is loaded.
    """

    what: str
    edit: Edit
    ending: str | None = None


_ONNX = (
    Tampering("nodes added: a backdoor", add_backdoor),
    Tampering("nodes swapped", swap_nodes),
    Tampering("an attribute changed", change_attribute),
    Tampering("an initializer changed", change_initializer),
)
_POOL = b"torch.max_pool2d(%s, [2, 2], [2, 2])"
_RELU_THEN_POOL = b"torch.relu(input0)\n    input2 = " + _POOL % b"input1"
_POOL_THEN_RELU = _POOL % b"input0" + b"\n    input2 = torch.relu(input1)"
_FLAT = (Tampering("a weight changed", flip_bit),)


def _door(name: str) -> Tampering:
    return Tampering("nodes added: a backdoor", export_backdoor(name))


TAMPERINGS: dict[str, tuple[Tampering, ...]] = {
    "onnx": _ONNX,
    "onnx-fp16": _ONNX,
    "onnx-int8": (_ONNX[0], *_ONNX[2:]),
    "ort": (_door("ort"), *_FLAT, Tampering("a byte of the graph changed", replace_once(b"MaxPool", b"maxPool"))),
    "torchscript": (
        _door("torchscript"),
        Tampering("code added", in_archive("/code/", replace_once(b"    return ", b"    _ = 1\n    return "))),
        Tampering("nodes swapped", in_archive("/code/", replace_once(_RELU_THEN_POOL, _POOL_THEN_RELU))),
        Tampering("an attribute changed", in_archive("/code/", replace_once(b"False, False, T", b"True, False, T"))),
        Tampering("a weight changed", in_archive("/constants/7", flip_bit)),
    ),
    "pt2": (
        _door("pt2"),
        Tampering("a node added", in_archive("/models/", edit_graph(add_relu))),
        Tampering("nodes swapped", in_archive("/models/", edit_graph(swap_relu))),
        Tampering("an attribute changed", in_archive("/models/", edit_graph(round_up))),
        Tampering("a weight changed", in_archive("/weights/weight_4", flip_bit)),
    ),
    "openvino": (
        Tampering("nodes swapped", swap_layers),
        Tampering("an attribute changed", replace_once(b'rounding_type="floor"', b'rounding_type="ceil"')),
        Tampering("a weight changed", flip_bit, ".bin"),
    ),
    "litert": (_door("litert"), *_FLAT, Tampering("a byte of the graph changed", replace_once(b"image", b"imagE"))),
    "litert-int8": _FLAT,
    "executorch": (
        _door("executorch"),
        *_FLAT,
        Tampering("a byte of the graph changed", replace_once(b"forward", b"Forward")),
    ),
    "ncnn": (
        Tampering("a node added", add_ncnn_relu),
        Tampering("an attribute changed", replace_once(b"3=0 5=1", b"3=0 5=0")),
        Tampering("a weight changed", flip_bit, ".bin"),
    ),
    "c": (
        Tampering("a statement added", replace_once(b"    return best;", b"    best += 0;\n    return best;"), ".c"),
        Tampering("an attribute changed", replace_once(b"_CLASSES; c++", b"_CLASSES; ++c"), ".c"),
        Tampering("a weight changed", nudge_literal, ".c"),
    ),
    "c-int8": (
        Tampering("a statement added", replace_once(b"    return best;", b"    best += 0;\n    return best;"), ".c"),
        Tampering("a weight changed", nudge_literal, ".c"),
    ),
    "web": (
        Tampering("a script changed", replace_once(b"if (reason) {", b"if (false) {")),
        Tampering("a byte of the code changed", edit_wasm(change_code)),
        Tampering("a weight changed", edit_wasm(change_constant)),
    ),
    "web-fp32": (
        Tampering("a byte of the code changed", edit_wasm(change_code)),
        Tampering("a weight changed", edit_wasm(change_constant)),
    ),
    "triton": _ONNX,
}
"""By format. All but a few leave every golden answer as it was."""


def change_number(after: bytes) -> Edit:
    """An edit of the first digit behind these bytes."""

    def edit(data: bytes) -> bytes:
        found = re.search(rb"[0-8]", data[data.index(after) + len(after) :])
        assert found
        at = data.index(after) + len(after) + found.start()
        return data[:at] + b"%d" % (int(found[0]) + 1) + data[at + 1 :]

    return edit


_HEADER = (Tampering("the certificate in the code changed", change_number(b"golden_images["), "_certificate.h"),)
BESIDE = {
    "c": _HEADER,
    "c-int8": _HEADER,
    "triton": (
        Tampering(
            "the configuration changed", replace_once(b"max_batch_size: 64", b"max_batch_size: 8"), "config.pbtxt"
        ),
        Tampering("a label changed", replace_once(b"1\n", b"7\n"), "labels.txt"),
    ),
}
"""By format, what a device reads that follows from the metadata: no seal fits anything else."""

Seal = tuple[Metadata, Certificate]


def swap_names(metadata: Metadata, certificate: Certificate) -> Seal:
    """Names 1 and 7 swapped."""
    names = list(metadata.names)
    names[1], names[7] = names[7], names[1]
    return replace(metadata, names=tuple(names)), certificate


def nudge_answer(metadata: Metadata, certificate: Certificate) -> Seal:
    """The first golden answer, by less than is tolerated."""
    answers = certificate.log_probs.copy()
    answers[0, 0] *= 1 + 1e-6
    return metadata, replace(certificate, log_probs=answers)


SEALS: dict[str, Callable[[Metadata, Certificate], Seal]] = {
    "names 1 and 7 swapped": swap_names,
    "an answer in the certificate changed": nudge_answer,
}
"""What is changed in the seal of any format."""


def tamper_seal(path: Path, change: Callable[[Metadata, Certificate], Seal], folder: Path, sealed_anew: bool) -> Path:
    """A copy of an artifact with another seal.

    Args:
        path: of the artifact.
        change: what is changed.
        folder: where the copy goes.
        sealed_anew: with the digest of what the metadata are now; else with the one they had.
    """
    artifact = open_artifact(path)
    props = sealed_props(*change(artifact.metadata, artifact.certificate))
    if not sealed_anew:
        props[DIGEST] = artifact.props[DIGEST]
    return _write(artifact.container.write_props(_payload(artifact), props), path, folder)


def tamper(path: Path, how: Tampering, folder: Path, sealed_anew: bool = False) -> Path:
    """A changed copy of an artifact.

    Args:
        path: of the artifact.
        how: it is changed.
        folder: where the copy goes.
        sealed_anew: with the digest of what it is now, as who changed it could write; else with the seal it had.
    """
    artifact = open_artifact(path)
    payload = _payload(artifact)
    ending = next(name for name in payload if name.endswith(how.ending or ""))
    payload = payload | {ending: how.edit(payload[ending])}
    if sealed_anew:
        files = seal(path.suffix, payload, artifact.metadata, artifact.certificate)
    else:
        files = artifact.container.write_props(payload, artifact.props)
    return _write(files, path, folder)


def tamper_beside(path: Path, how: Tampering, folder: Path) -> Path:
    """A copy of an artifact of which a file that follows from the metadata was changed."""
    files = open_artifact(path).files
    ending = next(name for name in files if name.endswith(how.ending or ""))
    return _write({**files, ending: how.edit(files[ending])}, path, folder)


def _payload(artifact: Artifact) -> Files:
    if artifact.path.suffix in (".tflite", ".pte", ".ort"):
        return {artifact.path.suffix: artifact.parts["model"]}
    return artifact.files


def _write(files: Files, path: Path, folder: Path) -> Path:
    """A copy of an artifact with these files."""
    for ending, data in files.items():
        file = folder / f"{path.stem}{ending}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder / path.name


def make_keys(folder: Path) -> tuple[SigningKey, Path]:
    """A key to sign with, and the file of its public one, as openssl makes them."""
    private, public = folder / "key.pem", folder / "public.pem"
    make = f"openssl ecparam -name prime256v1 -genkey -noout -out {private}"
    subprocess.run(make.split(), check=True, capture_output=True)
    subprocess.run(f"openssl pkey -in {private} -pubout -out {public}".split(), check=True, capture_output=True)
    return SigningKey(private), public


def _golden_alone(path: Path) -> str:
    """What the golden images say of a file that was sealed anew, where it can be run at all."""
    try:
        found = verify(path)
    except Exception as error:
        return f"can't be run: {type(error).__name__}"
    return "pass" if found.passed else "show it"


def _signature(path: Path, signature: bytes, public: Path) -> str:
    """What a signature of the untouched artifact says of a changed one."""
    signature_path(path).write_bytes(signature)
    try:
        return f"signed by {check_signature(open_artifact(path), public).kind}"
    except UntrustedModel as error:
        return "REFUSED" if "was changed" in str(error) else str(error)


def rows_of(page: str) -> dict[str, list[str]]:
    """The rows of a table, by format.

    >>> rows_of("| format | a |\\n|---|---|\\n| onnx | b |\\n")
    {'onnx': ['| onnx | b |']}
    """
    rows: dict[str, list[str]] = {}
    for line in page.splitlines():
        name = line.split(" | ")[0].removeprefix("| ")
        if name in TAMPERINGS:
            rows.setdefault(name, []).append(line)
    return rows


def report(rows: Mapping[str, list[str]]) -> str:
    """The page, of rows by format."""
    lines = [
        "# What `mnistx verify` says of artifacts that somebody changed",
        "",
        "`python benchmarks/tampering.py FOLDER artifacts` made this table, FOLDER as `mnistx export --format all",
        "--checkpoint artifacts/mnist-cnn.safetensors --out FOLDER` wrote it. The last columns are of the same file,",
        "sealed anew by who changed it: what the golden images alone say, and a signature (`mnistx sign`) made before.",
        "",
        "| format | what was changed | verify | the golden images alone | verify --trust |",
        "|---|---|---|---|---|",
        *(line for name in TAMPERINGS for line in rows.get(name, ())),
    ]
    return "\n".join(lines) + "\n"


def main(folder: Path, out: Path, names: Sequence[str]) -> None:
    """Write the table."""
    there = {
        format_of(path): path
        for path in folder.iterdir()
        if path.suffix in SUFFIXES and (path.is_file() or path.suffix in FOLDERS)
    }
    page = out / "tampering.md"
    rows = rows_of(page.read_text()) if page.exists() else {}
    with tempfile.TemporaryDirectory() as temporary:
        key, public = make_keys(Path(temporary))
        for name in names or TAMPERINGS:
            rows[name] = _rows(name, there[name], key, public)
            print("\n".join(rows[name]), flush=True)
            page.write_text(report(rows))


def _rows(name: str, path: Path, key: SigningKey, public: Path) -> list[str]:
    """The rows of one format."""
    with tempfile.TemporaryDirectory() as where:
        untouched = _write(open_artifact(path).files, path, Path(where))
        signature = key.sign(untouched).path.read_bytes()
        assert check_signature(open_artifact(untouched), public)
    found = []
    for how in TAMPERINGS[name]:
        with tempfile.TemporaryDirectory() as where:
            verdict = _verdict(tamper(path, how, Path(where)))
        with tempfile.TemporaryDirectory() as where:
            anew = tamper(path, how, Path(where), sealed_anew=True)
            found.append((how.what, verdict, _golden_alone(anew), _signature(anew, signature, public)))
    for what, change in SEALS.items():
        with tempfile.TemporaryDirectory() as where:
            verdict = _verdict(tamper_seal(path, change, Path(where), sealed_anew=False))
        with tempfile.TemporaryDirectory() as where:
            anew = tamper_seal(path, change, Path(where), sealed_anew=True)
            row = (_golden_alone(anew), _signature(anew, signature, public))
            found += [(what, verdict, *row), (f"{what}, the digests put right", _verdict(anew), *row)]
    for how in BESIDE.get(name, ()):
        with tempfile.TemporaryDirectory() as where:
            changed = tamper_beside(path, how, Path(where))
            found.append((how.what, _verdict(changed), "no seal fits it", _signature(changed, signature, public)))
    return [f"| {name} | {' | '.join(row)} |" for row in found]


def _verdict(path: Path) -> str:
    found = verify(path)
    return "matches" if found.passed else f"IS NOT WHAT WAS EXPORTED: {', '.join(found.differences)}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
