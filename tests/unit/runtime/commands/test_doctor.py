from collections.abc import Iterator

import pytest

from command import json_lines, mnistx
from mnistx_runtime import doctor
from mnistx_runtime.doctor import ABSENT, CHECKS, OK, WARNING, WRONG, Finding


def find(monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> None:
    def check() -> Iterator[Finding]:
        yield from findings

    for name in list(CHECKS):
        monkeypatch.delitem(CHECKS, name)
    monkeypatch.setitem(CHECKS, "all", check)


GOOD = (Finding("python", OK, "3.11"), Finding("runtime x", ABSENT, "x is missing", "pip install x"))
WARNED = (Finding("runs", WARNING, "read-only", "name another"),)
BAD = (Finding("model", WRONG, "changed\x1b[31m", "install it anew"),)


def test_what_is_wrong_ends_with_1_and_says_how_to_mend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find(monkeypatch, *GOOD, *WARNED, *BAD)
    found = mnistx("doctor")
    assert found.exit_code == 1
    assert found.stdout == (
        "ok      python               3.11\n"
        "-       runtime x            x is missing: pip install x\n"
        "warning runs                 read-only\n"
        "                             to mend it: name another\n"
        "WRONG   model                changed\\x1b[31m\n"
        "                             to mend it: install it anew\n"
        "1 wrong; 1 warning\n"
    )


def test_warnings_and_what_is_absent_end_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    find(monkeypatch, *GOOD, *WARNED)
    found = mnistx("doctor")
    assert found.exit_code == 0 and found.stdout.endswith("nothing is wrong; 1 warning\n")


def test_json_is_an_object_a_finding_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    find(monkeypatch, *GOOD, *BAD)
    found = mnistx("doctor", "--json")
    assert found.exit_code == 1 and json_lines(found) == [each.to_dict() for each in (*GOOD, *BAD)]


def test_nothing_is_wrong_with_this_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_load_elsewhere", lambda _: "")
    found = {line["what"]: line["state"] for line in json_lines(mnistx("doctor", "--json"))}
    assert found["model"] == found["runtime ort"] == found["telemetry"] == found["temporary"] == OK
