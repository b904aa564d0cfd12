import numpy as np
import pytest
import torch

from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.backends.torch_session import TorchSession, import_torch
from mnistx_runtime.errors import ArtifactError, BackendUnavailable
from mnistx_runtime.predictor import BUNDLED

IMAGES = np.arange(70 * 784, dtype=np.uint8).reshape(70, 1, 28, 28)


def session(module: object) -> TorchSession:
    return TorchSession(open_artifact(BUNDLED), module, "test")


def test_a_module_is_run_in_chunks_without_gradients() -> None:
    sizes = []

    def module(images: torch.Tensor) -> torch.Tensor:
        assert torch.is_inference_mode_enabled() and images.dtype == torch.uint8
        sizes.append(len(images))
        return images.float().flatten(1)

    assert (session(module).run(IMAGES) == IMAGES.reshape(70, 784)).all()
    assert sizes == [64, 6]


@pytest.mark.parametrize(
    "module", [lambda _: 7, lambda images: images.flatten(1) @ images.flatten(1), lambda images: images[100]]
)
def test_a_module_that_takes_or_gives_something_else_is_told(module: object) -> None:
    with pytest.raises(ArtifactError, match="the test doesn't take and give what mnistx's do"):
        session(module).run(IMAGES)


def test_a_torch_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert import_torch() is torch
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(BackendUnavailable, match="torch is installed and can't be loaded"):
        import_torch()
