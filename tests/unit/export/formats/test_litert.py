from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mnistx_export import Model, export
from mnistx_export.formats.base import Conversion, format_named
from mnistx_runtime import InputSpec


@pytest.mark.slow
def test_input_and_output_keep_their_names_and_types(conversion: Conversion) -> None:
    from ai_edge_litert.interpreter import Interpreter

    (data,) = format_named("litert").write(conversion).values()
    signature = Interpreter(model_content=data).get_signature_runner()
    (image,), (answers,) = signature.get_input_details().items(), signature.get_output_details().items()
    assert (image[0], image[1]["dtype"], [*image[1]["shape"]]) == ("image", np.uint8, [1, 1, 28, 28])
    assert (answers[0], answers[1]["dtype"]) == ("log_probs", np.float32)


@pytest.mark.slow
def test_adaptive_pools_are_carried_where_their_parts_are_equally_large(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.AdaptiveMaxPool2d((2, 3)), nn.Flatten(), nn.Linear(24, 2))
    spec = InputSpec(channels=3, height=8, width=12, mean=(0.5,) * 3, std=(0.25,) * 3)
    assert export(Model(module.eval(), spec, ("cat", "dog")), "litert", tmp_path / "m.tflite").passed
