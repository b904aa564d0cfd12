from threading import Event, Thread

import numpy as np
import pytest
import torch

from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.backends.torch_session import TorchSession, import_torch, torch_threads
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import ArtifactError, BackendUnavailable

IMAGES = np.arange(70 * 784, dtype=np.uint8).reshape(70, 1, 28, 28)


def session(module: object) -> TorchSession:
    return TorchSession(open_artifact(BUNDLED), module, 1, "test")


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


def test_threads_are_those_asked_for_and_come_back_also_after_an_error() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        seen = []

        def module(images: torch.Tensor) -> torch.Tensor:
            seen.append(torch.get_num_threads())
            return images.float().flatten(1)

        made = TorchSession(open_artifact(BUNDLED), module, 2, "test")
        made.run(IMAGES[:64])
        made.run(IMAGES[:1])
        assert seen == [2, 1] and torch.get_num_threads() == 3
        with pytest.raises(ArtifactError):
            session(lambda _: 7).run(IMAGES)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_sessions_that_run_at_the_same_time_give_the_threads_back_once() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    inside, leave = Event(), Event()

    def other() -> None:
        with torch_threads(1, IMAGES):
            inside.set()
            leave.wait()

    thread = Thread(target=other)
    try:
        with torch_threads(2, IMAGES):
            thread.start()
            inside.wait()
        leave.set()
        thread.join()
        found = []
        after = Thread(target=lambda: found.append(torch.get_num_threads()))
        after.start()
        after.join()
        assert torch.get_num_threads() == 3 and found == [3]
    finally:
        torch.set_num_threads(before)


def test_a_child_that_was_forked_computes_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch_threads(2, range(5)):
        assert torch.get_num_threads() == 2
    monkeypatch.setattr("mnistx_runtime.backends.torch_session.os.getpid", lambda: -1)
    with torch_threads(2, range(5)):
        assert torch.get_num_threads() == 1
