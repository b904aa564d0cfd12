from pathlib import Path

import pytest

from command import json_lines, mnistx
from own_network import write_own_network


def test_init_writes_a_spec_and_replaces_none(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    found = mnistx("spec", "init", path)
    assert found.exit_code == 0 and f"mnistx export --spec {path}" in found.stdout
    path.write_text("mine")
    found = mnistx("spec", "init", path)
    assert found.exit_code == 2 and "exists" in found.stderr and path.read_text() == "mine"
    assert mnistx("spec", "init", tmp_path / "mine.txt").exit_code == 2


@pytest.mark.slow
def test_the_second_door_from_a_spec_to_predictions(tmp_path: Path) -> None:
    spec = write_own_network(tmp_path)
    found = mnistx("export", "--spec", spec, "--format", "onnx", "--format", "torchscript", "--json")
    assert found.exit_code == 0, found.stderr
    assert [values["verified_on"] for values in json_lines(found)] == [18, 18]
    model = tmp_path / "spec.onnx"
    (values,) = json_lines(mnistx("evaluate", model, tmp_path / "pictures", "--json"))
    (again,) = json_lines(mnistx("evaluate", tmp_path / "spec.torchscript", tmp_path / "pictures", "--json"))
    assert values["count"] == 18 and values["confusion"] == again["confusion"]
    found = mnistx("compare", model, "--spec", spec)
    assert found.exit_code == 0 and "is the trained model" in found.stdout
    picture = tmp_path / "pictures" / "circle" / "0.png"
    explained = tmp_path / "why.png"
    found = mnistx("predict", picture, "--model", model, "--min-confidence", "0", "--explain", explained, "--show")
    assert found.exit_code == 0 and explained.is_file()
    found = mnistx("predict", picture, "--model", model, "--many")
    assert found.exit_code == 2 and "--many reads all the digits" in found.stderr
