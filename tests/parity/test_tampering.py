"""What somebody changed in a file is seen, in every format, where the golden images alone would show nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnistx_runtime import Predictor, verify
from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.artifact.verification import verify_payload
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import ArtifactError
from tampering import BESIDE, SEALS, TAMPERINGS, TRIGGER, Tampering, add_backdoor, tamper, tamper_beside, tamper_seal

VISIBLE = ("a byte of the graph changed",)
"""What makes a file that can't be run at all."""

COARSE = ("litert-int8", "web")
"""Formats whose least step of a weight may show in the golden answers, according to the weight."""

NAMES = [name for name in TAMPERINGS if name not in ("c-int8", "web-fp32")]
"""Those are read as c and web are, and take long to convert."""

CASES = [pytest.param(name, how, id=f"{name}: {how.what}") for name in NAMES for how in TAMPERINGS[name]]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "how"), CASES)
def test_a_changed_file_is_not_what_was_exported(
    name: str, how: Tampering, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    path = tamper(exported(name), how, tmp_path)
    found = verify(path)
    assert not found.passed and found.parity is None and found.parts["metadata"] == "match"
    assert set(found.differences) <= {"graph", "weights", "code", "model", "page"}
    if how.what not in VISIBLE and not (name in COARSE and how.what == "a weight changed"):
        alone = verify(tamper(exported(name), how, tmp_path, sealed_anew=True))
        assert alone.passed, "the golden images show it, so this case proves nothing"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_changed_seal_is_seen_until_somebody_puts_its_digest_right(
    name: str, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    for change in SEALS.values():
        changed, anew = (
            open_artifact(tamper_seal(exported(name), change, tmp_path / str(at), at)) for at in (False, True)
        )
        assert verify_payload(changed).differences == ["metadata"] and verify_payload(anew).passed


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BESIDE if name in NAMES])
def test_what_follows_from_the_metadata_is_seen_when_it_changes(
    name: str, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    for how in BESIDE[name]:
        assert verify_payload(open_artifact(tamper_beside(exported(name), how, tmp_path))).differences == ["metadata"]


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
