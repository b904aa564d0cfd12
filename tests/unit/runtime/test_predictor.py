from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from command import PICTURES
from mnistx_export.golden import draw_digit, hard_images
from mnistx_runtime import (
    ArtifactError,
    BackendUnavailable,
    BadInput,
    InputSpec,
    Prediction,
    Predictor,
    compare,
    image_from_picture,
    verify,
)
from mnistx_runtime import predictor as predictor_module
from mnistx_runtime.backends import BACKENDS
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import VerificationFailed
from paper import photo
from seal_bundled import seal_bundled
from tiny_onnx import write_tiny

DIGITS = np.stack([draw_digit(digit, seed) for seed in range(3) for digit in range(10)])
GOLDEN = np.concatenate([DIGITS, hard_images()])[:, None]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor()


@pytest.mark.parametrize("digit", range(10))
def test_it_reads_every_digit_of_its_own_pen(predictor: Predictor, digit: int) -> None:
    found = predictor.predict_batch(GOLDEN[:30])
    assert found[digit].label == digit and found[digit].name == str(digit)


@pytest.mark.parametrize("digit", range(10))
def test_it_reads_ink_on_squared_paper_in_uneven_light(predictor: Predictor, digit: int) -> None:
    assert [predictor.predict(photo(digit, seed)).label for seed in range(4)] == [digit] * 4


def test_a_path_bytes_a_picture_and_an_array_get_the_same_answer(predictor: Predictor, tmp_path: Path) -> None:
    picture = photo(4, 1)
    path = tmp_path / "four.png"
    picture.save(path)
    answers = [predictor.predict(s) for s in (path, str(path), path.read_bytes(), picture, np.asarray(picture))]
    assert {a.label for a in answers} == {4}
    assert all((a.log_probs == answers[0].log_probs).all() for a in answers)
    assert [a.source for a in answers] == [str(path), str(path), None, None, None]


def test_what_an_answer_says(predictor: Predictor) -> None:
    answer = predictor.predict(Image.fromarray(GOLDEN[7, 0]))
    assert answer.probability == float(answer.probabilities.max())
    top = answer.top(3)
    assert top[0] == (answer.name, answer.probability)
    assert [p for _, p in top] == sorted((p for _, p in top), reverse=True)
    assert answer.elapsed_ms > 0
    assert set(answer.to_dict()) == {"source", "label", "name", "probability", "elapsed_ms", "box"}
    assert "box" not in predictor.predict_batch(GOLDEN[:1])[0].to_dict()
    assert [entry["name"] for entry in answer.to_dict(2)["top"]] == [name for name, _ in answer.top(2)]


def test_a_batch_is_answered_image_by_image(predictor: Predictor) -> None:
    batch = predictor.predict_batch(GOLDEN[:, 0])
    assert len(batch) == len(GOLDEN)
    for image, answer in zip(GOLDEN[:5], batch, strict=False):
        alone = predictor.predict_batch(image)[0]
        assert np.abs(alone.log_probs - answer.log_probs).max() < 1e-4
    assert predictor.predict_batch(GOLDEN[:0]) == []


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 28, 28), np.float32),
        np.zeros((28, 28), np.uint8),
        np.zeros((2, 3, 28, 28), np.uint8),
        np.zeros((2, 32, 32), np.uint8),
        [[0]],
    ],
)
def test_a_batch_of_another_shape_or_type_is_told(predictor: Predictor, images: np.ndarray) -> None:
    with pytest.raises(BadInput, match="must be a uint8 array"):
        predictor.predict_batch(images)


def test_a_batch_that_is_not_contiguous_is_read_all_the_same(predictor: Predictor) -> None:
    wide = np.zeros((3, 28, 56), np.uint8)
    wide[:, :, ::2] = GOLDEN[:3, 0]
    assert [p.label for p in predictor.predict_batch(wide[:, :, ::2])] == [0, 1, 2]


def test_a_session_of_the_callers_own() -> None:
    session = onnxruntime.InferenceSession(BUNDLED, providers=["CPUExecutionProvider"])
    assert Predictor(session).predict_batch(GOLDEN[3])[0].label == 3


def test_threads_below_one_are_told() -> None:
    with pytest.raises(BadInput, match="at least 1"):
        Predictor(threads=0)


def test_probabilities_are_given_at_the_temperature_of_the_model(predictor: Predictor) -> None:
    row = predictor.log_probs(GOLDEN[3:4])[0]
    cold, warm = (Prediction(3, row, predictor.metadata.names, 1.0, temperature=t) for t in (1.0, 4.0))
    assert cold.probabilities == pytest.approx(np.exp(row), abs=1e-6)
    assert warm.probability < cold.probability and warm.probabilities.sum() == pytest.approx(1)
    assert warm.probabilities == pytest.approx(np.exp(row / 4) / np.exp(row / 4).sum(), abs=1e-6)
    assert [name for name, _ in warm.top(10)] == [name for name, _ in cold.top(10)]
    assert predictor.predict_batch(GOLDEN[:1])[0].temperature == predictor.metadata.temperature


@pytest.mark.parametrize("fill", [np.nan, np.inf])
def test_an_answer_that_is_no_number_is_refused(fill: float, tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "m.onnx", "N", fill)
    with pytest.raises(ArtifactError, match="aren't finite"):
        Predictor(path).predict(PICTURES / "three.jpg")
    assert not verify(path).passed


def test_answers_of_another_class_count_are_refused(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "m.onnx", "N", 0.0, classes=9)
    with pytest.raises(ArtifactError, match="one a class"):
        Predictor(path).predict_batch(GOLDEN[:2])


def test_a_colour_model_takes_its_own_images_and_no_grey_ones(tmp_path: Path) -> None:
    predictor = Predictor(write_tiny(tmp_path / "m.onnx", "N", 0.001, shape=(3, 40, 48)))
    assert predictor.metadata.input.shape == (3, 40, 48)
    assert len(predictor.predict_batch(np.zeros((2, 3, 40, 48), np.uint8))) == 2
    for shape in ((2, 40, 48), (2, 1, 40, 48), (2, 3, 48, 40), (3, 40, 48)):
        with pytest.raises(BadInput, match=r"must be a uint8 array \(N, 3, 40, 48\)"):
            predictor.predict_batch(np.zeros(shape, np.uint8))
    picture = Image.new("RGB", (100, 80), "red")
    prepared, answer = predictor.explain(picture)
    assert prepared.image.shape == (3, 40, 48) and prepared.ink is None and answer.box is not None
    with pytest.raises(BadInput, match="--many reads all the digits"):
        predictor.predict_many(picture)


def test_the_certificate_is_that_of_the_model(predictor: Predictor) -> None:
    assert len(predictor.certificate.images) == 44
    answers = predictor.log_probs(predictor.certificate.images)
    assert np.abs(answers - predictor.certificate.log_probs).max() < 1e-4


def test_a_runtime_that_cannot_run_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnistx_runtime.registry.find_spec", lambda _: None)
    with pytest.raises(BackendUnavailable, match="runtime 'openvino' can't run here"):
        Predictor(runtime="openvino")


def test_nothing_is_answered_of_no_pictures(predictor: Predictor) -> None:
    assert list(predictor.predict_files([])) == []
    assert predictor.log_probs(GOLDEN[:0]).shape == (0, 10)


@pytest.mark.parametrize("runtime", BACKENDS)
@pytest.mark.parametrize("model", [123, 1.5, b"m.onnx", object(), [BUNDLED]])
def test_a_model_that_is_none_is_told(runtime: str, model: object) -> None:
    with pytest.raises(BadInput, match=f"runtime '{runtime}' loads a path, not {type(model).__name__}"):
        Predictor(model, runtime)


@pytest.mark.parametrize("runtime", [name for name in BACKENDS if name != "ort"])
def test_a_session_handed_to_another_runtime_is_told(runtime: str) -> None:
    session = onnxruntime.InferenceSession(BUNDLED, providers=["CPUExecutionProvider"])
    with pytest.raises(BadInput, match=f"runtime '{runtime}' loads a path, not InferenceSession"):
        Predictor(session, runtime)


WRONG: dict[str, Callable[[Predictor], Any]] = {
    "threads": lambda p: Predictor(threads="2"),  # type: ignore[arg-type]
    "half a thread": lambda p: Predictor(threads=1.5),  # type: ignore[arg-type]
    "runtime": lambda p: Predictor(runtime=5),  # type: ignore[arg-type]
    "list of runtimes": lambda p: Predictor(runtime=["ort"]),  # type: ignore[arg-type]
    "min_confidence": lambda p: p.predict(PICTURES / "three.jpg", min_confidence="1"),  # type: ignore[arg-type]
    "min_confidence in percent": lambda p: p.predict(PICTURES / "three.jpg", min_confidence=90),
    "of many": lambda p: p.predict_many(PICTURES / "three.jpg", min_confidence=None),  # type: ignore[arg-type]
    "required": lambda p: p.predict_batch(GOLDEN[:1])[0].require(2),
    "top": lambda p: p.predict_batch(GOLDEN[:1])[0].top(-1),
    "top_k": lambda p: p.predict_batch(GOLDEN[:1])[0].to_dict("3"),  # type: ignore[arg-type]
    "one picture for many": lambda p: list(p.predict_files("three.jpg")),
    "one path for many": lambda p: list(p.predict_files(PICTURES / "three.jpg")),  # type: ignore[arg-type]
    "no pictures": lambda p: list(p.predict_files(5)),  # type: ignore[arg-type]
    "processes": lambda p: list(p.predict_files([], processes=0)),
    "picture": lambda p: p.predict(None),  # type: ignore[arg-type]
    "batch": lambda p: p.predict_batch([[0]]),  # type: ignore[arg-type]
    "artifact": lambda p: verify(123),  # type: ignore[arg-type]
    "no artifact": lambda p: verify(None),  # type: ignore[arg-type]
    "image": lambda p: image_from_picture(5),  # type: ignore[arg-type]
    "answers": lambda p: compare([[0.0, 1.0]], None),  # type: ignore[arg-type]
    "answers of text": lambda p: compare(np.array([["a", "b"]]), np.array([["a", "b"]])),
    "input": lambda p: InputSpec.from_dict(5),  # type: ignore[arg-type]
    "input's names": lambda p: InputSpec.from_dict({1: 2}),  # type: ignore[dict-item]
    "names": lambda p: replace(p.metadata, names=(1, 2)),  # type: ignore[arg-type]
    "name": lambda p: replace(p.metadata, names="01"),  # type: ignore[arg-type]
    "metadata": lambda p: replace(p.metadata, temperature="1"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_passed_wrongly_is_told_where_it_is(what: str, predictor: Predictor) -> None:
    with pytest.raises(BadInput) as found:
        WRONG[what](predictor)
    assert "\n" not in str(found.value) and len(str(found.value)) > 20


def test_the_bundled_model_is_held_to_the_digest_that_was_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swapped = seal_bundled(tmp_path / "m.onnx")
    swapped.write_bytes(swapped.read_bytes() + b"\x72\x04\x0a\x02ok")
    assert Predictor(swapped, verify_on_load=True).metadata.names
    monkeypatch.setattr(predictor_module, "BUNDLED", swapped)
    with pytest.raises(VerificationFailed, match="is not the model that mnistx-runtime came with"):
        Predictor()


@pytest.mark.parametrize(("old", "new", "what"), [(b"Relu", b"Tanh", "model"), (b'"mnist"', b'"mnest"', "metadata")])
def test_a_changed_model_is_refused_where_asked(old: bytes, new: bytes, what: str, tmp_path: Path) -> None:
    path = seal_bundled(tmp_path / "m.onnx")
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    assert Predictor(path).metadata.names
    with pytest.raises(VerificationFailed, match=f"is not what was exported: its {what} changed") as told:
        Predictor(path, verify_on_load=True)
    assert told.value.exit_code == 1


def test_a_session_of_the_caller_s_own_has_no_bytes_to_verify() -> None:
    session = onnxruntime.InferenceSession(BUNDLED, providers=["CPUExecutionProvider"])
    with pytest.raises(BadInput, match="loads a path"):
        Predictor(session, verify_on_load=True)
