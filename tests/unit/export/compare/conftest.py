"""A network with its first weights, of a data set that is nowhere: nothing but parity can be asked of it."""

from pathlib import Path

import pytest
import torch

from broken import write_unverified
from mnistx_export import Model
from mnistx_export.checkpoint_model import model_from_checkpoint
from mnistx_export.formats.base import format_named
from mnistx_train.checkpoint import save_checkpoint
from mnistx_train.networks.cnn import cnn
from sets import CARD


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with its first weights, of a data set that is nowhere: nothing but parity can be asked of it."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("checkpoint") / "model.safetensors"
    save_checkpoint(path, cnn(), CARD)
    return path


@pytest.fixture
def model(checkpoint: Path) -> Model:
    return model_from_checkpoint(checkpoint)


@pytest.fixture(scope="module")
def artifacts(checkpoint: Path) -> dict[str, Path]:
    names = {"onnx": "model.onnx", "torchscript": "model.torchscript"}
    model = model_from_checkpoint(checkpoint)
    return {
        name: write_unverified(format_named(name), model, checkpoint.with_name(file)) for name, file in names.items()
    }
