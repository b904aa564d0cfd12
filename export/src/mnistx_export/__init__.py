"""Exports any small classifier, and verifies what it wrote before it is kept.

>>> import torch
>>> from mnistx_runtime import InputSpec
>>> spec = InputSpec(channels=1, height=8, width=8, mean=0.5, std=0.5)
>>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2)).eval()
>>> Model(net, spec, names=("cat", "dog"), output="logits").flops
256
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import mnistx_runtime  # noqa: F401  # before onnxruntime, whose telemetry it stops

if TYPE_CHECKING:
    from mnistx_export.exporter import Exported, Settings, export
    from mnistx_export.model import Model

__version__ = "0.1.0"

_HOME = {"Exported": "exporter", "Model": "model", "Settings": "exporter", "export": "exporter"}

__all__ = ["Exported", "Model", "Settings", "export"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: torch takes seconds."""
    if name not in _HOME:
        raise AttributeError(f"module 'mnistx_export' has no attribute {name!r}")
    return getattr(import_module(f"mnistx_export.{_HOME[name]}"), name)
