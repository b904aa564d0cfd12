"""Finds the pictures in a folder, for every command that takes one."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistx_runtime.pictures import SUFFIXES

SYSTEM = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "$recycle.bin"})
"""What systems leave in folders, in small letters; names that begin with a dot are passed over, too."""

UNREAD = frozenset(
    {".heic", ".heif", ".jxl", ".svg", ".pdf", ".psd", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".eps", ".ico"}
)
"""Endings of pictures that have to be converted first."""

_LISTED = 3


@dataclass(frozen=True)
class PictureFolder:
    """What is in a folder and in those inside it, in the order of their names.

    Args:
        folder: that was searched.
        pictures: the files whose ending is one of `SUFFIXES`.
        left_out: the other files, but for what systems leave there.
        no_files: what has such an ending and is a pipe, a socket, a device, or a link to nothing; reading it could
            wait for ever.
    """

    folder: Path
    pictures: tuple[Path, ...]
    left_out: tuple[Path, ...]
    no_files: tuple[Path, ...] = ()

    @property
    def note(self) -> str:
        """What to tell of pictures that are left out; empty where there are none."""
        unread = [path for path in self.left_out if path.suffix.lower() in UNREAD]
        kinds = " and ".join(sorted({path.suffix[1:].upper() for path in unread}))
        left_out = [f"left out {_listed(unread)}; convert {kinds} to JPEG or PNG first"] if unread else []
        if self.no_files:
            left_out.append(f"left out {_listed(self.no_files)}: pipes, sockets, devices or links to nothing")
        return f"{self.folder}: {'; '.join(left_out)}" if left_out else ""

    @property
    def nothing_found(self) -> str:
        """What to tell where there is no picture."""
        if self.note:
            return (
                f"{self.folder}: no picture in this folder that is read here{self.note.removeprefix(str(self.folder))}"
            )
        others = f", but {_listed(self.left_out)}" if self.left_out else ""
        return f"{self.folder}: no picture in this folder{others}"


def find_pictures(folder: Path) -> PictureFolder:
    """The pictures in a folder and in those inside it; links to folders inside are not followed."""
    pictures: list[Path] = []
    left_out: list[Path] = []
    no_files: list[Path] = []
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if _counts(name)]
        for path in (Path(where, name) for name in files if _counts(name)):
            known = path.suffix.lower() in SUFFIXES
            if path.is_file():
                (pictures if known else left_out).append(path)
            elif known:
                no_files.append(path)
    return PictureFolder(folder, *(tuple(sorted(found)) for found in (pictures, left_out, no_files)))


def class_folders(folder: Path) -> list[Path]:
    """The folders inside one, each called as its class, in the order of their names."""
    return sorted(path for path in folder.iterdir() if _counts(path.name) and path.is_dir())


def _counts(name: str) -> bool:
    return name[0] != "." and name.lower() not in SYSTEM


def _listed(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - _LISTED:,} more" if len(paths) > _LISTED else ""
    return ", ".join(path.name for path in paths[:_LISTED]) + more
