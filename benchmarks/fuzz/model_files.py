"""Artifacts of each format, as `inspect`, `verify` and the loaders read them before any runtime does.

No runtime is handed anything: a file whose digests don't fit is run by none, and those that fit were exported.
An input is the artifact's files, one after the other, each after a line with its length.
"""

import io
import zipfile
from collections.abc import Callable
from functools import cache, partial

import numpy as np

from fuzz.flat_files import pte, tflite
from fuzz.target import Target, folder_of
from mnistx_runtime.artifact.archive import read_archive, write_archive
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import Files, open_artifact, seal
from mnistx_runtime.artifact.metadata import Metadata
from mnistx_runtime.artifact.onnx_graph import read_graph
from mnistx_runtime.artifact.pte_check import check_pte
from mnistx_runtime.artifact.tflite_check import check_tflite
from mnistx_runtime.artifact.torch_archive import check_pt2, check_torchscript
from mnistx_runtime.artifact.verification import verify_payload
from mnistx_runtime.artifact.wasm import Wasm, read_wasm, wasm_block
from mnistx_runtime.artifact.web_page import METADATA as METADATA_BLOCK
from mnistx_runtime.artifact.web_page import block
from mnistx_runtime.errors import MnistxError
from mnistx_runtime.input_spec import InputSpec

METADATA = Metadata(
    names=("cat", "dog"),
    input=InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.5,), preprocess="resize"),
    description="A seed",
    toolkit_version="0",
)
CERTIFICATE = Certificate(np.zeros((2, 1, 8, 8), np.uint8), np.full((2, 2), np.log(0.5), np.float32))


def join(files: Files) -> bytes:
    """An artifact's files as one input."""
    return b"".join(f"{ending} {len(data)}\n".encode() + data for ending, data in files.items())


def part(data: bytes, endings: tuple[str, ...]) -> Files:
    """The inverse of `join`, whatever the input is: the last file takes what the lengths leave."""
    files: Files = {}
    for ending in endings:
        head, _, data = data.partition(b"\n")
        digits = head.rpartition(b" ")[2][:9]
        size = int(digits) if digits.isdigit() and ending != endings[-1] else len(data)
        files[ending], data = data[:size], data[size:]
    return files


_CHECKS = {".tflite": check_tflite, ".pte": check_pte}


def _read(suffix: str, endings: tuple[str, ...], data: bytes) -> None:
    files = part(data, endings) if len(endings) > 1 else {suffix: data}
    with folder_of({f"m{ending}": content for ending, content in files.items()}) as folder:
        path = folder / f"m{suffix}"
        artifact = open_artifact(path)
        steps: list[Callable[[], object]] = [
            lambda: artifact.metadata,
            lambda: artifact.certificate,
            lambda: verify_payload(artifact).lines(),
            artifact.require_as_exported,
        ]
        if suffix == ".onnx":
            steps.append(lambda: read_graph(data, "m").to_dict())
        if suffix == ".html":
            steps.append(lambda: read_wasm(artifact.files, "m"))
        if suffix in (".torchscript", ".pt2"):
            check = check_torchscript if suffix == ".torchscript" else check_pt2
            steps.append(lambda: check(read_archive(data, "m"), "m"))
        if suffix in _CHECKS:
            steps.append(lambda: _CHECKS[suffix](artifact.parts["model"], "m"))
        for step in steps:
            try:
                step()
            except MnistxError as error:
                assert "\n" not in str(error), str(error)


def _sealed(suffix: str, payload: Callable[[], Files]) -> list[bytes]:
    files = seal(suffix, payload(), METADATA, CERTIFICATE)
    return [join(files) if len(files) > 1 else files[suffix], b""]


@cache
def _onnx() -> Files:
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["x"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", ["x"], ["flat"]),
            helper.make_node("MatMul", ["flat", "fc.weight"], ["log_probs"]),
        ],
        "seed",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(np.ones((64, 2), np.float32), "fc.weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return {".onnx": model.SerializeToString()}


def _torch_file(save: str) -> bytes:
    import torch

    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2), torch.nn.LogSoftmax(1)).eval()
    example = torch.zeros(2, 1, 8, 8)
    file = io.BytesIO()
    if save == "torchscript":
        torch.jit.save(torch.jit.freeze(torch.jit.trace(module, example)), file)  # type: ignore[no-untyped-call]
    else:
        torch.export.save(torch.export.export(module, (example,)), file)
    return file.getvalue()


def _archive(save: str) -> Files:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {f".{save}": write_archive(read_archive(_torch_file(save), "m"))}


def _xml() -> Files:
    return {".xml": b'<?xml version="1.0"?><net name="m" version="11"><layers/></net>\n', ".bin": bytes(64)}


def _param() -> Files:
    return {".ncnn.param": b"7767517\n1 1\nInput in0 0 1 in0\n", ".ncnn.bin": bytes(64)}


def _mlpackage() -> Files:
    return {
        ".mlpackage/Manifest.json": b'{"fileFormatVersion": "1.0.0"}',
        ".mlpackage/Data/com.apple.CoreML/model.mlmodel": bytes(64),
        ".mlpackage/Data/com.apple.CoreML/weights/weight.bin": bytes(64),
    }


def _page() -> Files:
    wasm = Wasm({"simd": b"\0asm\1\0\0\0", "scalar": b"\0asm\1\0\0\0"}, bytes(range(64)))
    return {".html": f"<!doctype html>{block(METADATA_BLOCK, '')}{wasm_block(wasm)}".encode()}


def _bomb(suffix: str) -> bytes:
    """Metadata that unpack to far more than the file has."""
    file = io.BytesIO(bytes(64))
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mnistx.json", b" " * (1 << 20))
    return file.getvalue()


def _target(suffix: str, payload: Callable[[], Files], endings: tuple[str, ...] = (), bomb: bool = False) -> Target:
    def seeds() -> list[bytes]:
        return _sealed(suffix, payload) + ([_bomb(suffix)] if bomb else [])

    return Target(seeds, partial(_read, suffix, endings or (suffix,)))


def _bytes(suffix: str) -> Callable[[], Files]:
    return lambda: {suffix: bytes(range(256))}


ONNX = _target(".onnx", _onnx)
ORT = _target(".ort", _bytes(".ort"), bomb=True)
LITERT = _target(".tflite", lambda: {".tflite": tflite()}, bomb=True)
EXECUTORCH = _target(".pte", lambda: {".pte": pte()}, bomb=True)
TORCHSCRIPT = _target(".torchscript", partial(_archive, "torchscript"))
PT2 = _target(".pt2", partial(_archive, "pt2"))
OPENVINO = _target(".xml", _xml, (".xml", ".bin", ".json"))
NCNN = _target(".ncnn.param", _param, (".ncnn.param", ".ncnn.bin", ".ncnn.json"))
WEB = _target(".html", _page)
COREML = _target(".mlpackage", _mlpackage, (*_mlpackage(), ".mlpackage.json"))
