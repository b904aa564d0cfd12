"""Runs small image classifiers on any CPU, without torch, and proves that they are still what was exported.

>>> from mnistx_runtime import Predictor
>>> import numpy as np
>>> Predictor().predict_batch(np.zeros((2, 28, 28), np.uint8))[1].names
('0', '1', '2', '3', '4', '5', '6', '7', '8', '9')
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnistx_runtime.artifact.certificate import Certificate
    from mnistx_runtime.artifact.container import open_artifact
    from mnistx_runtime.artifact.metadata import Metadata
    from mnistx_runtime.artifact.parity import Parity, Tolerance, compare
    from mnistx_runtime.artifact.verification import Verification, verify
    from mnistx_runtime.errors import (
        ArtifactError,
        BackendUnavailable,
        BadInput,
        MnistxError,
        PictureTooLarge,
        PredictionRefused,
        UnreadablePicture,
        UntrustedModel,
        VerificationFailed,
    )
    from mnistx_runtime.input_spec import InputSpec
    from mnistx_runtime.picture_limits import PictureLimits
    from mnistx_runtime.pictures import open_picture
    from mnistx_runtime.prediction import Prediction, Reading
    from mnistx_runtime.predictor import Predictor
    from mnistx_runtime.preprocess.mnist_digit import image_from_picture

__version__ = "0.1.0"

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reads it when it is imported, and else reports to its maker

_HOME = {
    "ArtifactError": "errors",
    "BackendUnavailable": "errors",
    "BadInput": "errors",
    "Certificate": "artifact.certificate",
    "InputSpec": "input_spec",
    "Metadata": "artifact.metadata",
    "MnistxError": "errors",
    "Parity": "artifact.parity",
    "PictureLimits": "picture_limits",
    "PictureTooLarge": "errors",
    "Prediction": "prediction",
    "PredictionRefused": "errors",
    "Predictor": "predictor",
    "Reading": "prediction",
    "Tolerance": "artifact.parity",
    "UnreadablePicture": "errors",
    "UntrustedModel": "errors",
    "Verification": "artifact.verification",
    "VerificationFailed": "errors",
    "compare": "artifact.parity",
    "image_from_picture": "preprocess.mnist_digit",
    "open_artifact": "artifact.container",
    "open_picture": "pictures",
    "verify": "artifact.verification",
}

__all__ = [
    "ArtifactError",
    "BackendUnavailable",
    "BadInput",
    "Certificate",
    "InputSpec",
    "Metadata",
    "MnistxError",
    "Parity",
    "PictureLimits",
    "PictureTooLarge",
    "Prediction",
    "PredictionRefused",
    "Predictor",
    "Reading",
    "Tolerance",
    "UnreadablePicture",
    "UntrustedModel",
    "Verification",
    "VerificationFailed",
    "compare",
    "image_from_picture",
    "open_artifact",
    "open_picture",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import mnistx_runtime` loads no numpy."""
    if name not in _HOME:
        raise AttributeError(f"module 'mnistx_runtime' has no attribute {name!r}")
    return getattr(import_module(f"mnistx_runtime.{_HOME[name]}"), name)
