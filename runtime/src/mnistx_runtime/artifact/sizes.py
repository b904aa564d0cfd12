"""How large a model may be: nothing is read, and nothing allocated, for what a file only claims."""

from collections.abc import Iterable
from pathlib import Path

from mnistx_runtime.errors import ArtifactError

MOST_BYTES = 1 << 30
"""Of all files of a model together; torchvision's VGG-19, far above what is small, takes 0.58 GB."""

MOST_METADATA = 1 << 26
"""Bytes of metadata, certificate and all; `mnistx export` writes at most 0.3 MB."""


def reason_against_size(size: int) -> str:
    """Why a model or checkpoint of so many bytes isn't read; empty where it is.

    >>> reason_against_size(20 << 30)
    "21,474,836,480 bytes are no small model's; at most 1,073,741,824 are read"
    """
    return f"{size:,} bytes are no small model's; at most {MOST_BYTES:,} are read" if size > MOST_BYTES else ""


def require_size(files: Iterable[Path]) -> None:
    """Refuse files that are larger than a model's together, before one of them is read.

    Raises:
        ArtifactError: they are.
        OSError: one of them is missing.
    """
    found = [*files]
    reason = reason_against_size(sum(file.stat().st_size for file in found))
    if reason:
        raise ArtifactError(f"{found[0]}: {reason}")


def require_metadata_size(size: int, source: str) -> None:
    """Refuse metadata that are larger than any of mnistx's, before they are unpacked.

    Args:
        size: in bytes, as the file declares it.
        source: how errors name the file.

    Raises:
        ArtifactError: they are.
    """
    if size > MOST_METADATA:
        raise ArtifactError(f"{source} carries {size:,} bytes of metadata, where at most {MOST_METADATA:,} are read")
