from pathlib import Path

from mnistx_runtime.system.cgroups import control_groups


def test_the_groups_above_the_own_one_count_too(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("12:cpu:/old\n0::/a/b\n")
    assert control_groups(tmp_path, tmp_path / "own") == [tmp_path / "a/b", tmp_path / "a", tmp_path]


def test_where_nothing_names_a_group_the_root_is_the_one(tmp_path: Path) -> None:
    assert control_groups(tmp_path, tmp_path / "missing") == [tmp_path]
