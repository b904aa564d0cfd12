import pytest

from command import json_lines, mnistx
from mnistx_runtime.backends import BACKENDS


def test_runtimes_lists_what_can_run() -> None:
    found = {line["runtime"]: line for line in json_lines(mnistx("runtimes", "--json"))}
    assert found["ort"]["available"] and found["ort"]["endings"] == [".onnx", ".ort", ".triton"]
    assert "can run here" in mnistx("runtimes").stdout


def test_what_is_missing_is_listed_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnistx_runtime.registry.find_spec", lambda _: None)
    found = {line["runtime"]: line for line in json_lines(mnistx("runtimes", "--json"))}
    assert list(found) == list(BACKENDS)
    assert not found["ncnn"]["available"] and "pip install 'mnistx-runtime[ncnn]'" in found["ncnn"]["reason"]
    assert mnistx("runtimes").exit_code == 0
