import json

import numpy as np
import pytest

from mnistx_runtime.errors import PredictionRefused
from mnistx_runtime.prediction import Mark, Prediction, Reading

NAMES = ("cat", "dog", "owl")
LOGS = np.log(np.array([0.2, 0.7, 0.1], np.float32))


def answer(**values: object) -> Prediction:
    return Prediction(1, LOGS, NAMES, 2.0, **values)  # type: ignore[arg-type]


def test_an_answer_knows_its_name_and_probabilities() -> None:
    assert answer().name == "dog" and answer().probability == pytest.approx(0.7)
    assert answer().probabilities.sum() == pytest.approx(1)
    assert [name for name, _ in answer().top(2)] == ["dog", "cat"] and len(answer().top(9)) == 3
    assert str(answer()) == "dog (70.00%)"


def test_the_temperature_changes_probabilities_and_not_the_answer() -> None:
    warm = answer(temperature=2.0)
    expected = np.sqrt([0.2, 0.7, 0.1])
    assert warm.probabilities == pytest.approx(expected / expected.sum(), abs=1e-6)
    assert warm.name == "dog"


def test_log_probabilities_of_any_size_give_probabilities() -> None:
    far = Prediction(0, np.array([-1e4, -2e4, -3e4], np.float32), NAMES, 0.0)
    assert far.probabilities.tolist() == [1, 0, 0]


def test_what_is_not_sure_enough_is_refused_and_a_reason_weighs_more() -> None:
    answer().require(0.69)
    with pytest.raises(PredictionRefused, match=r"not sure enough: dog with 70\.0%, below 71\.0%"):
        answer().require(0.71)
    with pytest.raises(PredictionRefused, match="a blot"):
        answer(rejection_reason="a blot").require(0.0)
    with pytest.raises(PredictionRefused):
        Prediction(0, np.array([np.nan] * 3, np.float32), NAMES, 0.0).require(0.0)


def test_the_json_of_an_answer() -> None:
    found = json.loads(json.dumps(answer(source="a.png", box=(1, 2, 3, 4)).to_dict(2)))
    assert found == {
        "source": "a.png",
        "label": 1,
        "name": "dog",
        "probability": pytest.approx(0.7),
        "elapsed_ms": 2.0,
        "box": [1, 2, 3, 4],
        "top": [{"name": "dog", "probability": 0.7}, {"name": "cat", "probability": 0.2}],
    }
    assert "box" not in answer().to_dict() and "top" not in answer().to_dict()


def test_a_reading_is_as_sure_as_its_least_sure_digit() -> None:
    unsure = Prediction(0, np.log(np.array([0.5, 0.3, 0.2], np.float32)), NAMES, 0.0)
    reading = Reading(((answer(), unsure), (answer(),)), 3.0, "a.png")
    assert reading.text == "dogcat\ndog" and len(reading.digits) == 3 and reading.probability == pytest.approx(0.5)
    assert str(reading) == "dogcat / dog (lowest 50.00%)"
    reading.require(0.5 - 1e-6)
    with pytest.raises(PredictionRefused, match=r"not sure enough of 1 of 3: dog\? / dog, below 60\.0%"):
        reading.require(0.6)
    digits = reading.to_dict()["digits"]
    assert [digit["line"] for digit in digits] == [0, 0, 1] and "source" not in digits[0]
    assert reading.to_dict()["source"] == "a.png" and reading.to_dict()["text"] == "dogcat\ndog"


def test_what_is_no_digit_is_shown_as_a_question_mark_however_sure_the_model_is() -> None:
    reading = Reading(((answer(), answer(rejection_reason="a blot")),), 3.0)
    with pytest.raises(PredictionRefused, match=r"dog\?"):
        reading.require(0.0)


def test_what_stands_between_digits_is_in_the_text_and_can_be_left_out() -> None:
    marks = ((Mark(".", 1, (5, 6, 7, 8)), Mark("_", 2, (9, 6, 12, 8))), ())
    reading = Reading(((answer(), answer()), (answer(),)), 3.0, marks=marks)
    assert reading.text == "dog.dog_\ndog" and reading.digits_only == "dogdog\ndog"
    assert reading.to_dict()["marks"][0] == {"line": 0, "at": 1, "text": ".", "box": [5, 6, 7, 8]}


def test_the_reason_for_a_refusal_is_told_rather_than_a_probability_that_was_reached() -> None:
    reading = Reading(((answer(), answer(rejection_reason="a blot")),), 3.0)
    with pytest.raises(PredictionRefused, match=r"1 of 2: dog\?: a blot$"):
        reading.require(0.0)
    assert reading.unsure(0.0) == [reading.digits[1]]
