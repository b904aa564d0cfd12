from pathlib import Path

from mnistx_runtime.system.temporary import is_temporary, temporary_path


def test_a_name_is_drawn_anew_and_proves_that_it_is_ours(tmp_path: Path) -> None:
    names = {temporary_path(tmp_path).name for _ in range(100)}
    assert len(names) == 100
    for name in names:
        assert is_temporary(tmp_path / name) and len(name) < 50
        for at in (10, 30):
            assert not is_temporary(Path(name[:at] + ("0" if name[at] != "0" else "1") + name[at + 1 :]))


def test_names_of_others_are_not_ours() -> None:
    name = temporary_path(Path()).name
    for other in ("", ".tmp", ".x.0123456789abcdef.tmp", name.upper(), name[1:], name + "~", f"{name}/x"):
        assert not is_temporary(Path(other))
