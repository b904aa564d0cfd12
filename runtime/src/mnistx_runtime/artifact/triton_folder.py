"""A model repository of NVIDIA Triton: an .onnx file with its metadata inside, and what Triton reads beside it.

The folder that ends in .triton is the repository; it holds one model. Its configuration and labels follow from the
metadata, so that `verify` sees where they were changed.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from mnistx_runtime.artifact import onnx_file
from mnistx_runtime.artifact.metadata import DIGEST, INPUT, OUTPUT, Metadata
from mnistx_runtime.errors import ArtifactError

SUFFIX = ".triton"

_MODEL, _CONFIG, _LABELS = "1/model.onnx", "config.pbtxt", "labels.txt"

MOST = 64
"""Images in a batch; more gain little, see `backends.CHUNK`."""

DELAY = 2000
"""Microseconds that a request waits for others, at most."""


def folder_files(name: str, data: bytes) -> dict[str, bytes]:
    """The files of a repository, by ending; configuration and labels are filled in with the metadata.

    Args:
        name: of the model, as Triton serves it.
        data: of its .onnx file.
    """
    return {f"{SUFFIX}/{name}/{_MODEL}": data, **{f"{SUFFIX}/{name}/{file}": b"\n" for file in (_CONFIG, _LABELS)}}


def artifact_paths(folder: Path) -> list[Path]:
    """The files of a repository that are the artifact, the one that is loaded first.

    Raises:
        ArtifactError: it doesn't hold one model of one version, and nothing else that Triton would serve.
    """
    found = sorted(folder.glob(f"*/{_MODEL}"))
    if len(found) != 1:
        what = "holds several models" if found else "is empty of a model"
        raise ArtifactError(f"{folder} {what}; it must hold one, as NAME/{_MODEL}")
    version, model = found[0].parent, found[0].parent.parent
    others = [each for each in (*folder.iterdir(), *model.iterdir()) if each.is_dir() and each not in (model, version)]
    if others:
        other = min(others).relative_to(folder)
        raise ArtifactError(f"{folder} holds {other}/, too, which Triton may serve in the model's place; remove it")
    return [found[0], model / _CONFIG, model / _LABELS]


def read_props(files: Mapping[str, bytes], source: str) -> dict[str, str]:
    """The metadata, without their digest where configuration or labels say something else."""
    ending, data = next(iter(files.items()))
    props = onnx_file.read_props(data, source)
    try:
        agrees = all(files.get(each) == text for each, text in _described(ending, props).items())
    except ArtifactError:
        agrees = False
    return props if agrees else {key: text for key, text in props.items() if key != DIGEST}


def write_props(files: Mapping[str, bytes], props: Mapping[str, str]) -> dict[str, bytes]:
    """The files with this metadata; configuration and labels as it says."""
    ending, data = next(iter(files.items()))
    return {**files, ending: onnx_file.write_props(data, props), **(_described(ending, props) if props else {})}


def _described(ending: str, props: Mapping[str, str]) -> dict[str, bytes]:
    """Configuration and labels of the model at an ending."""
    name = ending.split("/")[1]
    metadata = Metadata.from_props(props, name)
    texts = {_CONFIG: config_text(name, metadata), _LABELS: label_lines(metadata.names)}
    return {f"{SUFFIX}/{name}/{file}": text.encode() for file, text in texts.items()}


def label_lines(names: Iterable[str]) -> str:
    """A class a line; a name of several lines on one."""
    return "".join(f"{' '.join(name.split())}\n" for name in names)


def config_text(name: str, metadata: Metadata) -> str:
    """The configuration: batches of what arrives together, up to `MOST`, and an instance that computes on one thread.

    Triton would else let ONNX Runtime take all cores. Dimensions are without the batch's, which `max_batch_size` frees.

    Args:
        name: of the model.
        metadata: of it.
    """
    dims = ", ".join(map(str, metadata.input.shape))
    one_thread = "".join(
        f'parameters {{ key: "{each}_op_thread_count" value {{ string_value: "1" }} }}\n' for each in ("intra", "inter")
    )
    return (
        f"name: {json.dumps(name, ensure_ascii=False)}\n"
        'backend: "onnxruntime"\n'
        f"max_batch_size: {MOST}\n"
        f'input [ {{ name: "{INPUT}" data_type: TYPE_UINT8 dims: [ {dims} ] }} ]\n'
        f'output [ {{ name: "{OUTPUT}" data_type: TYPE_FP32 dims: [ {len(metadata.names)} ] '
        f'label_filename: "{_LABELS}" }} ]\n'
        f"dynamic_batching {{ max_queue_delay_microseconds: {DELAY} }}\n"
        "instance_group [ { kind: KIND_CPU count: 1 } ]\n"
        f"{one_thread}"
    )
