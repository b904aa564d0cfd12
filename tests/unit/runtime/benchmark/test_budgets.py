from dataclasses import replace
from pathlib import Path

import pytest

from benchmark_rows import row
from command import ROOT
from mnistx_runtime import BadInput
from mnistx_runtime.benchmark.budgets import Budget, budgets_from


def test_budgets_are_broken_by_what_exceeds_them_and_by_no_row_at_all() -> None:
    rows = [row(), row("m.tflite", "litert", p50=300)]
    assert not Budget("p50_us", "ort", most=100).violations(rows)
    assert not Budget("accuracy", least=0.99).violations(rows)
    (line,) = Budget("p50_us", most=200).violations(rows)
    assert "m.tflite under litert" in line and "at most 200" in line
    assert Budget("accuracy", least=0.991).violations(rows)[0].endswith("at least 0.991")
    assert Budget("overhead_us", "litert", most=10).violations(rows)
    assert "no row" in Budget("p50_us", "ncnn", most=100).violations(rows)[0]


def test_every_number_of_a_row_can_have_a_budget(tmp_path: Path) -> None:
    held = {budget.measure for budget in budgets_from(ROOT / "artifacts" / "budgets.json")}
    assert {"overhead_share", "changed", "max_abs", "sgemm_share"} <= held
    (tmp_path / "budgets.json").write_text('[{"measure": "accuracy", "least": 0.995}]')
    (budget,) = budgets_from(tmp_path / "budgets.json")
    assert budget.violations([row()]) and not budget.violations([replace(row(), accuracy=0.9951)])


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[1]", '[{"measure": "p50_us"}]', '[{"measure": "speed", "most": 1}]', "[" * 100_000, "9" * 5000),
        *(f'[{{"measure": {value}, "most": 1}}]' for value in ("[]", "3", "null", "{}")),
        *(f'[{{"measure": "size", "most": {value}}}]' for value in ('"1"', "[]", "NaN", "1e999", "9" * 400)),
        *(f'[{{"measure": "size", "most": 1, "{name}": 3}}]' for name in ("runtime", "ending", "least ")),
    ],
)
def test_damaged_budgets_are_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "budgets.json").write_text(text)
    with pytest.raises(BadInput, match="budgets"):
        budgets_from(tmp_path / "budgets.json")


def test_a_measure_that_is_unknown_breaks_its_budget() -> None:
    rows = [replace(row(), sgemm_share=None, accuracy=float("nan"))]
    assert Budget("sgemm_share", least=0.1).violations(rows) and Budget("accuracy", least=0.1).violations(rows)


def test_a_budget_may_be_for_files_of_one_ending() -> None:
    rows = [row("m.onnx", p50=300), row("m-int8.onnx", p50=100)]
    assert not Budget("p50_us", ending="-int8.onnx", most=200).violations(rows)
    assert Budget("p50_us", ending=".onnx", most=200).violations(rows)
