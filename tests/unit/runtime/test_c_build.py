import ctypes
import sys
from pathlib import Path

import pytest

from mnistx_runtime import c_build
from mnistx_runtime.c_build import compiler, shared_library
from mnistx_runtime.errors import ArtifactError, BackendUnavailable

SOURCES = {"n.c": b'#include "n.h"\nint n_answer(void) { return ANSWER; }\n', "n.h": b"#define ANSWER 42\n"}

needs_compiler = pytest.mark.skipif(compiler() is None, reason="no C compiler: apt install gcc")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mnistx" / "c"


@needs_compiler
def test_it_is_built_once_for_the_same_bytes(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with shared_library(SOURCES, "n") as path:
        assert path.parent == cache
        assert ctypes.CDLL(str(path)).n_answer() == 42
    monkeypatch.setattr(c_build, "_compile", None)
    with shared_library(SOURCES, "n") as again:
        assert again == path


@needs_compiler
def test_other_bytes_are_another_library(cache: Path) -> None:
    with shared_library(SOURCES, "n") as first, shared_library(SOURCES | {"n.h": b"#define ANSWER 43\n"}, "n") as other:
        assert other != first
        assert ctypes.CDLL(str(other)).n_answer() == 43
    assert sorted(cache.iterdir()) == sorted([first, other])


@needs_compiler
def test_where_nothing_can_be_kept_it_is_built_for_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with shared_library(SOURCES, "n") as path:
        assert ctypes.CDLL(str(path)).n_answer() == 42
    assert not path.exists()


@needs_compiler
def test_code_that_does_not_compile_is_told_in_one_line(cache: Path) -> None:
    with pytest.raises(ArtifactError, match=r"n\.c can't be compiled by .*error") as told:
        shared_library(SOURCES | {"n.c": b"int n(\n"}, "n").__enter__()
    assert "\n" not in str(told.value)
    assert list(cache.iterdir()) == []


def test_without_a_compiler_the_line_that_installs_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(c_build, "find_spec", lambda name: None)
    with pytest.raises(BackendUnavailable, match=r"apt install gcc; any system: pip install ziglang"):
        shared_library(SOURCES, "n").__enter__()
    monkeypatch.setattr(c_build, "find_spec", lambda name: name == "ziglang")
    assert compiler() == [sys.executable, "-m", "ziglang", "cc"]
    monkeypatch.setenv("CC", "/no/such/cc -m32")
    assert compiler() == ["/no/such/cc", "-m32"]
    with pytest.raises(BackendUnavailable, match=r"the C compiler /no/such/cc can't be run: No such file"):
        shared_library(SOURCES, "n").__enter__()
