import os
from pathlib import Path

import pytest

from mnistx_runtime.system.threads import available_cpus


@pytest.fixture
def eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.usefixtures("eight_cpus")
@pytest.mark.parametrize(
    ("quota", "cpus"), [("max 100000", 8), ("200000 100000", 2), ("50000 100000", 1), ("1600000 100000", 8)]
)
def test_control_groups_of_version_2(tmp_path: Path, quota: str, cpus: int) -> None:
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert available_cpus(tmp_path, tmp_path / "own") == cpus


@pytest.mark.usefixtures("eight_cpus")
@pytest.mark.parametrize(("quota", "cpus"), [("-1", 8), ("300000", 3)])
def test_control_groups_of_version_1(tmp_path: Path, quota: str, cpus: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000")
    assert available_cpus(tmp_path, tmp_path / "own") == cpus


@pytest.mark.usefixtures("eight_cpus")
def test_the_groups_above_the_own_one_limit_too(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "own").write_text("0::/a/b\n")
    (tmp_path / "a/b/cpu.max").write_text("max 100000")
    (tmp_path / "a/cpu.max").write_text("300000 100000")
    assert available_cpus(tmp_path, tmp_path / "own") == 3


@pytest.mark.usefixtures("eight_cpus")
def test_without_control_groups_affinity_decides(tmp_path: Path) -> None:
    assert available_cpus(tmp_path, tmp_path / "own") == 8
