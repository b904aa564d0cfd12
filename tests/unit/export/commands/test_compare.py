from pathlib import Path

import pytest

from command import RELEASED, json_lines, mnistx
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.predictor import Predictor


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--layers"], "--against"),
        (["--spec", "x.toml", "--against", "y"], "--against"),
        (["--spec", "x.toml"], "mnistx spec init"),
        (["--against", "no.safetensors"], "no such checkpoint"),
    ],
)
def test_what_can_not_be_compared_is_told_in_one_line(options: list[str], why: str) -> None:
    found = mnistx("compare", BUNDLED, *options)
    assert found.exit_code == 2 and why in found.stderr and len(found.stderr.splitlines()) == 1


def test_a_report_of_another_ending_is_refused_before_any_work() -> None:
    found = mnistx("compare", BUNDLED, "--against", RELEASED, "--report", "report.pdf")
    assert found.exit_code == 2 and not found.stdout and ".html or .json" in found.stderr


@pytest.mark.slow
def test_the_released_model_passes_on_all_test_images(mnist: Path) -> None:
    onnx_file = RELEASED.with_suffix(".onnx")
    found = mnistx("compare", onnx_file, "--against", RELEASED, "--data-dir", mnist, "--layers", "--json")
    (values,) = json_lines(found)
    assert found.exit_code == 0 and values["parts"][0]["float32"]["count"] == 10_000
    assert values["parts"][0]["accuracy"] == Predictor(onnx_file).metadata.test_accuracy
