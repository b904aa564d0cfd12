"""The bundled model as files of either schema, whatever the schema of the one that is bundled."""

import base64
import json
import zlib
from dataclasses import replace
from pathlib import Path

from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.artifact.metadata import DIGEST, SCHEMA, props_sha256
from mnistx_runtime.artifact.onnx_file import write_props
from mnistx_runtime.bundled import BUNDLED


def seal_bundled(path: Path, schema: int = SCHEMA) -> Path:
    """Write the bundled model with metadata of today's schema, or of schema 1."""
    opened = open_artifact(BUNDLED)
    if schema == 1:
        path.write_bytes(write_props(opened.files[".onnx"], props_of_schema_1()))
    else:
        files = seal(".onnx", opened.files, replace(opened.metadata, schema_version=SCHEMA), opened.certificate)
        path.write_bytes(files[".onnx"])
    return path


def props_of_schema_1() -> dict[str, str]:
    """The bundled model's metadata as the first mnistx wrote it."""
    opened = open_artifact(BUNDLED)
    metadata, certificate = opened.metadata, opened.certificate
    values = {
        "names": list(metadata.names),
        "mean": metadata.input.mean[0],
        "std": metadata.input.std[0],
        "dataset": metadata.dataset,
        "weights_sha256": metadata.weights_sha256,
        "test_accuracy": metadata.test_accuracy,
        "certificate": {
            "atol": certificate.tolerance.atol,
            "count": len(certificate.images),
            "images_zlib": base64.b64encode(zlib.compress(certificate.images.tobytes())).decode(),
            "log_probs": base64.b64encode(certificate.log_probs.astype("<f4").tobytes()).decode(),
        },
        "description": metadata.description,
        "toolkit_version": metadata.toolkit_version,
        "temperature": metadata.temperature,
        "license": metadata.license,
        "schema_version": 1,
        "task": "classify",
        "imgsz": [28, 28],
        "channels": 1,
        "preprocess_version": 2,
    }
    props = {name: json.dumps(value, sort_keys=True) for name, value in sorted(values.items())}
    return props | {DIGEST: props_sha256(props)}
