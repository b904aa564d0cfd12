import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torchvision as installed
from click.testing import CliRunner

from mnistx_runtime.cli import main
from mnistx_train import torches
from mnistx_train.errors import TrainError
from mnistx_train.torches import torchvision


def shadow(folder: Path, monkeypatch: pytest.MonkeyPatch, raised: str) -> None:
    """Put a torchvision that fails on import before the installed one."""
    package = folder / "shadow" / "torchvision"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"raise {raised}\n")
    for name in [name for name in sys.modules if "torchvision" in name or "recipes.report" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(package.parent))


def test_the_installed_package_is_returned() -> None:
    assert torchvision() is installed


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ('RuntimeError("operator torchvision::nms does not exist")', "operator torchvision::nms does not exist"),
        ('ImportError("libtorch_cuda.so: cannot open shared object file")', "libtorch_cuda.so"),
        ('AttributeError("module torch has no attribute library")', "no attribute library"),
        ('OSError("undefined symbol: _ZN2at4_ops")', "undefined symbol"),
    ],
)
def test_a_misfit_is_told_in_one_line_with_versions_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: str, said: str
) -> None:
    shadow(tmp_path, monkeypatch, raised)

    with pytest.raises(TrainError) as caught:
        torchvision()

    text = str(caught.value)
    assert "\n" not in text
    assert said in text
    assert f"torch {version('torch')} " in text
    assert f"torchvision {version('torchvision')} " in text
    assert "pip install --force-reinstall torch torchvision" in text


def test_another_error_is_not_disguised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shadow(tmp_path, monkeypatch, "ZeroDivisionError")

    with pytest.raises(ZeroDivisionError):
        torchvision()


def test_train_stops_at_once_at_a_misfit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shadow(tmp_path, monkeypatch, 'RuntimeError("operator torchvision::nms does not exist")')

    result = CliRunner().invoke(main, ["train", "--dataset", "digits", "--out", str(tmp_path / "run")])

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: torch ")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_no_torchvision_at_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torches, "find_spec", lambda _: None)
    with pytest.raises(TrainError, match="pip install torch torchvision"):
        torchvision()
