import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from command import ROOT, mnistx, mnistx_process
from mnistx_export.golden import draw_digit
from mnistx_runtime.cluster.log_probs import log_probs_values
from mnistx_runtime.predictor import Predictor

MODEL = ROOT / "artifacts" / "mnist-cnn.onnx"


def test_values_hold_every_bit_of_the_output() -> None:
    answer, refused = Predictor().predict_files([255 - draw_digit(3, 1, 56), np.zeros((40, 40), np.uint8)])
    values = json.loads(json.dumps(log_probs_values("a.png", answer)))
    assert np.array_equal(np.array(values["log_probs"], np.float32), answer.log_probs)  # type: ignore[union-attr]
    assert "log_probs" not in log_probs_values("b.png", refused) and log_probs_values("b.png", refused)["error"]


@pytest.mark.slow
def test_a_folder_is_measured_as_by_one_process(cluster: tuple[dict[str, str], psutil.Process], tmp_path: Path) -> None:
    for number in range(12):
        folder = tmp_path / "labelled" / str(number % 3)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - draw_digit((number % 5), number, 56)).save(folder / f"{number:03}.png")
    (tmp_path / "labelled" / "0" / "broken.png").write_text("no picture")
    args: list[Any] = ["evaluate", MODEL, tmp_path / "labelled", "--json"]
    one = mnistx(*args)
    assert one.exit_code == 0, one.stderr
    code, printed, errors = mnistx_process(*args, "--engine", "ray", env=cluster[0])
    assert (code, errors) == (0, "")
    found, expected = json.loads(printed), json.loads(one.stdout)
    assert expected["refused"] == 1 and expected["count"] == 12 and 0 < expected["accuracy"] < 1
    assert found.pop("loss") == pytest.approx(expected.pop("loss"), abs=1e-5)
    for name in ("confusion", "per_class_accuracy", "accuracy", "refused", "names", "count"):
        assert found[name] == expected[name]


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ([MODEL], "FOLDER"),
        ([ROOT / "artifacts" / "mnist-cnn.safetensors", "labelled"], "checkpoints stay"),
        ([MODEL, "none"], "no such folder"),
    ],
)
def test_what_is_not_measured_on_a_cluster_is_told(
    args: list[str | Path], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labelled" / "3").mkdir(parents=True)
    shutil.copy(ROOT / "artifacts" / "pictures" / "three.jpg", tmp_path / "labelled" / "3")
    done = mnistx("evaluate", *args, "--engine", "ray")
    assert done.exit_code == 2 and why in done.stderr and len(done.stderr.splitlines()) == 1
