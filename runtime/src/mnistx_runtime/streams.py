"""Standard streams that are closed."""

import os


def open_streams() -> None:
    """Lead each of the three standard streams that is closed to nothing.

    Else the next file that is opened takes its place, a model or a user's own, and what libraries print goes there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
