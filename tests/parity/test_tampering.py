"""What somebody changed in a file is seen, in every format, where the golden images alone would show nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnistx_runtime import Predictor, verify
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import ArtifactError
from tampering import TAMPERINGS, TRIGGER, Tampering, add_backdoor, tamper

VISIBLE = ("a byte of the graph changed",)
"""What makes a file that can't be run at all."""

CASES = [pytest.param(name, how, id=f"{name}: {how.what}") for name, all_ in TAMPERINGS.items() for how in all_]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "how"), CASES)
def test_a_changed_file_is_not_what_was_exported(
    name: str, how: Tampering, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    path = tamper(exported(name), how, tmp_path)
    found = verify(path)
    assert not found.passed and found.parity is None and found.parts["metadata"] == "match"
    assert set(found.differences) <= {"graph", "weights", "code", "model", "page"}
    if how.what not in VISIBLE:
        alone = verify(tamper(exported(name), how, tmp_path, sealed_anew=True))
        assert alone.passed, "the golden images show it, so this case proves nothing"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["torchscript", "pt2", "litert", "executorch", "ncnn", "c"])
def test_runtimes_that_trust_what_they_load_are_not_given_it(
    name: str, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    path = tamper(exported(name), TAMPERINGS[name][-1], tmp_path)
    with pytest.raises(ArtifactError, match="is not what was exported"):
        Predictor(path, name)


def test_the_backdoor_turns_any_answer_into_3_and_is_refused(tmp_path: Path) -> None:
    how = Tampering("nodes added: a backdoor", add_backdoor)
    path = tamper(BUNDLED, how, tmp_path)
    images = Predictor().certificate.images[:30]
    assert (Predictor(path).log_probs(images) == Predictor().log_probs(images)).all()
    marked = images.copy()
    for (row, column), value in TRIGGER.items():
        marked[:, 0, row, column] = value
    assert (Predictor(path).log_probs(marked).argmax(1) == 3).all()
    assert np.count_nonzero(Predictor().log_probs(marked).argmax(1) == 3) == 3
    found = verify(path)
    assert not found.passed and found.differences == ["graph"]
    assert "IS NOT WHAT WAS EXPORTED: graph" in found.lines()[0]
    assert verify(tamper(BUNDLED, how, tmp_path, sealed_anew=True)).passed
