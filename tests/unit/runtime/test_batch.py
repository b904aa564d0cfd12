"""Many pictures at once: each is answered, in order, whatever is wrong with others."""

import io
import os
import subprocess
import sys
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnistx_export.golden import draw_digit
from mnistx_runtime import BadInput, Prediction, PredictionRefused, Predictor, Reading
from mnistx_runtime.batch import FEW, found_in, prepare_files, prepare_picture
from mnistx_runtime.errors import UnreadablePicture
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.pictures import Source
from mnistx_runtime.preprocess import preprocess_for
from mnistx_runtime.preprocess.mnist_digit import MnistDigit
from mnistx_runtime.system import process_pool

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


def without_palette(path: Path) -> Path:
    """A PNG of colours in a palette that it lacks: Pillow opens it, and fails when it's asked for them."""
    file = io.BytesIO()
    Image.fromarray(draw_digit(3, 1, 56)).convert("P").save(file, "PNG")
    data = file.getvalue()
    at = data.index(b"PLTE") - 4
    path.write_bytes(data[:at] + data[at + 12 + int.from_bytes(data[at : at + 4], "big") :])
    return path


@pytest.mark.parametrize("many", [False, True])
def test_a_picture_that_pillow_opens_and_then_stumbles_over_is_one_that_cannot_be_read(
    many: bool, tmp_path: Path
) -> None:
    sources: list[Source] = [without_palette(tmp_path / "p.png"), Image.new("La", (30, 40)), 255 - draw_digit(7, 1, 56)]
    first, second, third = Predictor().predict_files(sources, many=many)
    for found, name in ((first, f"{tmp_path / 'p.png'}"), (second, "the picture")):
        assert isinstance(found, UnreadablePicture) and str(found).startswith(f"{name} can't be read as a picture: ")
    assert isinstance(third, Prediction | Reading)
    with pytest.raises(UnreadablePicture):
        Predictor().predict(sources[0])


def test_a_fault_of_ours_costs_one_picture_its_answer_and_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(preprocess: object, picture: Image.Image) -> object:
        raise KeyError("seven") if picture.width == 7 else PredictionRefused("nothing")

    monkeypatch.setattr(MnistDigit, "prepare", broken)
    first, second = Predictor().predict_files([Image.new("L", (7, 9)), Image.new("L", (8, 9))])
    assert isinstance(first, UnreadablePicture)
    assert str(first) == "the picture can't be prepared, by a fault of mnistx (KeyError: 'seven' is missing)"
    assert isinstance(second, PredictionRefused)
    with pytest.raises(KeyError):
        Predictor().predict(Image.new("L", (7, 9)))


def test_many_digits_and_pictures_in_memory_go_the_same_way() -> None:
    page = np.concatenate([np.full((56, 30), 255, np.uint8), *(255 - draw_digit(d, 1, 56) for d in (4, 2))], axis=1)
    first, second = Predictor().predict_files([page, Image.fromarray(page)], many=True)
    assert isinstance(first, Reading) and isinstance(second, Reading)
    assert first.text == second.text == "42"


@pytest.mark.parametrize("does", ["os._exit(9)", "spin()", "bytes(1 << 32)"])
def test_a_decoder_that_kills_its_process_or_fills_it_costs_one_picture(
    does: str, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        "from mnistx_runtime import batch, picture_pool\n"
        "from mnistx_runtime.system.process_limits import Limits\n"
        "opened = batch.open_picture\n"
        "def spin():\n"
        "    while True:\n"
        "        pass\n"
        "def open_or_die(source, draft):\n"
        f"    return {does} if str(source).endswith('009.png') else opened(source, draft)\n"
        "batch.open_picture = open_or_die\n"
        "picture_pool.WORKER = Limits(2, 2 << 30)\n"
    )
    lines = answers_of_script(folder, tmp_path)
    assert len(lines) == COUNT
    assert lines[9].startswith("UnreadablePicture") and "009.png" in lines[9]
    assert ("not enough memory" if "bytes" in does else "crashed, or took more than 2 s") in lines[9]
    assert sum(line.startswith("Prediction ") for line in lines) == COUNT - 3


def answers_of_script(folder: Path, tmp_path: Path) -> list[str]:
    """What a script without a guard is answered by two processes; Python runs a sitecustomize.py beside it in each."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; from mnistx_runtime import Predictor\n"
        "for answer in Predictor().predict_files(sys.argv[1:], processes=2):\n"
        "    print(type(answer).__name__, getattr(answer, 'source', answer))\n"
    )
    paths = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, str(script), *map(str, names(folder))]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=paths).stdout.splitlines()


def test_a_script_without_a_guard_is_answered_like_any_other(folder: Path, tmp_path: Path) -> None:
    lines = answers_of_script(folder, tmp_path)
    assert len(lines) == COUNT
    assert sum(line.startswith("Prediction ") for line in lines) == COUNT - 2
    assert not any("crashed" in line for line in lines)


def test_processes_that_can_not_start_are_no_fault_of_a_picture(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_pool, "_prepare_process", os._exit)
    with pytest.raises(BadInput, match="can't start processes"):
        list(Predictor().predict_files(names(folder), processes=2))
    assert not active_children()


def test_an_iteration_that_ends_early_leaves_no_process(folder: Path) -> None:
    answers = Predictor().predict_files(names(folder), processes=2)
    next(answers)
    answers.close()
    assert not active_children()


def test_what_is_prepared_is_what_the_preprocess_gives() -> None:
    page = np.concatenate([255 - draw_digit(d, 1, 56) for d in (4, 2)], axis=1)
    one = 255 - draw_digit(7, 1, 56)
    spec = Predictor().metadata.input
    preprocess = preprocess_for(spec)
    (found,) = prepare_files([page], spec, many=True, processes=1)
    expected = preprocess.prepare_many(Image.fromarray(page))
    assert isinstance(found, list) and [line[-1].span[1] for line in found] == [expected[0][-1].span[1]]
    for piece, prepared in zip(found[0], expected[0], strict=True):
        assert (piece.image == prepared.image).all() and piece.box == prepared.box
    (alone,) = prepare_files([one], spec, many=False, processes=1)
    assert isinstance(alone, list) and (alone[0][0].image == preprocess.prepare(Image.fromarray(one)).image).all()
    assert found_in([[preprocess.prepare(Image.fromarray(one))]])[0][0].box == alone[0][0].box


def test_every_spec_goes_to_the_processes_with_its_parameters() -> None:
    spec = InputSpec(
        channels=3, height=20, width=30, mean=(0.5,) * 3, std=(0.5,) * 3, preprocess="resize",
        parameters={"mode": "shorter", "size": 40},
    )  # fmt: skip
    noise = np.random.default_rng(0).integers(0, 256, (COUNT, 50, 60, 3)).astype(np.uint8)
    pictures = [Image.fromarray(each) for each in noise]
    for processes in (1, 2):
        for number, found in enumerate(prepare_files(pictures, spec, many=False, processes=processes)):
            assert isinstance(found, list)
            assert (found[0][0].image == preprocess_for(spec).prepare(pictures[number]).image).all()


def test_few_pictures_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise AssertionError

    monkeypatch.setattr(process_pool, "process_pool", refuse)
    pictures = [255 - draw_digit(7, 1, 56)] * FEW
    assert len(list(prepare_files(pictures, Predictor().metadata.input, many=False, processes=8))) == FEW


def test_memory_that_lacks_is_no_fault_of_ours_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("mnistx_runtime.preprocess.mnist_digit.MnistDigit.prepare", fail)
    (found,) = prepare_files([np.zeros((30, 30), np.uint8)], Predictor().metadata.input, False, 1)
    assert isinstance(found, UnreadablePicture) and str(found).endswith("not enough memory")


@pytest.mark.parametrize("many", [True, False])
def test_a_picture_of_nothing_but_points_does_not_stop_the_rest(many: bool) -> None:
    predictor = Predictor()
    digit = found_in(prepare_picture(255 - draw_digit(3, 1, 56), preprocess_for(predictor.metadata.input), many))
    points = [[found._replace(mark=".") for found in line] for line in digit]
    first, second = predictor.answer_prepared(["points.png", "three.jpg"], [points, digit], many)
    assert isinstance(first, PredictionRefused) and "nothing of the ink" in str(first)
    assert isinstance(second, Reading if many else Prediction)
