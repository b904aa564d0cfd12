"""Models that are damaged, changed, another tool's, or made to do harm."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from bad.case import Case, both, edit, empty, half, pipe, write
from mnistx_runtime.artifact.archive import read_archive, write_archive
from mnistx_runtime.artifact.container import open_artifact, seal
from tampering import flip_bit, in_archive, replace_once

_ENDINGS = {
    "onnx": "ort",
    "ort": "ort",
    "torchscript": "torchscript",
    "pt2": "pt2",
    "xml": "openvino",
    "tflite": "litert",
    "pte": "executorch",
    "ncnn.param": "ncnn",
}
_MORE = {"xml": ("bin", "json"), "ncnn.param": ("ncnn.bin", "ncnn.json")}


def _companions(ending: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        for each in _MORE.get(ending, ()):
            shutil.copy(folder / f"good/m.{each}", folder / f"m.{each}")

    return make


def _changed(ending: str, change: Callable[[bytes], bytes], part: str = "") -> Callable[[Path], object]:
    """A copy of an artifact in which one of its files is changed."""
    return both(
        lambda folder: shutil.copy(folder / f"good/m.{ending}", folder / f"m.{ending}"),
        _companions(ending),
        edit(f"m.{part or ending}", f"m.{part or ending}", change),
    )


def _resealed(ending: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    """A changed artifact with the digests of what it is now."""

    def make(folder: Path) -> None:
        artifact = open_artifact(folder / f"good/m.{ending}")
        payload = dict(artifact.files)
        first = next(iter(payload))
        payload[first] = change(artifact.parts["model"] if "model" in artifact.parts else payload[first])
        for name, data in seal(f".{ending}", payload, artifact.metadata, artifact.certificate).items():
            (folder / f"{artifact.path.stem}{name}").write_bytes(data)

    return make


def _predict(ending: str) -> str:
    runtime = "" if _ENDINGS[ending] == "ort" else f" --runtime {_ENDINGS[ending]}"
    return f"mnistx predict good/three.jpg --model m.{ending}{runtime}"


def _metadata(change: Callable[[dict[str, str]], object]) -> Callable[[Path], object]:
    """The model with other properties, whatever they are worth."""

    def make(folder: Path) -> None:
        artifact = open_artifact(folder / "good/m.onnx")
        props = dict(artifact.props)
        change(props)
        files = artifact.container.write_props(artifact.files, props)
        (folder / "m.onnx").write_bytes(files[".onnx"])

    return make


def _fields(**values: object) -> Callable[[Path], object]:
    """The model with other fields in its metadata."""

    def change(props: dict[str, str]) -> None:
        props.update({name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()})

    return _metadata(change)


def _in_archive(ending: str, name: str, data: bytes) -> Callable[[Path], object]:
    """A sealed archive of PyTorch's with one entry more."""

    def change(archive: bytes) -> bytes:
        entries = read_archive(archive, "m")
        root = next(iter(entries)).partition("/")[0]
        return write_archive(entries | {f"{root}/{name}": data})

    return _resealed(ending, change)


_PICKLE = b"\x80\x04cos\nsystem\n."
_print = in_archive("/code/", replace_once(b"    return ", b"    print(1)\n    return "))


def _sparse(folder: Path) -> None:
    """20 GB, none of which is on the disk."""
    with (folder / "m.onnx").open("wb") as file:
        file.truncate(20 << 30)


def _saved_model(folder: Path) -> None:
    (folder / "net").mkdir()
    (folder / "net/saved_model.pb").write_bytes(b"\x08\x01")


def _zip(name: str, entry: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr(entry, b"")

    return make


CASES = (
    *(Case(f"half a .{each}", _predict(each), _changed(each, half)) for each in _ENDINGS),
    *(Case(f"a .{each} of no bytes", _predict(each), write(f"m.{each}", b"")) for each in _ENDINGS),
    *(
        Case(f"a weight changed in a .{each}", _predict(each), _changed(each, flip_bit))
        for each in _ENDINGS
        if each not in ("onnx", *_MORE)
    ),
    *(
        Case(f"a weight changed beside a .{each}", _predict(each), _changed(each, flip_bit, more[0]))
        for each, more in _MORE.items()
        if each != "xml"
    ),
    Case("an .xml without its weights", _predict("xml"), edit("m.xml", "m.xml", bytes)),
    Case("a .param without its weights", _predict("ncnn.param"), edit("m.ncnn.param", "m.ncnn.param", bytes)),
    Case(
        "a .tflite of nonsense, its digests put right",
        _predict("tflite"),
        _resealed("tflite", lambda data: data[:5000] + bytes(data[5000:9000])[::-1] + data[9000:]),
    ),
    Case(
        "a .pte of nonsense, its digests put right",
        _predict("pte"),
        _resealed("pte", lambda data: data[:64] + bytes(4000) + data[4064:]),
    ),
    Case(
        "a negative size in a .param",
        _predict("ncnn.param"),
        _resealed("ncnn.param", replace_once(b"0=128", b"0=-128")),
    ),
    Case(
        "a pickle in a .pt2",
        _predict("pt2"),
        _in_archive("pt2", "data/sample_inputs/model.pt", _PICKLE),
    ),
    Case("code that prints in a .torchscript", _predict("torchscript"), _resealed("torchscript", _print)),
    Case(
        "a document type in an .xml",
        _predict("xml"),
        _resealed("xml", lambda data: b"<!DOCTYPE a>" + data),
    ),
    Case("a weight changed: verify", "mnistx verify m.onnx", _changed("onnx", flip_bit), code=1, verdict=True),
    Case(
        "names changed: verify",
        "mnistx verify m.onnx",
        _fields(names=list("0723456189")),
        code=1,
        verdict=True,
    ),
    Case("names that are a number", "mnistx verify m.onnx", _fields(names=7)),
    Case("names nested 100,000 deep", "mnistx verify m.onnx", _fields(names="[" * 100_000)),
    Case("a temperature of 400 digits", "mnistx inspect m.onnx", _fields(temperature="9" * 400)),
    Case("a newer schema", "mnistx inspect m.onnx", _fields(schema_version="99")),
    Case("a certificate of a million images", "mnistx verify m.onnx", _fields(certificate={"count": 1_000_000})),
    Case("no such model", "mnistx predict good/three.jpg --model no.onnx"),
    Case("no such model to verify", "mnistx verify no.onnx"),
    Case("a folder as a model", "mnistx predict good/three.jpg --model good"),
    Case("a text as a model", "mnistx verify m.onnx", write("m.onnx", "buy milk\n")),
    Case("a sparse file of 20 GB", "mnistx verify m.onnx", _sparse),
    Case("a pipe of another ending as a model", "mnistx predict good/three.jpg --model m.h5", pipe("m.h5")),
    Case("a pipe as a model", "mnistx verify m.onnx", pipe("m.onnx")),
    Case("a device as a model", "mnistx inspect z.onnx", lambda folder: (folder / "z.onnx").symlink_to("/dev/zero")),
    Case("a model for another runtime", "mnistx predict good/three.jpg --model good/m.onnx --runtime litert"),
    Case("a runtime that isn't known", "mnistx predict good/three.jpg --runtime tensorrt"),
    Case("a runtime that doesn't read the bundled model", "mnistx predict good/three.jpg --runtime ncnn"),
    Case("an ending that isn't known", "mnistx predict good/three.jpg --model m.engine", write("m.engine", "a")),
    Case("a Keras model", "mnistx predict good/three.jpg --model m.h5", write("m.h5", b"\x89HDF\r\n\x1a\n")),
    Case("a newer Keras model", "mnistx predict good/three.jpg --model m.keras", _zip("m.keras", "model.weights.h5")),
    Case("a SavedModel of TensorFlow", "mnistx predict good/three.jpg --model net", _saved_model),
    Case("what torch.save wrote", "mnistx predict good/three.jpg --model m.pt", _zip("m.pt", "m/data.pkl")),
    Case("a pickle", "mnistx predict good/three.jpg --model m.pkl", write("m.pkl", _PICKLE)),
    Case("a language model", "mnistx predict good/three.jpg --model m.gguf", write("m.gguf", b"GGUF" + bytes(99))),
    Case("a benchmark of nothing", "mnistx benchmark in", empty("in")),
    Case("a model with damaged metadata to measure", "mnistx benchmark m.onnx", _fields(names=7)),
)


def _model() -> ModelProto:
    """A layer, as another tool writes it."""
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["scores"]),
        ],
        "foreign",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 28, 28])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(np.zeros((784, 10), np.float32), "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def _foreign(change: Callable[[ModelProto], object] = lambda _: None) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        model = _model()
        change(model)
        (folder / "f.onnx").write_bytes(model.SerializeToString())
        (folder / "s.toml").write_text(SPEC)

    return make


def external(model: ModelProto) -> None:
    """Weights that are said to lie in a file of the system's."""
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def loop(model: ModelProto) -> None:
    """A loop without an end."""
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["still"])],
        "body",
        [info("step", TensorProto.INT64, []), info("go", TensorProto.BOOL, [])],
        [info("still", TensorProto.BOOL, [])],
    )
    model.graph.node.insert(0, helper.make_node("Loop", ["", "true"], [], body=body))
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "true"))


def custom(model: ModelProto) -> None:
    """An operator of nobody's."""
    model.graph.node[0].domain = "own"
    model.opset_import.append(helper.make_opsetid("own", 1))


def functions(model: ModelProto) -> None:
    """A function of its own."""
    node = helper.make_node("Identity", ["a"], ["b"])
    model.functions.append(helper.make_function("own", "F", ["a"], ["b"], [node], [helper.make_opsetid("", 20)]))


def claim(model: ModelProto) -> None:
    """4 TB of numbers, of which 4 bytes are there."""
    model.graph.initializer.append(
        TensorProto(name="claimed", data_type=TensorProto.FLOAT, dims=[1 << 40], raw_data=b"\0\0\0\0")
    )


SPEC = (
    'classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]\noutput = "logits"\n[input]\nchannels = 1\n'
    'height = 28\nwidth = 28\nmean = [0.5]\nstd = [0.5]\npreprocess = "mnist-digit"\n'
)


def _spec(old: str, new: str) -> Callable[[Path], object]:
    return both(_foreign(), write("s.toml", SPEC.replace(old, new)))


def _half(folder: Path) -> None:
    _foreign()(folder)
    (folder / "f.onnx").write_bytes(half((folder / "f.onnx").read_bytes()))


_SEAL = "mnistx seal f.onnx --spec s.toml"

FOREIGN = (
    Case("a pipe to seal", _SEAL, both(pipe("f.onnx"), write("s.toml", SPEC))),
    Case("a file without metadata", "mnistx predict good/three.jpg --model f.onnx", _foreign()),
    Case("a file without metadata to verify", "mnistx verify f.onnx", _foreign()),
    Case("weights in a file of the system's", _SEAL, _foreign(external)),
    Case("a loop without an end", _SEAL, _foreign(loop)),
    Case("a custom operator", _SEAL, _foreign(custom)),
    Case("functions of its own", _SEAL, _foreign(functions)),
    Case("more numbers declared than are there", _SEAL, _foreign(claim)),
    Case("no spec", "mnistx seal f.onnx", _foreign()),
    Case("a spec of another size", _SEAL, _spec("height = 28", "height = 32")),
    Case("a spec with a class too few", _SEAL, _spec(', "9"', "")),
    Case("a file of another kind", "mnistx seal good/three.jpg --spec s.toml", write("s.toml", SPEC)),
    Case("the model itself as --out", f"{_SEAL} --out f.onnx", _foreign()),
    Case("half a file", _SEAL, _half),
    Case("a file compared with nothing", "mnistx compare f.onnx", _foreign()),
)
