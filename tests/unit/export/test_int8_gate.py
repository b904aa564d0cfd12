from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mnistx_export.int8_gate import Int8Gate, changed_predictions, measure_int8
from mnistx_runtime.artifact.container import open_artifact
from mnistx_train.datasets.base import Split
from seal_bundled import seal_bundled


@pytest.mark.parametrize("ratios", [(0.9, 1.1), (1.1, 0.9)])
def test_int8_that_is_smaller_or_faster_is_kept(ratios: tuple[float, float]) -> None:
    assert Int8Gate(0.05, 5000, *ratios, ()).rejection_reason(0.05) is None


@pytest.mark.parametrize("ratios", [(1.0, 1.0), (0.9, 0.8)])
def test_int8_that_is_neither_or_loses_accuracy_is_not(ratios: tuple[float, float]) -> None:
    assert (
        Int8Gate(0.0, 5000, *ratios, ()).rejection_reason(0.05) == "it is neither smaller nor faster here than float32"
    )
    lost = Int8Gate(0.06, 5000, 4.0, 2.0, ()).rejection_reason(0.05)
    assert lost is not None and "loses 0.06 points of accuracy on 5,000 validation images" in lost


def test_a_prediction_that_changed_is_listed() -> None:
    answers = np.log(np.random.default_rng(0).dirichlet(np.ones(10), 20))
    other = answers.copy()
    other[3] = np.roll(other[3], 1)
    labels, names = np.arange(20) % 10, tuple("0123456789")
    (found,) = changed_predictions("validation", labels, answers, other, names)
    assert (found.index, found.label) == (3, "3")
    assert (found.before, found.after) == (names[answers[3].argmax()], names[other[3].argmax()])


def test_what_was_just_written_is_measured_whoever_is_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MNISTX_TRUST", str(tmp_path / "nobody.pem"))
    monkeypatch.setattr("mnistx_export.int8_gate.ROUNDS", 1)
    path = seal_bundled(tmp_path / "m.onnx")
    opened = open_artifact(path)
    images = opened.certificate.images[:4]
    model = SimpleNamespace(validation=Split(images, np.zeros(4, np.int64)), names=opened.metadata.names)
    gate = measure_int8(path, path, model, opened.certificate.log_probs[:4])  # type: ignore[arg-type]
    assert gate.drop == 0 and gate.smaller == 1
