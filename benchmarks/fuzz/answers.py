"""Files of answers that `predict --resume` is told to go on with. What isn't ours stays as it is, byte for byte."""

from functools import partial
from pathlib import Path
from typing import Any

from fuzz.target import Target, folder_of
from mnistx_runtime.errors import MnistxError
from mnistx_runtime.records import FORM, open_records

_MADE_BY = f"{FORM} model=0123 many=True"
_NAMES = ["a.png", 'b,"c".png', "d\ne.png", "\udcff.png", "=1+1.png"]


def _answer(name: str) -> dict[str, Any]:
    if name == "d\ne.png":
        return {"source": name, "error": "no ink", "exit_code": 1}
    digits = [{"label": d, "name": str(d), "line": 0, "box": [d, 1, 20, 30]} for d in range(1 + len(name) % 3)]
    return {"source": name, "text": "12", "digits": digits}


def _fill(path: Path, resume: bool) -> list[str]:
    with open_records(path, _NAMES, _MADE_BY, resume) as records:
        for name in records.left:
            records.add(_answer(name))
        return records.left


def _read(name: str, data: bytes) -> None:
    with folder_of({name: data}) as folder:
        path = folder / name
        try:
            _fill(path, True)
        except MnistxError as error:
            assert path.read_bytes() == data, "somebody's file was changed"
            assert "\n" not in str(error), str(error)
            return
        assert _fill(path, True) == [], "answers are missing after a resumed call"


def _seeds(name: str) -> list[bytes]:
    with folder_of({}) as folder:
        path = folder / name
        _fill(path, False)
        whole = path.read_bytes()
        path.unlink()
    return [whole, whole[: len(whole) // 2], whole[: len(whole) // 3], b"", b"milk\nbread\n"]


CSV = Target(partial(_seeds, "a.csv"), partial(_read, "a.csv"))
JSONL = Target(partial(_seeds, "a.jsonl"), partial(_read, "a.jsonl"))
