"""Many pictures at once: each is answered, in order, whatever is wrong with others; an answers file is gone on with."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command import PICTURES, json_lines, mnistx
from mnistx_export.golden import draw_digit
from mnistx_runtime import BadInput, Prediction, PredictionRefused, Predictor, Reading
from mnistx_runtime.batch import FEW
from mnistx_runtime.records import COLUMNS

COUNT = 2 * FEW


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 64 pictures: the third is damaged, the fifth blank."""
    found = tmp_path_factory.mktemp("pictures")
    for number in range(COUNT):
        Image.fromarray(255 - draw_digit(number % 10, number, 56)).save(found / f"{number:03}.png")
    (found / "002.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 40)
    Image.new("L", (90, 90), 255).save(found / "004.png")
    return found


def names(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.mark.parametrize("processes", [1, 2])
def test_every_picture_gets_an_answer_or_an_error_in_order(folder: Path, processes: int) -> None:
    predictor = Predictor()
    answers = list(predictor.predict_files(names(folder), processes=processes))
    assert len(answers) == COUNT
    assert isinstance(answers[2], BadInput) and "002.png" in str(answers[2])
    assert isinstance(answers[4], PredictionRefused)
    for number, (path, answer) in enumerate(zip(names(folder), answers, strict=True)):
        if number not in (2, 4):
            assert isinstance(answer, Prediction)
            alone = predictor.explain(path)[1]
            assert (answer.source, answer.label, answer.box) == (str(path), alone.label, alone.box)
            assert np.abs(answer.log_probs - alone.log_probs).max() < 1e-4


def test_many_digits_and_pictures_in_memory_go_the_same_way() -> None:
    page = np.concatenate([np.full((56, 30), 255, np.uint8), *(255 - draw_digit(d, 1, 56) for d in (4, 2))], axis=1)
    first, second = Predictor().predict_files([page, Image.fromarray(page)], many=True)
    assert isinstance(first, Reading) and isinstance(second, Reading)
    assert first.text == second.text == "42"


def test_a_decoder_that_kills_its_process_costs_one_picture(folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\n"
        "from mnistx_runtime import pictures, batch\n"
        "opened = batch.open_picture\n"
        "batch.open_picture = lambda source: os._exit(9) if str(source).endswith('009.png') else opened(source)\n"
        "if __name__ == '__main__':\n"
        "    from mnistx_runtime import Predictor\n"
        "    for answer in Predictor().predict_files(sys.argv[1:], processes=2):\n"
        "        print(type(answer).__name__, getattr(answer, 'source', answer))\n"
    )
    command = [sys.executable, str(script), *map(str, names(folder))]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == COUNT
    assert lines[9].startswith("BadInput") and "009.png" in lines[9] and "crashed" in lines[9]
    assert sum(line.startswith("Prediction ") for line in lines) == COUNT - 3


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_answers_go_to_a_file_and_are_gone_on_with(folder: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"answers.{ending}"
    found = mnistx("predict", folder, "--out", out, "--threads", "1")
    assert found.exit_code == 2 and not found.stdout
    whole = out.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert len(lines) == COUNT + (ending == "csv")
    out.write_bytes(b"".join(lines[:20]) + lines[20][:7])
    again = mnistx("predict", folder, "--out", out, "--resume", "--threads", "1")
    assert again.exit_code == 2 and f"of {COUNT} pictures are answered already" in again.stderr
    if ending == "csv":
        assert strip(out.read_text()) == strip(whole.decode())
    else:
        assert [json.loads(line)["source"] for line in out.read_text().splitlines()] == [
            str(path) for path in names(folder)
        ]
    assert mnistx("predict", folder, "--out", out, "--resume").exit_code == 2
    assert len(out.read_bytes().splitlines()) == len(lines)


def strip(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_a_row_of_csv_says_what_the_json_says(tmp_path: Path) -> None:
    page = np.concatenate([255 - draw_digit(d, 1, 56) for d in (9, 0)], axis=1)
    Image.fromarray(page).save(tmp_path / "page.png")
    out = tmp_path / "answers.csv"
    assert mnistx("predict", tmp_path / "page.png", "--many", "--out", out).exit_code == 0
    (reading,) = json_lines(mnistx("predict", tmp_path / "page.png", "--many", "--json"))
    rows = strip(out.read_text())
    assert [row["label"] for row in rows] == ["9", "0"] and reading["text"] == "90"
    for row, digit in zip(rows, reading["digits"], strict=True):
        assert tuple(row) == COLUMNS
        assert [int(row[side]) for side in ("left", "top", "right", "bottom")] == digit["box"]
        assert float(row["probability"]) == digit["probability"] and row["line"] == str(digit["line"])


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--out", "answers.txt"], ".csv or .jsonl"),
        (["--out", "taken.csv"], "--resume"),
        (["--out", "no/such/answers.csv"], "no such folder"),
        (["--out", "answers.csv", "--top-k", "2"], ".jsonl"),
        (["--out", "foreign.csv", "--resume"], "doesn't hold answers"),
        (["--out", "foreign.jsonl", "--resume"], "doesn't hold answers"),
        (["--resume"], "--out"),
    ],
)
def test_answers_that_can_not_be_written_are_refused_before_any_work(
    options: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("taken.csv", "foreign.csv", "foreign.jsonl"):
        Path(name).write_text("a,b\n1,2\n")
    found = mnistx("predict", PICTURES / "seven.jpg", *options)
    assert found.exit_code == 2 and why in found.stderr and len(found.stderr.splitlines()) == 1
    assert Path("taken.csv").read_text() == Path("foreign.csv").read_text() == "a,b\n1,2\n"


@pytest.mark.slow
def test_a_killed_call_goes_on_and_answers_each_picture_once(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    page = Image.fromarray(255 - draw_digit(6, 1, 400))
    for number in range(600):
        page.save(tmp_path / "in" / f"{number}.png")
    out = tmp_path / "answers.jsonl"
    command = [sys.executable, "-m", "mnistx_runtime", "predict", str(tmp_path / "in"), "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        while process.poll() is None and (not out.exists() or out.stat().st_size < 20_000):
            pass
        os.killpg(process.pid, signal.SIGKILL)
    assert 0 < len(out.read_bytes().splitlines()) < 600
    assert subprocess.run([*command, "--resume"], check=False, capture_output=True).returncode == 0
    assert sorted(json.loads(line)["source"] for line in out.read_text().splitlines()) == sorted(
        map(str, (tmp_path / "in").iterdir())
    )
