from pathlib import Path
from typing import Any

import pytest

from mnistx_runtime.cluster import parts
from mnistx_runtime.cluster.parts import MARK, Parts, open_parts, suffix_of
from mnistx_runtime.errors import BadInput
from mnistx_runtime.records import source_key
from mnistx_runtime.system.temporary import temporary_path

MADE_BY = "mnistx-answers-1 model=0123 many=False"
OTHER = "mnistx-answers-1 model=4567 many=False"


def answer(name: str) -> dict[str, Any]:
    return {"source": name, "label": 7, "name": "7", "probability": 0.5}


def write(folder: Path, *names: str, resume: bool = False, made_by: str = MADE_BY) -> Parts:
    with open_parts(folder, made_by, resume) as opened:
        for name in names:
            opened.add(answer(name))
    return opened


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(params=["answers", "answers.parquet", "answers.csv"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def test_answers_are_gone_on_with_and_none_is_written_twice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "FULL", 2)
    write(folder, "a.png", "b.png", "c.png")
    before = contents(folder)
    assert sorted(before) == [MARK, *(f"part-0000{number}{suffix_of(folder)}" for number in (0, 1))]
    with open_parts(folder, MADE_BY, True) as opened:
        assert opened.done == {source_key(name) for name in ("a.png", "b.png", "c.png")}
        opened.add({"source": "d.png", "error": "d.png: no such file", "exit_code": 2})
    after = contents(folder)
    assert before.items() <= after.items() and len(after) == len(before) + 1
    with open_parts(folder, MADE_BY, True) as opened:
        assert len(opened.done) == 4 and opened.exit_code == 2
    assert contents(folder) == after


def test_what_is_there_is_kept_when_the_caller_stops(folder: Path) -> None:
    with pytest.raises(SystemExit), open_parts(folder, MADE_BY, False) as opened:
        opened.add(answer("a.png"))
        raise SystemExit(130)
    assert write(folder, resume=True).done == {source_key("a.png")}


def test_a_folder_that_is_there_is_not_written_to_unasked(folder: Path) -> None:
    write(folder, "a.png")
    before = contents(folder)
    with pytest.raises(BadInput, match="--resume"):
        write(folder, "b.png")
    with pytest.raises(BadInput, match="was made with model=0123, not with model=4567"):
        write(folder, "b.png", resume=True, made_by=OTHER)
    assert contents(folder) == before


@pytest.mark.parametrize("name", ["notes.txt", "part-1.csv", "part-00007.txt", ".hidden", "part-00009.parquet/x"])
@pytest.mark.parametrize("ours", [False, True])
def test_what_is_not_ours_is_never_touched(name: str, ours: bool, folder: Path) -> None:
    if ours:
        write(folder, "a.png")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("mine")
    before = sorted(folder.rglob("*"))
    with pytest.raises(BadInput, match="doesn't hold answers of mnistx"):
        write(folder, "b.png", resume=True)
    assert sorted(folder.rglob("*")) == before and (folder / name).read_text() == "mine"


def test_another_model_s_part_is_no_part_of_it(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / f"other{folder.suffix}"
    write(folder, "a.png")
    write(other, "b.png", made_by=OTHER)
    part = f"part-00000{suffix_of(folder)}"
    (folder / part).with_stem("part-00001").write_bytes((other / part).read_bytes())
    with pytest.raises(BadInput, match="was made with model=4567"):
        write(folder, resume=True)


def test_what_a_kill_leaves_is_gone_on_with(folder: Path) -> None:
    folder.mkdir()
    write(folder, "a.png", resume=True)  # killed before it wrote anything
    (folder / MARK).write_text(MADE_BY[:9])
    temporary_path(folder).write_bytes(b"half a part")
    assert write(folder, "b.png", resume=True).done == {source_key("a.png")}
    assert (folder / MARK).read_text() == MADE_BY
    assert len(list(folder.iterdir())) == 3


def test_one_call_at_a_time_writes(folder: Path) -> None:
    with open_parts(folder, MADE_BY, False) as opened:
        with pytest.raises(BadInput, match="another call is writing"):
            write(folder, resume=True)
        opened.add(answer("a.png"))
    assert len(write(folder, resume=True).done) == 1


@pytest.mark.parametrize(
    ("name", "why"),
    [("answers.txt", ".parquet or .csv"), ("no/such/answers", "no such folder"), ("file", "not a folder")],
)
def test_a_place_that_will_not_do_is_told_first(name: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=why):
        write(tmp_path / name, "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_part_that_can_not_be_written_says_how_to_go_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise BadInput(f"can't write {path}: No space left on device")

    monkeypatch.setattr(parts, "write_whole", full)
    with pytest.raises(BadInput, match="--resume goes on with it"):
        write(folder, "a.png")
    monkeypatch.undo()
    assert not write(folder, "a.png", resume=True).done
