"""The errors that training raises for its user; `mnistx_runtime.errors` shows where they stand among the others."""

from mnistx_runtime.errors import BadInput, describe_error


class TrainError(BadInput):
    """Something the user can mend: data that is missing, a network that doesn't fit, a checkpoint that is damaged."""


class NotAtHand(TrainError):
    """A data set that is nowhere to be found; one that is there and damaged is not this."""


def first_line(error: BaseException) -> str:
    """What an error of a library or of a user's code says, in a line that fits a terminal.

    >>> first_line(RuntimeError("shapes don't fit\\nat add.cpp:3")), first_line(KeyError("a"))
    ("shapes don't fit", "'a' is missing")
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if len(lines) > 1 else describe_error(error))[:300]
