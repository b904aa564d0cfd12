import errno
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from mnistx_runtime.errors import BadInput
from mnistx_runtime.files import remove_leftovers, require_own_figure, writable_folder, write_figure, write_whole


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
    def refuse(**_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)

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


def test_a_temporary_file_can_not_be_foreseen_nor_led_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    replace = Path.replace

    def see(path: Path, to: Path) -> Path:
        seen.append(path.name)
        return replace(path, to)

    monkeypatch.setattr(Path, "replace", see)
    for _ in range(2):
        write_whole(tmp_path / "file", b"x")
    assert len(set(seen)) == 2 and all(re.fullmatch(r"\.file\.[0-9a-f]{16}\.tmp", name) for name in seen)
    monkeypatch.setattr(os, "urandom", bytes)
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / f".file.{bytes(8).hex()}.tmp").symlink_to("other")
    with pytest.raises(BadInput, match="File exists"):
        write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "other").read_bytes() == b"other" and (tmp_path / "file").read_bytes() == b"x"
    assert (tmp_path / f".file.{bytes(8).hex()}.tmp").is_symlink()


def test_what_a_killed_call_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from mnistx_runtime.files import write_whole\n"
        "Path.replace = lambda *_: os._exit(9)\n"
        "write_whole(Path(sys.argv[1]), b'half')"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "state.bin"], check=False)
    (left,) = names_in(tmp_path)
    others = [".notes.tmp", "a.0123456789abcdef.tmp", ".a.0123456789ABCDEF.tmp", ".a.0123456789abcdef.tmp~"]
    for name in others:
        (tmp_path / name).write_bytes(b"mine")
    (tmp_path / ".link.0123456789abcdef.tmp").symlink_to(".notes.tmp")
    (tmp_path / ".folder.0123456789abcdef.tmp").mkdir()
    remove_leftovers(tmp_path)
    kept = names_in(tmp_path)
    assert left not in kept and len(kept) == len(others) + 2 and set(others) < set(kept)
