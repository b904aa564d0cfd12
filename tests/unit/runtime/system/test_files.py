import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from io import FileIO
from pathlib import Path

import pytest
from PIL import Image

from mnistx_runtime.errors import BadInput
from mnistx_runtime.system.files import (
    move_files,
    remove_leftovers,
    require_own_figure,
    writable_folder,
    write_figure,
    write_whole,
)
from mnistx_runtime.system.lock import lock
from mnistx_runtime.system.temporary import is_temporary, temporary_path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("data", [b"", b"new", bytes(range(256)) * 5000])
def test_write_whole_replaces_what_was_there(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old and longer than new")

    write_whole(path, data)

    assert path.read_bytes() == data
    assert names_in(tmp_path) == ["file"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"x")

    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


@pytest.mark.usefixtures("full_disk")
def test_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    with pytest.raises(BadInput, match=r"can't write .*file: No space left on device"):
        write_whole(path, b"new")

    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["file"]


@pytest.mark.usefixtures("full_disk")
def test_full_disk_leaves_no_new_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        write_whole(tmp_path / "file", b"new")

    assert names_in(tmp_path) == []


def test_a_stop_in_the_middle_leaves_the_old_file_and_is_not_swallowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(_: int) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fsync)

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"new")

    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["file"]


def test_write_whole_needs_the_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"can't write .*file"):
        write_whole(tmp_path / "absent" / "file", b"x")


def test_write_whole_does_not_replace_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()

    with pytest.raises(BadInput, match=r"can't write .*file"):
        write_whole(tmp_path / "file", b"x")

    assert names_in(tmp_path) == ["file"]


def test_writable_folder_is_made_with_its_parents_and_left_empty(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"

    assert writable_folder(folder) == folder
    assert folder.is_dir()
    assert names_in(folder) == []


def test_writable_folder_keeps_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")

    writable_folder(tmp_path)

    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("below", ["file", "file/a", "file/a/b"])
def test_no_folder_below_a_file(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"x")

    with pytest.raises(BadInput, match=r"can't write to .*file"):
        writable_folder(tmp_path / below)

    assert (tmp_path / "file").read_bytes() == b"x"


def test_a_folder_that_takes_no_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("mnistx_runtime.system.files.FileIO", refuse)

    with pytest.raises(BadInput, match=r"can't write to .*: Permission denied"):
        writable_folder(tmp_path)


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(file, "PNG")
    return file.getvalue()


def test_a_figure_is_replaced_by_a_figure_and_says_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    for _ in range(2):
        write_figure(path, png())
    with Image.open(path) as picture:
        picture.load()
        assert picture.size == (3, 2) and picture.info["Software"] == "mnistx"
    assert names_in(tmp_path) == ["x.png"]


@pytest.mark.parametrize("data", [b"", b"mine", png(), b"\x89PNG\r\n\x1a\n" + bytes(25) + b"tEXtSoftware\0mnistx"])
def test_a_figure_replaces_nothing_else(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(data)
    with pytest.raises(BadInput, match="exists and is no figure of mnistx's; name another file"):
        write_figure(path, png())
    assert path.read_bytes() == data
    with pytest.raises(BadInput, match="can't write"):
        require_own_figure(tmp_path)
    require_own_figure(tmp_path / "absent.png")


def test_a_temporary_file_can_not_be_led_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", bytes)
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / "file").write_bytes(b"x")
    link = temporary_path(tmp_path)
    link.symlink_to("other")
    with pytest.raises(BadInput, match="File exists"):
        write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "other").read_bytes() == b"other" and (tmp_path / "file").read_bytes() == b"x"
    assert link.is_symlink()


@pytest.mark.parametrize("again", [remove_leftovers, writable_folder, lambda folder: write_whole(folder / "x", b"")])
def test_what_a_killed_call_left_is_removed_by_the_next_and_nothing_else(
    again: Callable[[Path], object], tmp_path: Path
) -> None:
    code = (
        "import os, sys; from pathlib import Path; from mnistx_runtime.system.files import write_whole\n"
        "Path.replace = lambda *_: os._exit(9)\n"
        "write_whole(Path(sys.argv[1]), b'half')"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "state.bin"], check=False)
    (left,) = names_in(tmp_path)
    assert is_temporary(Path(left))
    others = [".notes.tmp", f"{left}~", f".mnistx-{0:032x}.tmp"]
    for name in others:
        (tmp_path / name).write_bytes(b"mine")
    link, folder = temporary_path(tmp_path), temporary_path(tmp_path)
    link.symlink_to(".notes.tmp")
    folder.mkdir()
    again(tmp_path)
    (tmp_path / "x").unlink(missing_ok=True)
    assert names_in(tmp_path) == sorted([*others, link.name, folder.name])


@pytest.mark.skipif(os.name != "posix", reason="Windows removes no open file")
def test_what_another_call_is_writing_stays(tmp_path: Path) -> None:
    path = temporary_path(tmp_path)
    with FileIO(path, "x") as file:
        lock(file)
        remove_leftovers(tmp_path)
        assert path.exists()
    remove_leftovers(tmp_path)
    assert not path.exists()


@pytest.mark.skipif(os.name != "posix", reason="Windows removes no open file")
@pytest.mark.parametrize("before_lock", [True, False])
def test_a_new_file_that_another_call_takes_for_a_leftover_is_made_anew(
    before_lock: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []

    def interfere(file: FileIO) -> None:
        first = not seen
        seen.extend(tmp_path.glob(".mnistx-*"))
        if first and before_lock:
            seen[0].unlink()
        elif first:
            raise BlockingIOError
        lock(file)

    monkeypatch.setattr("mnistx_runtime.system.files.lock", interfere)
    write_whole(tmp_path / "file", b"x")
    assert (tmp_path / "file").read_bytes() == b"x" and len(set(seen)) == 2


NAMES = ("m.xml", "m.bin", "m.json")


def moves_in(folder: Path) -> list[tuple[Path, Path]]:
    """New files of an artifact, and where they are to lie."""
    (folder / "work").mkdir()
    for name in NAMES:
        (folder / "work" / name).write_text("new")
    return [(folder / "work" / name, folder / name) for name in NAMES]


@pytest.mark.parametrize("old", [(), NAMES, NAMES[1:]])
@pytest.mark.parametrize("failing", NAMES)
def test_several_files_are_moved_or_none(
    failing: str, old: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def fail(path: Path, to: Path) -> Path:
        if path == tmp_path / "work" / failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(path, to)

    monkeypatch.setattr(Path, "replace", fail)
    moves = moves_in(tmp_path)
    for name in old:
        (tmp_path / name).write_text("old")
    with pytest.raises(BadInput, match=r"can't write .*m.xml: No space left on device"):
        move_files(moves)
    assert names_in(tmp_path) == sorted([*old, "work"])
    assert all((tmp_path / name).read_text() == "old" for name in old)


def test_an_older_file_by_which_others_are_found_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moves = moves_in(tmp_path)
    for name in NAMES:
        (tmp_path / name).write_text("old")
    there: list[bool] = []
    replace = Path.replace

    def look(path: Path, to: Path) -> Path:
        there.append((tmp_path / "m.xml").exists())
        return replace(path, to)

    monkeypatch.setattr(Path, "replace", look)
    move_files(moves)
    assert there == [False] * 3
    assert all((tmp_path / name).read_text() == "new" for name in NAMES)
