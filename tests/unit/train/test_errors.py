import pytest

from mnistx_runtime.errors import BadInput, MnistxError
from mnistx_train.errors import NotAtHand, TrainError, first_line


def test_errors_are_bad_input_to_the_command_line() -> None:
    assert issubclass(NotAtHand, TrainError) and issubclass(TrainError, BadInput)
    assert TrainError.exit_code == 2 and "TrainError" in str(MnistxError.__doc__)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("\n  first \nsecond"), "first"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (ValueError("x" * 1000), "x" * 300),
    ],
)
def test_errors_are_told_in_one_line(error: Exception, line: str) -> None:
    assert first_line(error) == line
