"""The released checkpoint in the format that each runtime reads, verified on its golden images alone."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from command import RELEASED


@pytest.fixture(scope="session")
def artifact_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """By the name of a runtime; written when it's first asked for."""
    from mnistx_export import export
    from mnistx_export.checkpoint_model import model_from_checkpoint
    from mnistx_export.defaults import artifact_path
    from mnistx_export.formats import FORMATS
    from mnistx_export.formats.base import format_named
    from mnistx_runtime.bundled import BUNDLED

    @functools.cache
    def write(runtime: str) -> Path:
        if runtime in ("ort", "torch"):
            return BUNDLED if runtime == "ort" else RELEASED
        formats = map(format_named, FORMATS)
        target = next(each for each in formats if each.runtime == runtime and not each.baseline)
        path = artifact_path(RELEASED, tmp_path_factory.mktemp(runtime), target)
        export(model_from_checkpoint(RELEASED), target, path)
        return path

    return write
