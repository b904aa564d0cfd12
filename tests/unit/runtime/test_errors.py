import inspect
import re

import pytest

import mnistx_runtime
from mnistx_runtime import errors

CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass)]


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_error_is_mnistx_s_public_and_in_the_drawn_tree_with_its_exit_code(error: type[Exception]) -> None:
    assert issubclass(error, errors.MnistxError) and error.__name__ in mnistx_runtime.__all__
    tree = errors.MnistxError.__doc__ or ""
    (line,) = re.findall(rf".*\b{error.__name__}\b.*", tree)
    given = re.search(r"exit code (\d)", line)
    assert getattr(error, "exit_code", None) == (int(given[1]) if given else errors.MnistxError.exit_code)


def test_a_refusal_and_a_failed_verification_end_with_1_and_bad_input_with_2() -> None:
    assert errors.PredictionRefused.exit_code == errors.VerificationFailed.exit_code == 1
    assert errors.BadInput.exit_code == errors.ArtifactError.exit_code == errors.BackendUnavailable.exit_code == 2
