"""From what a command is given to the names of pictures; imports nothing where no folder is named."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path


def is_folder(name: str) -> bool:
    """Whether it is a folder; a name that can't be looked at is none, and is complained of when it is opened."""
    try:
        return name != "" and Path(name).is_dir()
    except OSError:
        return False


def name_pictures(names: Iterable[str], tell: Callable[[str], None]) -> Iterator[str]:
    """The names given, each folder replaced by the pictures in it; an empty folder stays, to be complained of.

    Args:
        names: of files and folders; "-" is neither.
        tell: is given what is left out of a folder, in a line.

    >>> list(name_pictures(["a.png", "-"], print))
    ['a.png', '-']
    """
    for name in names:
        if name != "-" and is_folder(name):
            from mnistx_runtime.picture_folder import find_pictures

            found = find_pictures(Path(name))
            if found.pictures and found.note:
                tell(found.note)
            yield from map(str, found.pictures or [name])
        else:
            yield name
