"""What all tests share: a small trained run, and MNIST where it is at hand."""

import signal
from pathlib import Path

import pytest

from command import mnistx_process
from mnistx_runtime.system.signals import STOP

for number in (getattr(signal, name) for name in STOP if hasattr(signal, name)):
    if signal.getsignal(number) == signal.SIG_IGN:  # as a shell starts what it runs in the background
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of one epoch on the digits that need no download."""
    folder = tmp_path_factory.mktemp("digits") / "run"
    code, _, err = mnistx_process("train", "--dataset", "digits", "--epochs", "1", "--device", "cpu", "--out", folder)
    assert code == 0, err
    return folder


@pytest.fixture(scope="session")
def mnist() -> Path:
    """The folder that holds all of MNIST."""
    from mnistx_train.datasets.published import root
    from mnistx_train.errors import TrainError

    try:
        found = root("MNIST", None)
    except TrainError as error:
        pytest.skip(f"needs all of MNIST: {error}")
    if found is None:
        pytest.skip("needs all of MNIST: set MNISTX_DATA to the folder that holds MNIST/raw")
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first: a mistake shows in seconds. Then those that take minutes, so that none is left to the end.

    A file's fast ones, and its slow ones, share a process.
    """
    items.sort(key=_turn)
    for item in items:
        turn = _turn(item)
        item.add_marker(pytest.mark.xdist_group(item.name if turn == 1 else f"{item.location[0]} {turn}"))


def _turn(item: pytest.Item) -> int:
    if item.get_closest_marker("slow") is None:
        return 0
    return 1 if item.get_closest_marker("minutes") else 2
