from pathlib import Path

import numpy as np
import pytest

from command import PICTURES, ROOT
from mnistx_export.golden import draw_digit
from mnistx_runtime.answers import Mode, answer_values, made_by
from mnistx_runtime.errors import PredictionRefused
from mnistx_runtime.predictor import Predictor

USUAL = Mode(many=False, top_k=1, min_confidence=0.5)


def test_an_answer_is_named_as_its_picture_was() -> None:
    (answer,) = Predictor().predict_files([str(PICTURES / "seven.jpg")])
    values = answer_values("./seven.jpg", answer, Mode(many=False, top_k=2, min_confidence=0.5))
    assert values["source"] == "./seven.jpg" and values["label"] == 7 and len(values["top"]) == 2
    assert "error" not in values


@pytest.mark.parametrize("many", [False, True])
def test_an_answer_that_is_not_sure_enough_is_an_error_and_of_many_digits_it_is_given(many: bool) -> None:
    (answer,) = Predictor().predict_files([255 - draw_digit(6, 1, 56)], many)
    values = answer_values("six.png", answer, Mode(many, 1, 1.0))
    assert values["exit_code"] == 1 and values["error"].startswith("six.png: not sure enough")
    assert ("digits" in values) == many and "label" not in values


def test_a_refusal_names_the_picture_and_an_empty_folder_says_what_it_holds(tmp_path: Path) -> None:
    values = answer_values("blank.png", PredictionRefused("there is no ink on it"), USUAL)
    assert values == {"source": "blank.png", "error": "blank.png: there is no ink on it", "exit_code": 1}
    (folder,) = Predictor().predict_files([str(tmp_path)])
    assert answer_values(str(tmp_path), folder, USUAL)["error"].endswith("no picture in this folder")


def test_what_made_an_answer_tells_models_and_modes_apart() -> None:
    spec = Predictor().metadata.input
    made = {
        made_by(None, spec, USUAL),
        made_by(ROOT / "artifacts" / "mnist-cnn.onnx", spec, USUAL),
        made_by(None, spec, Mode(True, 1, 0.5)),
        made_by(None, spec, Mode(False, 1, 0.6)),
    }
    assert len(made) == 3 and all(each.startswith("mnistx-answers-1 model=") for each in made)


def test_values_are_of_the_picture_whatever_memory_holds() -> None:
    (answer,) = Predictor().predict_files([np.zeros((40, 40), np.uint8)])
    assert answer_values("-", answer, USUAL)["error"].startswith("-: ")
