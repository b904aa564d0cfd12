"""What all tests share: the command line, a small trained run, and MNIST where it is at hand."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RELEASED = ROOT / "artifacts" / "mnist-cnn.safetensors"

Run = Callable[..., subprocess.CompletedProcess[str]]


def run_mnistx(*args: str | Path, stdin: bytes = b"", cwd: Path | None = None, **env: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command line, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "mnistx_runtime", *map(str, args)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=os.environ | env,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of one epoch on the digits that need no download."""
    folder = tmp_path_factory.mktemp("digits") / "run"
    code, _, err = run_mnistx("train", "--dataset", "digits", "--epochs", "1", "--device", "cpu", "--out", folder)
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
