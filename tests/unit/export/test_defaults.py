import os
from pathlib import Path

import pytest

from mnistx_export.defaults import checkpoint_path
from mnistx_runtime import BadInput


def test_the_last_finished_run_comes_before_the_released_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="name one with --checkpoint"):
        checkpoint_path(None)
    released = Path("artifacts/mnist-cnn.safetensors")
    released.parent.mkdir()
    released.touch()
    assert checkpoint_path(None) == released
    for moment, name in enumerate(["002-a", "001-b", "003-unfinished"]):
        folder = Path("artifacts/runs") / name
        folder.mkdir(parents=True)
        if name != "003-unfinished":
            (folder / "model.safetensors").touch()
            os.utime(folder / "model.safetensors", (moment, moment))
    assert checkpoint_path(None) == Path("artifacts/runs/001-b/model.safetensors")
    assert checkpoint_path(Path("artifacts/runs/002-a")) == Path("artifacts/runs/002-a/model.safetensors")
    assert checkpoint_path(released) == released
