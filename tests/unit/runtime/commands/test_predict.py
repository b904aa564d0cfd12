import csv
import errno
import gc
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
from PIL import Image

from command import PICTURES, json_lines, mnistx, mnistx_process
from mnistx_export.golden import draw_digit
from mnistx_runtime.predictor import Predictor
from mnistx_runtime.record_formats import COLUMNS
from paper import photo

COUNT = 12
NOISE = np.random.default_rng(0).normal(128, 90, (28, 28)).clip(0, 255).astype(np.uint8)
LONG = "a" * 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures: the third is damaged, the fifth blank."""
    found = tmp_path_factory.mktemp("pictures")
    for number in range(COUNT):
        Image.fromarray(255 - draw_digit(number % 10, number, 56)).save(found / f"{number:03}.png")
    (found / "002.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 40)
    Image.new("L", (90, 90), 255).save(found / "004.png")
    return found


def test_predict_answers_files_folders_and_standard_input(tmp_path: Path) -> None:
    photo(6, 1).save(tmp_path / "six.png")
    (tmp_path / "deeper").mkdir()
    photo(2, 1).save(tmp_path / "deeper" / "two.jpg")
    (tmp_path / "notes.txt").write_text("not a picture")
    found = mnistx("predict", tmp_path, "-", "--json", stdin=(PICTURES / "seven.jpg").read_bytes())
    assert found.exit_code == 0, found.stderr
    assert [(line["source"], line["label"], line["name"]) for line in json_lines(found)] == [
        (str(tmp_path / "deeper" / "two.jpg"), 2, "2"),
        (str(tmp_path / "six.png"), 6, "6"),
        ("-", 7, "7"),
    ]
    assert all(0.5 < line["probability"] <= 1 for line in json_lines(found))


def test_predict_prints_a_line_a_picture() -> None:
    found = mnistx("predict", PICTURES / "seven.jpg", "--top-k", "2")
    assert found.stdout.startswith(f"{PICTURES / 'seven.jpg'}: 7 (")
    assert found.stdout.count("%") == 2 and found.stdout.count("\n") == 1


@pytest.mark.parametrize(("model", "exit_code"), [((), 0), (("--model", "no.onnx"), 2)])
def test_no_garbage_is_collected_while_the_model_is_loaded(
    model: tuple[str, ...], exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def loaded(*args: Any, **kwargs: Any) -> Predictor:
        seen.append(gc.isenabled())
        return Predictor(*args, **kwargs)

    monkeypatch.setattr("mnistx_runtime.predictor.Predictor", loaded)
    assert mnistx("predict", PICTURES / "seven.jpg", *model).exit_code == exit_code
    assert seen == [False] and gc.isenabled() and gc.get_freeze_count() == 0


def test_explain_draws_what_the_model_saw(tmp_path: Path) -> None:
    found = mnistx("predict", PICTURES / "three.jpg", "--explain", tmp_path / "x.png", "--show", "--json")
    assert found.exit_code == 0 and json_lines(found)[0]["label"] == 3
    assert len(found.stderr.splitlines()) == 28 and "█" in found.stderr
    figure = Image.open(tmp_path / "x.png").convert("RGB")
    assert figure.width > 3 * figure.height
    colours = {colour for _, colour in figure.getcolors(1 << 24) or []}
    assert (212, 61, 42) in colours and (31, 111, 180) in colours


@pytest.mark.parametrize(
    ("picture", "options", "why"),
    [
        (photo(3, 0), ["--min-confidence", "1"], "not sure enough"),
        (Image.fromarray(NOISE).resize((200, 200)), [], "no digit found"),
    ],
)
def test_what_is_refused_as_doubtful_can_still_be_looked_at(
    picture: Image.Image, options: list[str], why: str, tmp_path: Path
) -> None:
    picture.save(tmp_path / "doubtful.png")
    out = tmp_path / "x.png"
    found = mnistx("predict", tmp_path / "doubtful.png", *options, "--explain", out, "--json")
    assert found.exit_code == 1
    assert why in json_lines(found)[0]["error"] and why in found.stderr
    assert out.is_file()


def test_one_bad_picture_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 40)
    Image.new("L", (90, 90), 255).save(tmp_path / "blank.png")
    found = mnistx("predict", tmp_path / "broken.png", tmp_path / "blank.png", PICTURES / "three.jpg", "--json")
    assert found.exit_code == 2
    broken, blank, three = json_lines(found)
    assert broken["exit_code"] == 2 and "broken.png" in broken["error"]
    assert blank["exit_code"] == 1 and "no ink" in blank["error"]
    assert three["label"] == 3
    assert len(found.stderr.splitlines()) == 2


def test_a_refusal_alone_ends_with_1(tmp_path: Path) -> None:
    Image.new("L", (90, 90), 255).save(tmp_path / "blank.png")
    found = mnistx("predict", tmp_path / "blank.png")
    assert found.exit_code == 1 and found.stdout == ""
    assert found.stderr.startswith("Error: ") and "no ink" in found.stderr


def names(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def strip(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_answers_go_to_a_file_and_are_gone_on_with(folder: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"answers.{ending}"
    found = mnistx("predict", folder, "--out", out, "--threads", "1")
    assert found.exit_code == 2 and not found.stdout
    whole = out.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert len(lines) == COUNT + (ending == "csv")
    out.write_bytes(b"".join(lines[:8]) + lines[8][:7])
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
        (["--out", "notes.csv", "--resume"], "doesn't hold answers"),
        (["--out", "notes.jsonl", "--resume"], "doesn't hold answers"),
        (["--resume"], "--out"),
    ],
)
def test_answers_that_can_not_be_written_are_refused_before_any_work(
    options: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("taken.csv", "foreign.csv", "foreign.jsonl"):
        Path(name).write_text("a,b\n1,2\n")
    for name in ("notes.csv", "notes.jsonl"):
        Path(name).write_text("milk, bread")
    found = mnistx("predict", PICTURES / "seven.jpg", *options)
    assert found.exit_code == 2 and why in found.stderr and len(found.stderr.splitlines()) == 1
    assert Path("notes.csv").read_text() == Path("notes.jsonl").read_text() == "milk, bread"
    assert Path("taken.csv").read_text() == Path("foreign.csv").read_text() == "a,b\n1,2\n"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 200 pictures."""
    folder = tmp_path_factory.mktemp("large")
    page = Image.fromarray(255 - draw_digit(6, 1, 100))
    for number in range(200):
        page.save(folder / f"{number}.png")
    return folder


CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129, "SIGKILL": -9}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows ends a process at once, and has no such pipe")
@pytest.mark.parametrize("name", CODES)
def test_a_stopped_call_leaves_no_process_and_goes_on_to_answer_each_picture_once(
    name: str, large: Path, tmp_path: Path
) -> None:
    out, pipe = tmp_path / "answers.jsonl", tmp_path / "pipe.png"
    args = ["predict", str(large), "--out", str(out), "--threads", "2"]
    os.mkfifo(pipe)  # nobody writes to it: who reads it waits, and the call doesn't end before it is stopped
    script = (
        "import signal, sys; from mnistx_runtime.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "main(sys.argv[1:], prog_name='mnistx')\n"
    )
    command = [sys.executable, "-c", script, *args, str(pipe)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and (not out.exists() or out.stat().st_size < 2_000):
            sleep(0.01)
        process.send_signal(getattr(signal, name))
        told, errors = process.communicate()  # their ends are where the last process that holds them ends
    assert process.returncode == CODES[name] and not told
    assert not errors or (name == "SIGKILL" and "leaked semaphore" in errors)
    assert 0 < len(out.read_bytes().splitlines()) <= 200
    assert mnistx(*args, "--resume").exit_code == 0
    answered = sorted(json.loads(line)["source"] for line in out.read_text().splitlines())
    assert answered == sorted(map(str, large.iterdir()))


@pytest.mark.parametrize("name", [LONG, "nul\0byte.png", f"{LONG}/b.png"])
def test_a_name_that_no_file_can_have_stops_no_other_picture(name: str) -> None:
    found = mnistx("predict", name, PICTURES / "three.jpg", "--json")
    assert found.exit_code == 2
    bad, three = json_lines(found)
    assert bad["exit_code"] == 2 and three["label"] == 3


@pytest.mark.parametrize("out", [None, "answers.csv", "answers.jsonl"])
def test_a_name_that_is_no_text_is_answered_like_any_other(out: str | None, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    try:
        (tmp_path / "in" / os.fsdecode(b"\xff.jpg")).write_bytes((PICTURES / "seven.jpg").read_bytes())
    except OSError:
        pytest.skip("this file system takes no such name")
    (tmp_path / "in" / "three.jpg").write_bytes((PICTURES / "three.jpg").read_bytes())
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    args: list[str | Path] = ["predict", tmp_path / "in", *(("--out", tmp_path / out) if out else ())]
    code, told, errors = mnistx_process(*args, env=strict)
    assert code == 0 and "Traceback" not in errors
    if out is None:
        assert len(told.splitlines()) == 2 and "\\xff.jpg: 7" in told
        return
    again, _, errors = mnistx_process(*args, "--resume", env=strict)
    assert again == 0 and "2 of 2 pictures are answered already" in errors


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--many"], "made with many=False, not with many=True"),
        (["--min-confidence", "0.9"], "made with min_confidence=0.5, not with min_confidence=0.9"),
        (["--top-k", "2"], "made with top_k=1, not with top_k=2"),
        (["--model", "m.onnx"], "not with model="),
    ],
)
def test_answers_of_another_model_or_mode_are_never_mixed(options: list[str], why: str, tmp_path: Path) -> None:
    from seal_bundled import seal_bundled

    model = seal_bundled(tmp_path / "m.onnx", 1)
    out = tmp_path / "answers.jsonl"
    assert mnistx("predict", PICTURES / "seven.jpg", "--out", out).exit_code == 0
    kept = out.read_bytes()
    named = [str(model) if option == "m.onnx" else option for option in options]
    found = mnistx("predict", PICTURES, "--out", out, "--resume", *named)
    assert found.exit_code == 2 and why in found.stderr and found.stderr.count("\n") == 1
    assert out.read_bytes() == kept


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_whatever_is_cut_from_the_answers_to_many_digits_is_answered_again(ending: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        page = np.concatenate([255 - draw_digit(d, 1, 56) for d in (9, 0, 7)], axis=1)
        Image.fromarray(page).save(tmp_path / f"{name}\n.png")
    out = tmp_path / f"answers.{ending}"
    args = ("predict", tmp_path, "--many", "--out", out)
    assert mnistx(*args).exit_code == 0
    whole = out.read_bytes()

    def answers() -> list[str]:
        return [line.partition(b'"elapsed_ms"')[0].decode() for line in out.read_bytes().splitlines()]

    unbroken = answers()
    assert len(unbroken) == (7 if ending == "csv" else 2)
    for cut in range(0, len(whole), 37):
        out.write_bytes(whole[:cut])
        found = mnistx(*args, "--resume")
        assert found.exit_code == 0, found.stderr
        assert answers() == unbroken


def test_a_picture_named_in_two_ways_is_answered_once_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jpg").write_bytes((PICTURES / "seven.jpg").read_bytes())
    assert mnistx("predict", "a.jpg", "./a.jpg", "--out", "answers.csv").exit_code == 0
    found = mnistx("predict", "./a.jpg", ".", tmp_path, "--out", "answers.csv", "--resume")
    assert found.stderr == "answers.csv: 3 of 3 pictures are answered already\n"
    assert [row["source"] for row in strip(Path("answers.csv").read_text())] == ["a.jpg"]


def test_what_the_machine_lacks_is_no_answer_to_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process with too many files open ends, and says so; the pictures that it didn't answer are answered later."""
    out = tmp_path / "answers.csv"
    opened = Path.open

    def exhausted(path: Path, *args: Any, **named: Any) -> Any:
        if path.name == "seven.jpg":
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path))
        return opened(path, *args, **named)

    monkeypatch.setattr("mnistx_runtime.pictures.Path.open", exhausted)
    found = mnistx("predict", PICTURES, "--out", out)
    assert found.exit_code == 2 and found.stderr == f"Error: {PICTURES / 'seven.jpg'}: Too many open files\n"
    assert [row["label"] for row in strip(out.read_text())] == ["8"]
    assert mnistx("predict", PICTURES / "seven.jpg").exit_code == 2
    monkeypatch.undo()
    assert mnistx("predict", PICTURES, "--out", out, "--resume").exit_code == 0
    assert [row["label"] for row in strip(out.read_text())] == ["8", "7", "3"]


@pytest.mark.parametrize("name", ["no", "no ink", "not", "n"])
def test_every_picture_s_name_stands_before_what_is_wrong_with_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("L", (90, 90), 255).save(name, "PNG")
    assert mnistx("predict", name).stderr.startswith(f"Error: {name}: no ink found")
    Path(name).write_bytes(b"")
    assert mnistx("predict", name).stderr == f"Error: {name} is empty\n"
    Path(name).unlink()
    assert mnistx("predict", name).stderr == f"Error: {name}: no such file\n"
    Path(name).mkdir()
    assert mnistx("predict", name).stderr == f"Error: {name}: no picture in this folder\n"


def test_names_can_not_steer_the_terminal(tmp_path: Path) -> None:
    from tiny_onnx import write_tiny

    name, red = "a\x1b[2J\n.jpg", ["\x1b[31mred", *"123456789"]
    (tmp_path / name).write_bytes((PICTURES / "seven.jpg").read_bytes())
    model = write_tiny(tmp_path / "m\x1b[2J.onnx", "N", 0.0, names=red)
    seen = mnistx("predict", tmp_path / name, "--model", model, "--min-confidence", "0")
    refused = mnistx("predict", tmp_path / name, "--model", model)
    missing = mnistx("predict", f"{name}.png")
    others = [mnistx(command, model) for command in ("verify", "inspect")]
    assert r"a\x1b[2J\x0a.jpg: \x1b[31mred" in seen.stdout
    assert r"not sure enough: \x1b[31mred" in refused.stderr and r"a\x1b[2J .jpg.png: no such" in missing.stderr
    for found in (seen, refused, missing, *others):
        assert found.output and "\x1b" not in found.output


def test_a_figure_replaces_only_a_figure(tmp_path: Path) -> None:
    mine, photo_of_mine = tmp_path / "x.png", tmp_path / "three.png"
    Image.open(PICTURES / "three.jpg").save(photo_of_mine)
    kept = photo_of_mine.read_bytes()
    for name in ("seven", "three"):
        assert mnistx("predict", PICTURES / f"{name}.jpg", "--explain", mine).exit_code == 0
    again = mine.read_bytes()
    found = mnistx("predict", photo_of_mine, "--explain", photo_of_mine)
    assert found.exit_code == 2 and found.stdout == ""
    assert found.stderr == f"Error: {photo_of_mine} exists and is no figure of mnistx's; name another file\n"
    assert photo_of_mine.read_bytes() == kept and mine.read_bytes() == again
    assert Image.open(mine).text["Software"] == "mnistx"  # type: ignore[attr-defined]


def test_an_unsure_digit_costs_a_row_neither_the_others_nor_their_boxes() -> None:
    code = PICTURES.parent / "postal-code.jpg"
    found = mnistx("predict", code, "--many", "--json", "--min-confidence", "1")
    (line,) = json_lines(found)
    assert found.exit_code == line["exit_code"] == 1 and "?" in line["error"]
    assert line["text"] == "20742" and all(len(digit["box"]) == 4 for digit in line["digits"])
