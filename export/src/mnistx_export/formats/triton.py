"""A model repository that NVIDIA Triton loads, and an InferenceService by which KServe runs it."""

import re

from mnistx_export.formats.base import Conversion, Format
from mnistx_export.formats.onnx import check_opset, onnx_bytes, onnx_model, required_runtime
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.artifact.triton_folder import SUFFIX, folder_files

_LONGEST_NAME = 53  # characters that Kubernetes leaves to a service of KServe's


def triton_from_module(conversion: Conversion) -> Files:
    """The files of the repository.

    Raises:
        BadInput: the operator set isn't one that ONNX is written with.
    """
    files = folder_files(conversion.name, onnx_bytes(onnx_model(conversion)))
    return files | {f"{SUFFIX}/inference-service.yaml": inference_service(conversion.name).encode()}


def inference_service(name: str) -> str:
    """What KServe is told.

    Args:
        name: of the model.

    >>> print(inference_service("My_net").splitlines()[3])
      name: my-net
    """
    service = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_NAME].strip("-") or "model"
    return (
        "apiVersion: serving.kserve.io/v1beta1\n"
        "kind: InferenceService\n"
        "metadata:\n"
        f"  name: {service}\n"
        "spec:\n"
        "  predictor:\n"
        "    model:\n"
        "      runtime: kserve-tritonserver\n"
        "      modelFormat:\n"
        "        name: triton\n"
        "      protocolVersion: v2\n"
        "      # where the folder with this file lies, as the cluster sees it\n"
        f"      storageUri: pvc://models/{service}{SUFFIX}\n"
        "      resources:\n"
        "        requests: {cpu: '1', memory: 512Mi}\n"
        "        limits: {cpu: '1', memory: 1Gi}\n"
    )


TRITON = Format(
    name="triton",
    suffix=SUFFIX,
    write=triton_from_module,
    check_opset=check_opset,
    requires=required_runtime,
    folder=True,
)
"""Read and verified by ONNX Runtime, as Triton does; Triton itself is started by nothing here."""
