"""Names of what is being written: nobody can foresee one, and each proves that it is mnistx's."""

import hashlib
import os
import re
from pathlib import Path


def temporary_path(folder: Path) -> Path:
    """A path in the folder for a file or folder that goes away again; its name is drawn anew at each call."""
    drawn = os.urandom(8).hex()
    return folder / f".mnistx-{drawn}{_proof(drawn)}.tmp"


def is_temporary(path: Path) -> bool:
    """Whether `temporary_path` gave it its name, going by the name alone.

    >>> is_temporary(temporary_path(Path("runs"))), is_temporary(Path(".mnistx-0123456789abcdef0123456789abcdef.tmp"))
    (True, False)
    """
    found = _NAME.fullmatch(path.name)
    return found is not None and found[2] == _proof(found[1])


def _proof(drawn: str) -> str:
    """What only a name of ours ends in: another tool's fits once in 2^64."""
    return hashlib.sha256(b"mnistx " + drawn.encode()).hexdigest()[:16]


_NAME = re.compile(r"\.mnistx-([0-9a-f]{16})([0-9a-f]{16})\.tmp")
