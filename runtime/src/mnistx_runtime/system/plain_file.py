"""Files that a user names, where reading anything else could wait for ever."""

import errno
from pathlib import Path

SPECIAL = "it is a pipe, a socket or a device, not a file"


def is_special(path: Path) -> bool:
    """Whether something lies there that is neither a file nor a folder."""
    return path.exists() and not path.is_file() and not path.is_dir()


def require_plain(path: Path) -> Path:
    """The path, unless it `is_special`; where nothing lies, opening it says so.

    Raises:
        OSError: it is.

    >>> require_plain(Path("no/such/file")).name
    'file'
    """
    if is_special(path):
        raise OSError(errno.EINVAL, SPECIAL, str(path))
    return path
