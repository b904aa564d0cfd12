from pathlib import Path

import pytest
import torch

from command import json_lines, mnistx
from own_network import CODE, write_own_network


@pytest.mark.slow
def test_the_third_door_from_somebody_s_onnx_to_predictions(tmp_path: Path) -> None:
    spec, model = write_own_network(tmp_path), tmp_path / "foreign.onnx"
    space: dict[str, object] = {}
    exec(compile(CODE, "net.py", "exec"), space)
    net: torch.nn.Module = space["build"]()  # type: ignore[operator]
    torch.onnx.export(net.eval(), (torch.zeros(1, 3, 24, 32),), model, external_data=False, verbose=False)
    found = mnistx("seal", model, "--spec", spec, "--json")
    assert found.exit_code == 0, found.stderr
    sealed = tmp_path / "foreign-sealed.onnx"
    assert mnistx("verify", sealed).exit_code == 0
    found = mnistx("benchmark", sealed, "--json")
    assert found.exit_code == 0, found.stderr
    assert json_lines(found)[0]["compared"] == 16
    found = mnistx("seal", model, "--spec", spec, "--out", model)
    assert found.exit_code == 2 and "is the model itself" in found.stderr
