import os
from pathlib import Path

import pytest

from mnistx_runtime.system.memory import available_memory


@pytest.fixture
def sixteen_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 4 << 20}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)


@pytest.mark.usefixtures("sixteen_gib")
@pytest.mark.parametrize(("limit", "gib"), [("max", 16), (f"{2 << 30}\n", 2), (str(1 << 62), 16)])
@pytest.mark.parametrize("name", ["memory.max", "memory/memory.limit_in_bytes"])
def test_control_groups_limit(name: str, limit: str, gib: int, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(limit)
    assert available_memory(tmp_path, tmp_path / "own") == gib << 30


@pytest.mark.usefixtures("sixteen_gib")
def test_the_narrowest_group_decides(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "own").write_text("0::/a/b\n")
    (tmp_path / "a/memory.max").write_text(str(1 << 30))
    (tmp_path / "a/b/memory.max").write_text(str(3 << 30))
    assert available_memory(tmp_path, tmp_path / "own") == 1 << 30


def test_where_the_system_says_nothing_there_is_a_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "sysconf")
    assert available_memory(tmp_path, tmp_path / "own") == 4 << 30
