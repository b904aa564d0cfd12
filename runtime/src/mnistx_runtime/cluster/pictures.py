"""What is to be answered on a cluster: files by their names, and rows of Parquet files that hold pictures."""

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from mnistx_runtime.cluster.parquet import SUFFIX, RowGroup, read_table
from mnistx_runtime.errors import BadInput
from mnistx_runtime.escape import escape_controls
from mnistx_runtime.picture_folder import find_pictures
from mnistx_runtime.picture_names import is_folder, name_pictures
from mnistx_runtime.records import pictures_left, source_key


@dataclass(frozen=True)
class Pictures:
    """What is to be answered, each picture once.

    Args:
        files: names of files.
        groups: rows of Parquet files that hold the bytes of a picture each.
    """

    files: tuple[str, ...] = ()
    groups: tuple[RowGroup, ...] = ()

    def __len__(self) -> int:
        """How many pictures."""
        return len(self.files) + sum(map(len, self.groups))

    def without(self, done: Set[str]) -> "Pictures":
        """Those that aren't answered yet.

        Args:
            done: keys of pictures, see `records.source_key`.
        """
        groups = [_without(group, done) for group in self.groups] if done else self.groups
        return Pictures(tuple(pictures_left(self.files, done)), tuple(group for group in groups if len(group)))


def _without(group: RowGroup, done: Set[str]) -> RowGroup:
    answered = {at for at in range(group.rows) if source_key(escape_controls(group.name(at))) in done}
    return replace(group, answered=group.answered | answered)


def find_all(names: Sequence[str], tell: Callable[[str], None]) -> Pictures:
    """What some names stand for.

    Args:
        names: each a picture; a Parquet file with a column of paths or of bytes; or a folder of pictures, or, where it
            holds none, of Parquet files.
        tell: is given what is left out of a folder, in a line.

    Raises:
        BadInput: standard input, which this process alone can read; or a Parquet file that can't be read.
    """
    files: list[str] = []
    groups: list[RowGroup] = []
    for name in names:
        if name == "-":
            raise BadInput("standard input can't be read by other machines; name files or folders")
        tables = list(_tables(name))
        for table in tables:
            paths, rows = read_table(table)
            files += paths
            groups += rows
        if not tables:
            files += name_pictures([name], tell)
    return Pictures(tuple(files), tuple(groups)).without(frozenset())


def _tables(name: str) -> Iterator[Path]:
    path = Path(name)
    if is_folder(name):
        if not find_pictures(path).pictures:
            yield from sorted(each for each in path.rglob(f"*{SUFFIX}") if each.is_file())
    elif path.suffix == SUFFIX:
        yield path
