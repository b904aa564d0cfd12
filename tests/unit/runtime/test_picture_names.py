from pathlib import Path

from mnistx_runtime.picture_names import is_folder, name_pictures


def test_folders_give_way_to_their_pictures_and_tell_what_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "empty").mkdir()
    for name in ("b.png", "a.jpg", "c.heic"):
        (tmp_path / "in" / name).touch()
    told: list[str] = []
    found = [*name_pictures(["-", str(tmp_path / "in"), str(tmp_path / "empty"), "x.png"], told.append)]
    inside = [str(tmp_path / "in" / name) for name in ("a.jpg", "b.png")]
    assert found == ["-", *inside, str(tmp_path / "empty"), "x.png"]
    assert len(told) == 1 and "c.heic" in told[0]


def test_a_name_that_no_file_can_have_is_no_folder(tmp_path: Path) -> None:
    assert is_folder(str(tmp_path))
    assert not any(map(is_folder, ("", "nul\0byte", "a" * 300, str(tmp_path / "none"))))
