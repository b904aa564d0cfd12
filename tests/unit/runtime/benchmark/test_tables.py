import io
from dataclasses import replace

import pytest
from PIL import Image

from benchmark_rows import row
from mnistx_runtime.benchmark.libraries import LIBRARIES
from mnistx_runtime.benchmark.tables import TABLES, figure, pick_row, tables


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
    found, lines = pick_row(rows, by)
    assert found.artifact == best and f"--model {best}" in lines and LIBRARIES[found.runtime].distribution in lines


def test_the_figure_is_a_picture() -> None:
    drawn = Image.open(io.BytesIO(figure([row(), row("m.tflite", "litert", p50=300)], 100.0, "Chip X")))
    assert drawn.width > 1000 and len(drawn.convert("RGB").getcolors(1 << 24) or []) > 50


def test_what_is_unknown_is_left_empty() -> None:
    known, unknown = row(), replace(row(), sgemm_share=None, accuracy=None, overhead_us=None)
    assert "80%" in tables([known]) and "%" not in tables([unknown]).replace("100%", "")
