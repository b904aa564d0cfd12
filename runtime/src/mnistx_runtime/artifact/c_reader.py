"""The second pair of files in a folder of C, which makes the model's image of a picture: its names, what it answers."""

from collections.abc import Collection
from typing import NamedTuple

SUFFIX = "_read"
"""Of its files' names, behind the model's."""


class Status(NamedTuple):
    """What reading a picture comes to.

    Args:
        name: of the constant, behind the model's name.
        status: the number; above 0 where the picture holds nothing to read.
        text: what it means.
    """

    name: str
    status: int
    text: str


STATUSES = (
    Status("OK", 0, "the image was made"),
    Status("BAD_ARGUMENT", -1, "a pointer is null, the workspace is not aligned to 16, or a side is below 1"),
    Status("TOO_LARGE", -2, "the picture has too many pixels a side"),
    Status("NO_INK", 1, "no ink found: nothing stands out from the ground"),
    Status("SEVERAL", 2, "more than one digit found"),
    Status("SOLID", 3, "no digit found: a solid shape, not pen strokes"),
    Status("PIECES", 4, "no digit found: the ink lies about in too many pieces"),
    Status("HOLES", 5, "no digit found: the strokes enclose too many holes"),
    Status("UNCLEAR", 6, "no digit found: light and dark run into each other, as nowhere on paper with a pen"),
)
UNKNOWN = "no status of this function"

TEXTS = frozenset(f'"{text}"' for text in (*(each.text for each in STATUSES), UNKNOWN))
"""All literals that its code holds."""


def without_reader(sources: Collection[str]) -> list[str]:
    """Of the names of C files, without their ending, those that aren't the reader of another one.

    >>> without_reader(["net", "net_read"]), without_reader(["net_read"])
    (['net'], ['net_read'])
    """
    return [name for name in sources if not name.endswith(SUFFIX) or name.removesuffix(SUFFIX) not in sources]
