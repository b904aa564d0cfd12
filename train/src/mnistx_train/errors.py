"""The errors that training raises for its user; the command line prints their text and ends with `exit_code`."""


class TrainError(Exception):
    """Something the user can mend: data that is missing, a folder that can't be written, a checkpoint that is damaged.

    The same rule as `mnistx_runtime.errors`, which this package doesn't import.
    """

    exit_code = 2


class NotAtHand(TrainError):
    """A data set that is nowhere to be found; one that is there and damaged is not this."""
