"""The benchmark: what it measures is there and makes sense; its budgets can be broken."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command import ROOT, mnistx, mnistx_process
from mnistx_runtime import BadInput
from mnistx_runtime.backends import format_of
from mnistx_runtime.benchmark.budgets import Budget, budgets_from
from mnistx_runtime.benchmark.libraries import LIBRARIES, installed_bytes
from mnistx_runtime.benchmark.measure import MFLOP, Row
from mnistx_runtime.benchmark.processor import processor
from mnistx_runtime.benchmark.selection import selected
from mnistx_runtime.benchmark.tables import TABLES, figure, picked, tables
from mnistx_runtime.predictor import BUNDLED


def row(artifact: str = "m.onnx", runtime: str = "ort", p50: float = 100.0, changed: int = 0, size: int = 100) -> Row:
    return Row(
        artifact=artifact,
        runtime=runtime,
        file_bytes=1_700_000,
        installed_bytes=size * 1_000_000,
        import_ms=90,
        load_ms=10,
        first_ms=1,
        p50_us=p50,
        p95_us=p50 * 1.5,
        p99_us=p50 * 2,
        beside_first=1,
        beside_first_low=0.9,
        beside_first_high=1.1,
        images_per_second={64: 11_000.0},
        sgemm_share=0.8,
        peak_mib=size,
        idle_ms=0.1,
        overhead_us=5.0 if runtime == "ort" else None,
        accuracy=0.99,
        max_abs=1e-5,
        changed=changed,
        compared=10_000,
    )


def test_the_floating_point_operations_of_an_image_are_those_of_the_network() -> None:
    convolutions = 28 * 28 * 32 * 9 + 14 * 14 * 64 * 32 * 9
    assert 2 * (convolutions + 3136 * 128 + 128 * 10) / 1e6 == pytest.approx(MFLOP, abs=0.005)


def test_only_the_formats_and_runtimes_that_were_asked_for_are_left(tmp_path: Path) -> None:
    for name in ("m.onnx", "m-int8.onnx", "m-fp16.onnx", "m.ort", "notes.txt"):
        (tmp_path / name).touch()
    assert [p.name for p, _ in selected([tmp_path], None, ["onnx-int8", "ort"])] == ["m-int8.onnx", "m.ort"]
    assert [p.name for p, _ in selected([tmp_path], None, None)] == ["m.onnx", "m-fp16.onnx", "m-int8.onnx", "m.ort"]
    assert len(selected([tmp_path], ["ort"], None)) == 4


def test_a_file_is_called_after_its_format() -> None:
    from mnistx_export.formats import FORMATS, format_named

    for target in map(format_named, FORMATS):
        path = Path(f"my-model{target.variant}{target.suffix}")
        assert target.unverified or format_of(path) == target.name


X86 = "model name\t: X\nflags\t\t: fpu avx2 avx512f avx512_vnni\n"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (f"{X86}\n{X86}", "X (avx2, avx512f, avx512_vnni)"),
        ("processor\t: 0\nFeatures\t: fp asimd asimddp\n", "(asimd, asimddp)"),
        ("", "(no vector extension known here)"),
    ],
)
def test_the_processor_is_named_with_what_it_can_do(lines: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(lines)
    assert told in processor(tmp_path / "cpuinfo")


def test_every_runtime_has_a_library() -> None:
    from mnistx_runtime.backends import BACKENDS

    assert BACKENDS.keys() <= LIBRARIES.keys()


def test_the_installed_size_counts_what_a_library_needs() -> None:
    assert installed_bytes("onnxruntime") > installed_bytes("numpy") > 10_000_000
    assert installed_bytes("no-such-distribution") == 0


def test_the_tables_have_a_line_a_row_and_fit_a_terminal() -> None:
    found = tables([row(), row("m.pte", "executorch")]).split("\n\n")
    assert len(found) == len(TABLES)
    for block, (title, columns) in zip(found, TABLES.items(), strict=True):
        head, *lines = block.splitlines()
        assert head.startswith(title) and all(name in head for name in columns) and len(lines) == 2
        assert lines[0].index("ort") == lines[1].index("executorch") and len(head) <= 120
    assert "5.0" in found[0].splitlines()[1]  # the toolkit's own microseconds


@pytest.mark.parametrize(
    ("by", "best"), [("latency", "fast.onnx"), ("size", "small.tflite"), ("memory", "small.tflite")]
)
def test_the_pick_is_the_least_of_those_that_answer_alike(by: str, best: str) -> None:
    rows = [
        row("fast.onnx", p50=50, size=200),
        row("small.tflite", "litert", size=60),
        row("wrong.tflite", "litert", p50=1, changed=11, size=1),
    ]
    found, lines = picked(rows, by)
    assert found.artifact == best and f"--model {best}" in lines and LIBRARIES[found.runtime].distribution in lines


def test_budgets_are_broken_by_what_exceeds_them_and_by_no_row_at_all() -> None:
    rows = [row(), row("m.tflite", "litert", p50=300)]
    assert not Budget("p50_us", "ort", most=100).broken(rows)
    assert not Budget("accuracy", least=0.99).broken(rows)
    (line,) = Budget("p50_us", most=200).broken(rows)
    assert "m.tflite under litert" in line and "at most 200" in line
    assert Budget("accuracy", least=0.991).broken(rows)[0].endswith("at least 0.991")
    assert Budget("overhead_us", "litert", most=10).broken(rows)
    assert "no row" in Budget("p50_us", "ncnn", most=100).broken(rows)[0]


def test_every_number_of_a_row_can_have_a_budget(tmp_path: Path) -> None:
    held = {budget.measure for budget in budgets_from(ROOT / "artifacts" / "budgets.json")}
    assert {"overhead_us", "changed", "max_abs", "sgemm_share"} <= held
    (tmp_path / "budgets.json").write_text('[{"measure": "accuracy", "least": 0.995}]')
    (budget,) = budgets_from(tmp_path / "budgets.json")
    assert budget.broken([row()]) and not budget.broken([replace(row(), accuracy=0.9951)])


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"measure": "p50_us"}]', '[{"measure": "speed", "most": 1}]'])
def test_damaged_budgets_are_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "budgets.json").write_text(text)
    with pytest.raises(BadInput, match="budgets"):
        budgets_from(tmp_path / "budgets.json")


def test_the_figure_is_a_picture() -> None:
    import io

    drawn = Image.open(io.BytesIO(figure([row(), row("m.tflite", "litert", p50=300)], 100.0, "Chip X")))
    assert drawn.width > 1000 and len(drawn.convert("RGB").getcolors(1 << 24) or []) > 50


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["no.onnx"], "no such model"),
        (["--batch", "1,x"], "--batch"),
        (["--runtimes", "tensorrt"], "known"),
        (["--runtimes", "torchscript"], "no artifact is left"),
        (["--formats", "onnx-int8"], "no artifact of format 'onnx-int8'; there are onnx"),
        (["--assert", "no.json"], "budgets"),
    ],
)
def test_what_can_not_be_measured_is_told_before_measuring(options: list[str], why: str) -> None:
    found = mnistx("benchmark", *options)
    assert found.exit_code == 2 and why in found.stderr and len(found.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_bundled_model_is_measured_in_processes_of_its_own(tmp_path: Path) -> None:
    budgets = tmp_path / "budgets.json"
    budgets.write_text(json.dumps([{"measure": "changed", "most": 0}, {"measure": "file_bytes", "most": 1000}]))
    code, out, err = mnistx_process(
        "benchmark", BUNDLED, "--batch", "8", "--assert", budgets, "--json", "--pick", "size"
    )
    measured, pick = (json.loads(line) for line in out.splitlines())
    assert code == 1 and err.splitlines()[-1].endswith("the budget is at most 1000")
    assert pick == {"pick": "size", "artifact": str(BUNDLED), "runtime": "ort"}
    assert measured["file_bytes"] == BUNDLED.stat().st_size and measured["changed"] == 0
    assert 5 < measured["p50_us"] <= measured["p95_us"] <= measured["p99_us"]
    assert measured["images_per_second"].keys() == {"8"} and 20 < measured["peak_mib"] < 1000
    assert 0 < measured["sgemm_share"] < 3 and np.isfinite(measured["overhead_us"])
