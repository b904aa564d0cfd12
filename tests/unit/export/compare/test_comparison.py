import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from command import mnistx


@pytest.mark.slow
def test_a_report_shows_what_is_wrong(artifacts: dict[str, Path], checkpoint: Path, tmp_path: Path) -> None:
    model = onnx.load(artifacts["onnx"])
    for held in model.graph.initializer:
        if held.name == "fc1.bias":
            held.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(held) * np.float32(1.5), held.name))
    onnx.save(model, tmp_path / "bad.onnx")
    for ending in ("html", "json"):
        report = tmp_path / f"report.{ending}"
        found = mnistx(
            "compare", tmp_path / "bad.onnx", artifacts["onnx"], "--against", checkpoint, "--layers", "--report", report
        )
        assert found.exit_code == 1 and "first layer that differs: fc1" in found.stdout
        assert "HERE" in found.stdout and "no test images" in found.stdout
    page = (tmp_path / "report.html").read_text()
    assert "is not the trained model" in page and page.count('<tr class="no">') > 3
    bad, good = json.loads((tmp_path / "report.json").read_text())
    assert not bad["passed"] and good["passed"] and bad["certificate"]["differences"] == ["weights"]
