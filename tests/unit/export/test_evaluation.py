import json
from pathlib import Path

import pytest

from command import by_weight, mnistx
from mnistx_export.formats import FORMATS
from mnistx_export.formats.base import format_named
from mnistx_runtime.artifact.parity import FLOAT32
from mnistx_train.checkpoint import load_checkpoint


def test_a_checkpoint_measures_what_its_card_says(digits_run: Path) -> None:
    found = mnistx("evaluate", digits_run, "--json")
    values = json.loads(found.stdout)
    _, card = load_checkpoint(digits_run / "model.safetensors")
    assert values["accuracy"] == card.test_accuracy and values["runtime"] == "torch"
    assert values["count"] == 300 and sum(map(sum, values["confusion"])) == 300
    written = json.loads((digits_run / "metrics.json").read_text())
    assert values["confusion"] == written["test"]["confusion"]


EXACT = [name for name in FORMATS if format_named(name).tolerance == FLOAT32 and format_named(name).runtime]


@pytest.mark.parametrize("name", by_weight(EXACT))
def test_an_artifact_measures_what_its_checkpoint_does(name: str, digits_run: Path, tmp_path: Path) -> None:
    exported = mnistx("export", "--format", name, "--checkpoint", digits_run, "--out", tmp_path, "--json")
    path = json.loads(exported.stdout)["path"]
    found = mnistx("evaluate", path, "--json", "--out", tmp_path / "report")
    values = json.loads(found.stdout)
    assert values["confusion"] == json.loads((digits_run / "metrics.json").read_text())["test"]["confusion"]
    assert values["runtime"] != "torch"
    assert (tmp_path / "report" / "report.html").is_file()
