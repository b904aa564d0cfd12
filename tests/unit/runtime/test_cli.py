from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command import PICTURES, json_lines, mnistx
from mnistx_runtime import cli
from mnistx_runtime.predictor import BUNDLED
from paper import photo

NOISE = np.random.default_rng(0).normal(128, 90, (28, 28)).clip(0, 255).astype(np.uint8)


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


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["predict", "missing.png"], "missing.png: no such file"),
        (["predict", "{empty}"], "no picture in this folder"),
        (["predict"], "Missing argument"),
        (["predict", "-"], "the data is empty"),
        (["predict", "x.png", "--runtime", "orrt"], "did you mean 'ort'"),
        (["predict", "x.png", "--model", "missing.onnx"], "missing.onnx: no such model file"),
        (["predict", "x.png", "--model", "{truncated}"], "is not a readable ONNX model"),
        (["predict", "x.png", "--top-k", "0"], "--top-k"),
        (["predict", "x.png", "--min-confidence", "2"], "--min-confidence"),
        (["predict", "x.png", "y.png", "--explain", "z.png"], "draws one picture, not 2"),
        (["predict", str(PICTURES / "seven.jpg"), "--explain", "/nowhere/z.png"], "can't write /nowhere/z.png"),
        (["predict", "x.png", "--threads", "0"], "--threads"),
        (["verify", "missing.onnx"], "no such model file"),
        (["verify", "{truncated}"], "is not a readable ONNX model"),
        (["verify", "x.h5"], "no runtime reads '.h5' files"),
        (["inspect", "{truncated}"], "is not a readable ONNX model"),
        (["predcit"], "did you mean 'predict'"),
    ],
)
def test_bad_input_gets_one_clear_line_and_exit_code_2(args: list[str], told: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "truncated.onnx").write_bytes(BUNDLED.read_bytes()[:99_999])
    named = {"{empty}": str(tmp_path / "empty"), "{truncated}": str(tmp_path / "truncated.onnx")}
    found = mnistx(*[named.get(arg, arg) for arg in args])
    assert found.exit_code == 2
    assert told in found.stderr
    assert len([line for line in found.stderr.splitlines() if line.startswith("Error: ")]) == 1
    assert "Traceback" not in found.output


def test_a_command_whose_package_is_missing_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_installed", dict)
    found = mnistx("train")
    assert found.exit_code == 2
    assert "pip install ./runtime ./train" in found.stderr
    listed = mnistx("--help").stdout.split("Commands:")[1]
    assert [line.split()[0] for line in listed.strip().splitlines()] == sorted(cli.COMMANDS)


def test_an_error_that_is_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mnistx_runtime.predictor.Predictor.predict_files", broken)
    assert isinstance(mnistx("predict", PICTURES / "seven.jpg").exception, ZeroDivisionError)


def test_verify_says_of_each_artifact_what_it_is(tmp_path: Path) -> None:
    data = bytearray(BUNDLED.read_bytes())
    at = data.index(b"fc1.weight")
    data[at - 500_000] ^= 0x40
    (tmp_path / "flipped.onnx").write_bytes(data)
    found = mnistx("verify", BUNDLED, tmp_path / "flipped.onnx", "--json")
    assert found.exit_code == 1
    good, bad = json_lines(found)
    assert good["passed"] and good["weights"] == "match" and good["parity"]["changed"] == 0
    assert not bad["passed"] and bad["weights"] == "differ"
    assert "IS NOT THE TRAINED MODEL" in mnistx("verify", tmp_path / "flipped.onnx").stdout


def test_inspect_shows_the_metadata() -> None:
    (values,) = json_lines(mnistx("inspect", "--json"))
    assert values["names"] == list("0123456789") and values["imgsz"] == [28, 28] and values["task"] == "classify"
    assert values["mean"] == 0.1307 and values["std"] == 0.3081 and values["size"] == BUNDLED.stat().st_size
    assert values["test_accuracy"] > 0.98 and values["license"] == "MIT"
    for name in values:
        assert name in mnistx("inspect", BUNDLED).stdout


def test_runtimes_lists_what_can_run() -> None:
    found = {line["runtime"]: line for line in json_lines(mnistx("runtimes", "--json"))}
    assert found["ort"]["available"] and found["ort"]["endings"] == [".onnx", ".ort"]
    assert "can run here" in mnistx("runtimes").stdout
