import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from mnistx_train.datasets import fonts
from mnistx_train.datasets.fonts import characters, font_files, require_fonts
from mnistx_train.errors import NotAtHand

PUBLISHED = Path(fonts.__file__).with_name("fonts.csv")


def test_characters_are_images_as_the_reader_makes_them() -> None:
    found = characters("train", "0123456789")

    assert found.images.shape == (20, 1, 28, 28) and found.images.dtype == np.uint8
    assert found.labels.tolist() == [*range(10), *range(10)]
    assert (found.images.max((1, 2, 3)) == 255).all()
    rows = np.flatnonzero(found.images[8, 0].any(1))
    assert rows[-1] - rows[0] + 1 == 20


def test_a_character_that_a_font_lacks_is_left_out() -> None:
    assert characters("train", " 7", "print").labels.tolist() == [1]


def test_what_is_kept_for_tests_is_not_trained_on() -> None:
    assert [each.file for each in font_files("test")] == ["Serif.woff"]
    assert [each.file for each in font_files("train", "hand")] == ["Sans-Oblique.woff"]


def test_no_family_is_listed_for_both_uses_and_all_are_open() -> None:
    with PUBLISHED.open(newline="") as file:
        rows = list(csv.DictReader(file))

    families = {use: {row["family"] for row in rows if row["use"] == use} for use in ("train", "test")}
    assert len(families["train"]) > 50 and len(families["test"]) > 20
    assert not families["train"] & families["test"]
    assert {row["licence"] for row in rows} == {"OFL-1.1", "Apache-2.0", "UFL-1.0"}
    assert {row["kind"] for row in rows} == {"hand", "print"}


def test_without_a_folder_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(fonts.FONTS)
    with pytest.raises(NotAtHand, match=r"fetch_fonts\.py FOLDER`, and set MNISTX_FONTS to FOLDER$"):
        require_fonts("train")


def test_a_file_that_is_missing_or_another_one_is_named(
    few_fonts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "fonts"
    shutil.copytree(few_fonts, folder)
    monkeypatch.setenv(fonts.FONTS, str(folder))
    require_fonts("train")

    (folder / "dejavu" / "Sans.woff").write_bytes(b"another")
    with pytest.raises(NotAtHand, match=r"Sans\.woff isn't that of dejavu 2\.37"):
        require_fonts("train")
    require_fonts("test")

    (folder / "dejavu" / "Serif.woff").unlink()
    with pytest.raises(NotAtHand, match=r"Serif\.woff is missing; `python benchmarks/fetch_fonts\.py"):
        require_fonts("test")
