from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from command import mnistx
from mnistx_train.datasets import source
from mnistx_train.datasets.csv_file import read_csv
from mnistx_train.errors import TrainError
from sets import random_images


def lines_of(images: NDArray[np.uint8], labels: Sequence[int] | None = None) -> list[str]:
    """A line an image: its label first, then its pixels."""
    first = [f"{label}," for label in labels] if labels is not None else [""] * len(images)
    return [start + ",".join(map(str, image.ravel())) for start, image in zip(first, images, strict=True)]


HEADINGS = "label," + ",".join(f"pixel{at}" for at in range(784))


def write(path: Path, lines: Sequence[str], end: str = "\n") -> Path:
    path.write_bytes(end.join([*lines, ""]).encode())
    return path


@pytest.mark.parametrize("headings", [[HEADINGS], []])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_kaggles_train_csv_is_read(tmp_path: Path, headings: list[str], end: str) -> None:
    images, labels = random_images(24), [0, 1, 2] * 8
    path = write(tmp_path / "train.csv", headings + lines_of(images, labels), end)
    write(tmp_path / "test.csv", [HEADINGS.removeprefix("label,"), *lines_of(images)])

    found = source(str(path))

    assert (found.name, found.names, found.spec.preprocess) == ("./train.csv", ("0", "1", "2"), "mnist-digit")
    training, test = found.read(True), found.read(False)
    assert (len(training), len(test)) == (20, 4)
    truth = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    for split in (training, test):
        assert [truth[image.tobytes()] for image in split.images] == split.labels.tolist()


def test_the_column_of_labels_may_stand_anywhere_and_quotes_are_passed_over(
    tmp_path: Path,
) -> None:
    images = random_images(2)
    headings = ",".join(f'"p{at}"' for at in range(784)) + ',"Class"'
    path = write(
        tmp_path / "a.csv", ["\ufeff" + headings, *(f'{line},"{at}"' for at, line in enumerate(lines_of(images)))]
    )

    found = read_csv(path)

    assert np.array_equal(found.images[:, 0], images) and found.labels.tolist() == [0, 1]


def test_the_file_of_test_images_beside_it_is_taken_where_it_has_labels(tmp_path: Path) -> None:
    training, test = random_images(8), random_images(6, seed=1)
    path = write(tmp_path / "mnist_train.csv", lines_of(training, [0, 1] * 4))
    write(tmp_path / "mnist_test.csv", lines_of(test, [1, 0] * 3))

    found = source(str(path))

    assert np.array_equal(found.read(True).images[:, 0], training)
    assert np.array_equal(found.read(False).images[:, 0], test) and found.read(False).labels.tolist() == [1, 0] * 3


def test_emnists_csv_is_turned_upright(tmp_path: Path) -> None:
    images = random_images(8)
    path = write(tmp_path / "emnist-letters-train.csv", lines_of(images.swapaxes(1, 2), [1, 2] * 4))
    write(tmp_path / "emnist-letters-test.csv", lines_of(images, [1, 2] * 4))
    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65\n2 66\n")

    found = source(str(path))

    assert found.names == ("A", "B") and np.array_equal(found.read(True).images[:, 0], images)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("3," + "0," * 783 + "256", "line 3, column 785: '256' is no grey level, a whole number of 0 to 255"),
        ("3," + "-1," + "0," * 782 + "0", "line 3, column 2: '-1' is no grey level"),
        ("3," + "0.5," + "0," * 782 + "0", r"line 3, column 2: '0\.5' is no grey level"),
        ("3," + "0," * 782 + "0", "line 3: 784 values, not 785"),
        ("cat," + "0," * 783 + "0", "line 3, column 1: 'cat' is no label, a whole number of 0 to 999"),
        ("99999," + "0," * 783 + "0", "line 3, column 1: '99999' is no label"),
        ("," + "0," * 783 + "0", "line 3, column 1: '' is no label"),
        ("3," + "9" * 400 + "," + "0," * 782 + "0", "line 3, column 2: '9+"),
        ("3," + "\0," + "0," * 782 + "0", "line 3, column 2: "),
    ],
)
def test_a_bad_value_is_named_by_its_line(tmp_path: Path, line: str, says: str) -> None:
    path = write(tmp_path / "a.csv", [HEADINGS, *lines_of(random_images(1), [1]), line])

    with pytest.raises(TrainError, match=rf"a\.csv, {says}") as caught:
        read_csv(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([HEADINGS.removeprefix("label,"), *lines_of(random_images(2))], "no column called label.* test.csv hasn't"),
        ([HEADINGS], "holds no images"),
        (["label,file", "1,a.png"], "1 columns, with commas between them, beside the label: no square image"),
        (["label;pixel0", "1;0"], "no column called label"),
        (["1;2;3"], "no column called label"),
        (["1," + "0," * 48 + "0"], "49 columns, .*no square image of 8 to 1,024 pixels a side"),
        ([], "no column called label"),
    ],
)
def test_what_holds_no_labelled_images_is_told(tmp_path: Path, lines: list[str], says: str) -> None:
    with pytest.raises(TrainError, match=says):
        read_csv(write(tmp_path / "a.csv", lines))


def test_lines_that_agree_with_each_other_and_not_with_the_headings_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", [HEADINGS, *[",".join("0" * 784)] * 2])
    with pytest.raises(TrainError, match=r"train.csv, line 2: 784 values, not 785"):
        source(str(path))


def test_a_number_of_thousands_of_digits_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", [HEADINGS, ",".join(["9" * 5000, *"0" * 784])])
    with pytest.raises(TrainError, match=r"line 2, column 1: '9+'? is no label"):
        source(str(path))


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    for data in (b"\xff\xfe\x00", (HEADINGS + "\n").encode() + b"\xff," * 785):
        (tmp_path / "a.csv").write_bytes(data)
        found = mnistx("data", "stats", "--dataset", tmp_path / "a.csv")
        assert found.exit_code == 2 and found.stderr.count("\n") == 1 and "a.csv" in found.stderr
