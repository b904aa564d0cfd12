import sys
import tempfile

import pytest

from command import ROOT, by_weight
from mnistx_export.formats import FORMATS
from mnistx_export.formats.base import Conversion, format_named
from mnistx_runtime.errors import BackendUnavailable, BadInput
from mnistx_train.inference import DeployedModule
from mnistx_train.network import cnn


@pytest.mark.parametrize("name", by_weight(FORMATS))
def test_the_same_module_gives_the_same_bytes(name: str, conversion: Conversion) -> None:
    write = format_named(name).write
    first = write(conversion)
    DeployedModule(cnn(3), conversion.spec)
    assert name == "ort" or write(conversion) == first


@pytest.mark.parametrize("name", by_weight(FORMATS))
def test_no_path_of_this_machine_is_inside(name: str, conversion: Conversion) -> None:
    here = (str(ROOT), sys.prefix, tempfile.gettempdir(), "site-packages")
    for ending, data in format_named(name).write(conversion).items():
        assert not [path for path in here if path.encode() in data], ending


def test_every_format_names_a_runtime_or_why_there_is_none() -> None:
    for name in FORMATS:
        target = format_named(name)
        assert target.name == name and bool(target.runtime) != bool(target.unverified)
        assert target.baseline is None or format_named(target.baseline).suffix == target.suffix


@pytest.mark.parametrize("name", [name for name in FORMATS if format_named(name).needs])
def test_a_missing_converter_names_the_line_that_installs_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnistx_export.formats.base.find_spec", lambda _: None)
    with pytest.raises(BackendUnavailable, match=rf"pip install 'mnistx-export\[{name}\]'"):
        format_named(name).require()


def test_an_unknown_format_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown format 'onxx'; did you mean 'onnx'"):
        format_named("onxx")
