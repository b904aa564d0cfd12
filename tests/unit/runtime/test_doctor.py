import os
import sys
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from mnistx_runtime import c_build, doctor
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.doctor import ABSENT, CHECKS, OK, WARNING, WRONG, Finding, examine


class Installed:
    """A distribution, as `importlib.metadata` describes it."""

    def __init__(self, name: str, version: str, *requires: str, extras: tuple[str, ...] = ()) -> None:
        self.name, self.version, self.requires = name, version, requires
        self.metadata = Message()
        self.metadata["Requires-Python"] = ">=3.11"
        for extra in extras:
            self.metadata["Provides-Extra"] = extra


def install(monkeypatch: pytest.MonkeyPatch, *there: Installed) -> None:
    monkeypatch.setattr(doctor, "_installed", {each.name: each for each in there}.get)


def states(check: Any) -> dict[str, str]:
    return {finding.what: finding.state for finding in check()}


def test_packages_that_fit_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(
        monkeypatch,
        Installed("mnistx-runtime", "0.1.0", "click>=8", "torch>=2; extra == 'pt2'", extras=("pt2",)),
        Installed("click", "8.1"),
    )
    assert list(doctor.check_packages()) == [Finding("packages", OK, "mnistx-runtime 0.1.0")]


def test_versions_that_do_not_fit_are_told_with_the_line_that_mends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = ("click>=8", "numpy>=2", "torch>=2; extra == 'pt2'", "psutil>=7; sys_platform == 'none'")
    install(
        monkeypatch,
        Installed("mnistx-runtime", "0.1.0", *needs, extras=("pt2",)),
        Installed("mnistx-train", "0.2.0"),
        Installed("click", "7.0"),
        Installed("torch", "1.13"),
    )
    first, *rest = doctor.check_packages()
    assert first.state == WRONG and "mnistx-runtime 0.1.0, mnistx-train 0.2.0" in first.text
    assert rest == [
        Finding("packages", WRONG, "click is 7.0; mnistx-runtime needs click>=8", "pip install 'click>=8'"),
        Finding("packages", WRONG, "numpy is missing; mnistx-runtime needs numpy>=2", "pip install 'numpy>=2'"),
        Finding("packages", WARNING, "torch is 1.13; mnistx-runtime needs torch>=2", "pip install 'torch>=2'"),
    ]


def test_a_runtime_on_the_path_alone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    (found,) = doctor.check_packages()
    assert found.state == WARNING and "uninstalled" in found.text


def test_a_python_that_is_not_declared_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Installed("mnistx-runtime", "0.1.0"))
    assert states(doctor.check_python) == {"python": OK}
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    assert states(doctor.check_python) == {"python": WARNING}


def test_a_changed_model_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert states(doctor.check_model) == {"model": OK}
    data = bytearray(BUNDLED.read_bytes())
    data[900_000] ^= 1
    (tmp_path / "m.onnx").write_bytes(data)
    monkeypatch.setattr("mnistx_runtime.bundled.BUNDLED", tmp_path / "m.onnx")
    (found,) = doctor.check_model()
    assert found.state == WRONG and "weights differ" in found.text and "pip install" in found.mend


def test_runtimes_are_there_or_absent_or_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_load_elsewhere", lambda module: "no libx.so" if module == "ncnn" else "")
    monkeypatch.setattr("mnistx_runtime.registry.find_spec", lambda module: None if module == "openvino" else object())
    found = {each.what: each for each in doctor.check_runtimes()}
    assert found["runtime ort"].state == OK
    absent, broken = found["runtime openvino"], found["runtime ncnn"]
    assert (absent.state, absent.mend) == (ABSENT, "pip install 'mnistx-runtime[openvino]'")
    assert broken.state == WRONG and "can't be loaded: no libx.so" in broken.text and "ncnn" in broken.mend


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        ("json", ""),
        ("no_such_module", "No module named 'no_such_module'"),
        ("os; os.abort()", "ends the process"),
        ("openvino_telemetry", "openvino_telemetry"),
    ],
)
def test_what_is_loaded_by_another_process_may_crash_it(module: str, problem: str) -> None:
    found = doctor._load_elsewhere(module)
    assert problem in found and bool(found) == bool(problem)


def test_a_library_that_hangs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_LONGEST_LOAD", 0.5)
    assert "takes more than" in doctor._load_elsewhere("time; time.sleep(60)")


def test_threads_that_are_limited_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr("mnistx_runtime.system.threads.available_cpus", lambda: 2)
    assert [each.text for each in doctor.check_threads()] == ["2 of 64 CPUs, by affinity or control group"]


def test_a_compiler_is_found_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert states(doctor.check_compiler) == {"compiler": WARNING}
    monkeypatch.setenv("CC", sys.executable)
    assert states(doctor.check_compiler) == {"compiler": OK}
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(c_build, "find_spec", lambda _: None)
    assert states(doctor.check_compiler) == {"compiler": ABSENT}


def test_folders_that_cannot_be_written_to_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, Installed("mnistx-train", "0.1.0"))
    monkeypatch.chdir(tmp_path)
    assert states(doctor.check_folders) == {"temporary": OK, "runs": OK}
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "artifacts").touch()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "artifacts" / "inside"))
    assert states(doctor.check_folders) == {"temporary": WARNING, "runs": WARNING}


def test_telemetry_that_somebody_switched_on_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert states(doctor.check_telemetry) == {"telemetry": OK}
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY")
    assert states(doctor.check_telemetry) == {"telemetry": WRONG}


def test_a_check_that_fails_is_a_finding_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise ImportError("no numpy")
        yield

    for name in CHECKS:
        monkeypatch.setitem(CHECKS, name, fail)
    monkeypatch.setitem(CHECKS, "threads", doctor.check_threads)
    found = list(examine())
    assert [each.what for each in found] == list(CHECKS)
    assert {each.state for each in found if each.what != "threads"} == {WRONG}
    assert found[0].text == "can't be checked: no numpy"
