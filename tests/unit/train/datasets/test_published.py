import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mnistx_train.datasets import DIGITS, published, source
from mnistx_train.errors import TrainError
from sets import idx_bytes, random_images, write_idx_folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty cache folder of a user who has set no MNISTX_DATA."""
    monkeypatch.delenv("MNISTX_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mnistx"


def test_data_dir_goes_before_environment_before_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    named, environment = tmp_path / "named", tmp_path / "environment"

    assert published.root("MNIST", None) is None
    write_idx_folder(cache / "MNIST" / "raw")
    assert published.root("MNIST", None) == cache
    write_idx_folder(environment / "MNIST" / "raw")
    monkeypatch.setenv("MNISTX_DATA", str(environment))
    assert published.root("MNIST", None) == environment
    write_idx_folder(named / "MNIST" / "raw")
    assert published.root("MNIST", named) == named


def test_empty_environment_variable_names_nothing(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    write_idx_folder(cache / "MNIST" / "raw")
    monkeypatch.setenv("MNISTX_DATA", "")

    assert published.root("MNIST", None) == cache


@pytest.mark.parametrize("value", [None, ""])
def test_cache_lies_at_home_unless_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)

    assert published.cache_folder() == tmp_path / ".cache" / "mnistx"


def test_no_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(TrainError, match="set MNISTX_DATA or XDG_CACHE_HOME"):
        published.cache_folder()


def test_a_named_folder_without_the_set_is_refused_and_the_environment_s_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    write_idx_folder(cache / "MNIST" / "raw")
    named = tmp_path / "named"
    write_idx_folder(named / "KMNIST" / "raw")
    monkeypatch.setenv("MNISTX_DATA", str(named))

    assert published.root("MNIST", None) == cache
    assert published.root("KMNIST", None) == named
    with pytest.raises(TrainError, match="named holds no MNIST/raw/train-images-idx3-ubyte"):
        source("mnist", named)


@pytest.mark.parametrize(
    ("name", "where", "names"),
    [
        ("mnist", "MNIST", DIGITS),
        ("fashion-mnist", "FashionMNIST", published.GARMENTS),
        ("kmnist", "KMNIST", published.KUZUSHIJI),
    ],
)
def test_published_sets_are_read_where_torchvision_puts_them(
    tmp_path: Path, name: str, where: str, names: tuple[str, ...]
) -> None:
    write_idx_folder(tmp_path / where / "raw", classes=10, count=20)

    found = source(name, tmp_path)

    assert (found.name, found.names) == (name, names)
    assert len(found.names) == 10
    assert np.array_equal(found.read(False).images, random_images(20, seed=1)[:, None])
    assert (found.spec.shape, found.spec.preprocess) == ((1, 28, 28), "mnist-digit")
    assert dict(found.spec.parameters) == ({} if name == "mnist" else {"reject": False})


def fake_torchvision(fetch: Callable[..., None]) -> Callable[[], Any]:
    return lambda: SimpleNamespace(datasets=SimpleNamespace(MNIST=fetch))


@pytest.mark.usefixtures("cache")
def test_nothing_is_downloaded_when_that_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*_: object, **__: object) -> None:
        pytest.fail("downloads")

    monkeypatch.setattr(published, "torchvision", fake_torchvision(fetch))

    with pytest.raises(TrainError, match="MNIST isn't at hand; name a folder that holds MNIST/raw"):
        source("mnist", download=False)


def test_a_missing_set_is_downloaded_to_the_cache(
    monkeypatch: pytest.MonkeyPatch, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fetch(root: Path, download: bool) -> None:
        assert download
        write_idx_folder(root / "MNIST" / "raw")

    monkeypatch.setattr(published, "torchvision", fake_torchvision(fetch))

    assert len(source("mnist").read(True)) == 12
    assert published.root("MNIST", None) == cache
    assert caplog.messages == [f"downloading MNIST to {cache}"]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("error", [OSError("no route to host"), RuntimeError("file not found or corrupted")])
def test_a_failed_download_says_what_else_to_do(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fetch(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(published, "torchvision", fake_torchvision(fetch))

    with pytest.raises(TrainError, match=f"can't be downloaded \\({error}\\).* or use --dataset digits"):
        source("mnist")


@pytest.mark.usefixtures("cache")
def test_a_download_that_was_interrupted_is_not_at_hand(cache: Path) -> None:
    raw = cache / "MNIST" / "raw"
    write_idx_folder(raw)
    assert published.root("MNIST", None) is not None
    (raw / "train-labels-idx1-ubyte").unlink()
    assert published.root("MNIST", None) is None


def test_a_download_is_seen_on_standard_error_without_any_set_up() -> None:
    code = "from mnistx_train.datasets import published; published._log.warning('downloading %s', 'MNIST')"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ("", "downloading MNIST\n")


def test_images_of_another_size_are_not_the_published_ones(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    write_idx_folder(raw)
    (raw / "train-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros((12, 27, 28), np.uint8)))

    with pytest.raises(TrainError, match=r"need \(N, 28, 28\)"):
        source("mnist", tmp_path).read(True)
