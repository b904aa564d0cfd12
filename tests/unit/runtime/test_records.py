import errno
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from mnistx_runtime.errors import BadInput
from mnistx_runtime.record_formats import FORMATS
from mnistx_runtime.records import FORM, open_records

resource: Any = pytest.importorskip("resource")
ENDINGS = list(FORMATS)
MADE_BY = f"{FORM} model=0123 many=True"
NAMES = ["a.png", 'b,"c".png', "d\ne\r.png", "\udcff.png", "=1+1.png", "ß.png", "a.png.png"]
"""Names that a format may stumble over; one begins like another."""


@pytest.fixture(autouse=True)
def _no_power_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of files are written here; a disk needs not hold them."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def answer(name: str) -> dict[str, Any]:
    """An error, one digit, or several, by the name."""
    number = NAMES.index(name) if name in NAMES else 1
    if number % 4 == 3:
        return {"source": name, "error": f"{name}: no ink", "exit_code": 1}
    digits = [{"label": d, "name": str(d), "line": 0, "box": [d, 1, 20, 30]} for d in range(1 + 2 * (number % 4))]
    return {"source": name, "text": "12", "digits": digits}


def write(path: Path, names: Iterable[str], resume: bool = False, made_by: str = MADE_BY) -> list[str]:
    """Answer what is left of these pictures, and tell what was."""
    with open_records(path, [*names], made_by, resume) as records:
        for name in records.left:
            records.add(answer(name))
        return records.left


@pytest.mark.parametrize("ending", ENDINGS)
def test_wherever_a_file_is_cut_it_is_completed_to_what_an_unbroken_call_writes(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    assert write(path, NAMES) == NAMES
    whole = path.read_bytes()
    assert len(whole) > 500
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        left = write(path, NAMES, resume=True)
        assert path.read_bytes() == whole, cut
        assert left == NAMES[len(NAMES) - len(left) :] and (left == []) == (cut == len(whole))


@pytest.mark.parametrize("ending", ENDINGS)
def test_wherever_a_file_is_cut_what_is_cut_off_must_be_of_a_picture_that_is_answered_again(
    ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a{ending}"
    write(path, ["one.png", "two.png"])
    whole = path.read_bytes()
    begin = FORMATS[ending].begin("two.png")
    for cut in range(whole.rindex(begin) + begin.index(b"two") + 1, len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(BadInput, match="its end is no part of an answer to one of these pictures"):
            write(path, ["one.png", "other.png"], resume=True)
        assert path.read_bytes() == whole[:cut]


FOREIGN = {
    "notes without a line's end": b"milk, bread and 3 eggs",
    "notes": b"milk\nbread\n",
    "binary": bytes(range(256)) * 1000,
    "zeros": bytes(5000),
    "not UTF-8": b"\xff\xfe\n",
    "CSV of other columns": b"source,label\na.png,7\n",
    "CSV saved by a spreadsheet": FORMATS[".csv"].head.replace(b"\n", b"\r\n"),
    "objects": b'{"source": "a.png", "label": 7}\n',
    "lists": b"[1]\n",
    "deep": b"[" * 100_000 + b"\n",
    "infinite": b'{"source": "a.png", "made_by": "mnistx-answers-1", "exit_code": Infinity}\n',
    "of something else": b'{"source": "a.png", "made_by": "us"}\n',
    "a blank line": b"\n",
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("what", FOREIGN)
def test_what_is_not_ours_is_never_touched(ending: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(FOREIGN[what])
    for resume, why in ((False, "exists; go on"), (True, r"doesn't hold answers of mnistx|was made with")):
        with pytest.raises(BadInput, match=why):
            write(path, NAMES, resume)
        assert path.read_bytes() == FOREIGN[what]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("what", FOREIGN)
def test_what_somebody_wrote_below_our_answers_is_never_touched(ending: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    write(path, ["a.png"])
    data = path.read_bytes() + FOREIGN[what]
    path.write_bytes(data)
    with pytest.raises(BadInput, match=r"doesn't hold answers of mnistx|was made with"):
        write(path, ["a.png", "b.png"], resume=True)
    assert path.read_bytes() == data


@pytest.mark.parametrize("ending", ENDINGS)
def test_answers_that_something_else_made_are_never_mixed(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    write(path, ["a.png"])
    data = path.read_bytes()
    with pytest.raises(BadInput, match=rf"a{ending} was made with many=True, not with many=False; name another --out"):
        write(path, ["b.png"], resume=True, made_by=MADE_BY.replace("True", "False"))
    with pytest.raises(BadInput, match=r"was made with mnistx-answers-1, not with mnistx-answers-2"):
        write(path, ["b.png"], resume=True, made_by=MADE_BY.replace("answers-1", "answers-2"))
    path.write_bytes(data + data.splitlines(keepends=True)[-1].replace(b"0123", b"4567"))
    with pytest.raises(BadInput, match=r"was made with model=4567, not with model=0123"):
        write(path, ["b.png"], resume=True)


def test_rows_of_a_picture_that_are_not_all_there_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write(path, ["one.png", "two.png"])
    lines = path.read_bytes().splitlines(keepends=True)
    for kept in ((0, 1, 3, 4, 5, 6), (0, 2, 3), (0, 1, 2, 4, 5, 6), (0, 1, 2, 3, 5, 6), (0, 1, 2, 2, 3)):
        data = b"".join(lines[at] for at in kept)
        path.write_bytes(data)
        with pytest.raises(BadInput, match="isn't where it should be"):
            write(path, ["one.png", "two.png"], resume=True)
        assert path.read_bytes() == data


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_picture_is_the_same_whatever_way_it_is_named(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"a{ending}"
    names = ["a.png", "./a.png", ".//a.png", str(tmp_path / "a.png"), "b/../a.png", "b/./c.png", "./=1+1.png"]
    assert write(path, names) == ["a.png", "b/../a.png", "b/./c.png", "./=1+1.png"]  # b may be a link
    assert write(path, ["b//c.png", "=1+1.png", "./a.png", "d.png"], resume=True) == ["d.png"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_standard_input_is_never_answered_already(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    assert write(path, ["-"]) == write(path, ["-"], resume=True) == ["-"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_worst_exit_code_is_known(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    write(path, NAMES[:3])
    for names, expected in ((NAMES[:4], 0), (NAMES, 1), (NAMES, 1)):
        with open_records(path, names, MADE_BY, True) as records:
            assert records.exit_code == expected
            for name in records.left:
                records.add(answer(name))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_second_call_on_the_same_file_is_kept_out(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    with open_records(path, NAMES, MADE_BY, False) as first:
        first.add(answer(NAMES[0]))
        data = path.read_bytes()
        with pytest.raises(BadInput, match=r"another call is writing to .*; wait for it, or name another --out"):
            write(path, NAMES, resume=True)
        assert path.read_bytes() == data
    assert write(path, NAMES, resume=True) == NAMES[1:]


def test_an_error_that_is_not_the_file_s_own_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Too many open files"), open_records(tmp_path / "a.csv", [], MADE_BY, False):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def test_a_file_that_is_there_is_not_written_over_and_another_ending_or_folder_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", NAMES)
    (tmp_path / "folder.csv").mkdir()
    for name, why in (
        ("a.csv", "exists; go on with it by --resume"),
        ("a.txt", "ends in .csv or .jsonl"),
        ("no/a.csv", "no such folder"),
        ("folder.csv", "it is there and not a file"),
    ):
        with pytest.raises(BadInput, match=why):
            write(tmp_path / name, NAMES)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_leaves_whole_answers_that_are_gone_on_with(ending: str, tmp_path: Path) -> None:
    """At every size that the disk may have room for; a file that may grow no more stands for it."""
    path = tmp_path / f"a{ending}"
    write(path, NAMES)
    whole = path.read_bytes()
    ends = [0, len(FORMATS[ending].head)]
    for name in NAMES:
        ends.append(ends[-1] + len(FORMATS[ending].dump(answer(name), MADE_BY)))
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in range(len(whole)):
        path.unlink()
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, old[1]))
        try:
            with pytest.raises(BadInput, match=r"can't write .*: File too large"):
                write(path, NAMES)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
        assert path.read_bytes() == whole[: max(end for end in ends if end <= room)]
        write(path, NAMES, resume=True)
        assert path.read_bytes() == whole


def test_a_call_that_is_killed_leaves_what_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    code = (
        "import os, sys; from pathlib import Path; from mnistx_runtime.records import open_records\n"
        "with open_records(Path(sys.argv[1]), ['a.png', 'b.png'], sys.argv[2], False) as records:\n"
        "    records.add({'source': 'a.png', 'label': 1}); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, path, MADE_BY], check=False)
    assert path.read_bytes().count(b"\n") == 2
    assert write(path, ["a.png", "b.png"], resume=True) == ["b.png"]
