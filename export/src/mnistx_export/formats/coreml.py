"""Core ML's package, in float32, for Apple's systems; nothing else runs it, so here it is unverified.

Its metadata lies in a JSON beside it.
"""

import json
from pathlib import Path

import numpy as np
import torch

from mnistx_export.formats.base import Conversion, Format
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.artifact.metadata import INPUT, OUTPUT
from mnistx_runtime.quiet import quiet

MAX_BATCH = 1024
PARTS = {"model": "com.apple.CoreML/model.mlmodel", "weights": "com.apple.CoreML/weights"}
MANIFEST = {
    "fileFormatVersion": "1.0.0",
    "itemInfoEntries": {
        name: {"author": "com.apple.CoreML", "description": name, "name": path.rpartition("/")[2], "path": path}
        for name, path in PARTS.items()
    },
    "rootModelIdentifier": "model",
}


def coreml_from_module(conversion: Conversion) -> Files:
    """The files of one .mlpackage folder. Core ML knows no uint8 arrays: the image is int32, 0..255."""
    with quiet():
        import coremltools

        traced = torch.jit.trace(conversion.deployed, (conversion.example(1),), check_trace=False)  # type: ignore[no-untyped-call]
        shape = coremltools.Shape((coremltools.RangeDim(1, MAX_BATCH, default=1), *conversion.spec.shape))
        model = coremltools.convert(
            traced,
            inputs=[coremltools.TensorType(name=INPUT, shape=shape, dtype=np.int32)],
            outputs=[coremltools.TensorType(name=OUTPUT)],
            convert_to="mlprogram",
            minimum_deployment_target=coremltools.target.iOS16,
            compute_precision=coremltools.precision.FLOAT32,
            skip_model_load=True,
        )
        description = model.get_spec()
        description.description.metadata.userDefined.clear()  # the date of the conversion
        folder = ".mlpackage/Data/com.apple.CoreML"
        return {
            ".mlpackage/Manifest.json": json.dumps(MANIFEST, indent=1, sort_keys=True).encode(),
            f"{folder}/model.mlmodel": description.SerializeToString(deterministic=True),
            f"{folder}/weights/weight.bin": (Path(model.weights_dir) / "weight.bin").read_bytes(),
        }


COREML = Format(
    name="coreml",
    suffix=".mlpackage",
    write=coreml_from_module,
    needs=("coremltools",),
    folder=True,
    unverified="only Apple's systems run Core ML",
)
