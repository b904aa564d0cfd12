"""A network with its first weights, and noise to calibrate on, for every format."""

import numpy as np
import pytest
import torch

from mnistx_export.formats.base import Conversion
from mnistx_runtime import InputSpec
from mnistx_train.evaluation.inference import DeployedModule
from mnistx_train.networks.cnn import cnn

SPEC = InputSpec(channels=1, height=28, width=28, mean=(0.2,), std=(0.4,), preprocess="mnist-digit")


@pytest.fixture(scope="module")
def conversion() -> Conversion:
    """A network with its first weights, and noise to calibrate on."""
    torch.manual_seed(1)
    images = np.random.default_rng(0).integers(0, 256, (60, 1, 28, 28), dtype=np.uint8)
    return Conversion(DeployedModule(cnn(7), SPEC).eval().requires_grad_(False), SPEC, None, images)
