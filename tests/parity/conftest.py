"""The released checkpoint in every format, and PyTorch's answers to all of MNIST's test images."""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from command import RELEASED
from mnistx_export import export
from mnistx_export.checkpoint_model import model_with_data
from mnistx_export.defaults import artifact_path
from mnistx_export.formats.base import format_named
from mnistx_export.model import Reference


@pytest.fixture(scope="session")
def truth(mnist: Path) -> Reference:
    reference = model_with_data(RELEASED, mnist, with_training=False)[0].reference
    assert reference is not None
    return reference


@pytest.fixture(scope="session")
def exported(mnist: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The released checkpoint in a format, written by this process when it's first asked for."""
    model, _ = model_with_data(RELEASED, mnist, with_training=True)

    @functools.cache
    def write(name: str) -> Path:
        target = format_named(name)
        path = artifact_path(RELEASED, tmp_path_factory.mktemp(name), target)
        export(replace(model, test=None), target, path)
        return path

    return write
