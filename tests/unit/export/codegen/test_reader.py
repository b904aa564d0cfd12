"""The digit reader in C beside the one in Python."""

import io
import itertools
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

import forms
from command import ROOT
from generated_c import CC, WARNINGS
from golden_pictures import GOLDEN
from mnistx_export.codegen.reader import Reader, reader_files
from mnistx_export.codegen.reader_pair import LARGEST
from mnistx_export.golden import draw_digit
from mnistx_runtime import Predictor
from mnistx_runtime.artifact.c_check import check_c
from mnistx_runtime.artifact.c_reader import STATUSES, UNKNOWN
from photos import DISTURBANCES, photograph
from read_in_c import NUMBERS, CReader, Pixels, compile_reader, read_in_python, write_reader

pytestmark = pytest.mark.skipif(not shutil.which(CC), reason="a C compiler is missing: apt install gcc")


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(threads=1)


@pytest.fixture(scope="module")
def reader(predictor: Predictor, tmp_path_factory: pytest.TempPathFactory) -> CReader:
    return compile_reader(tmp_path_factory.mktemp("reader"), Reader(predictor.metadata.temperature))


def check(reader: CReader, predictor: Predictor, picture: Pixels) -> int:
    """Both read the same; returns the status."""
    expected, image = read_in_python(predictor, picture)
    status, found = reader.read(picture)
    assert status == expected, reader.reason(status)
    if image is not None:
        assert (found == image).all()
    return status


def grey(picture: Image.Image) -> Pixels:
    return np.asarray(picture.convert("L"))


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.in.png")), ids=lambda path: path.name.removesuffix(".in.png"))
def test_golden_pictures(path: Path, reader: CReader, predictor: Predictor) -> None:
    picture = Image.open(path)
    assert check(reader, predictor, grey(picture)) == 0
    image = np.asarray(Image.open(path.with_name(path.name.replace(".in.", ".out."))))
    if not path.name.startswith("blue-to-yellow"):  # which ink shows in one colour only
        assert np.abs(reader.read(grey(picture))[1].astype(int) - image).max() <= 30


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("disturbance", DISTURBANCES, ids=lambda each: each.name)
def test_photographs(strength: float, disturbance: object, reader: CReader, predictor: Predictor) -> None:
    for index in range(2):
        photo = photograph(draw_digit(index * 5 + 2, index), disturbance.scene(strength), index)  # type: ignore[attr-defined]
        check(reader, predictor, grey(Image.open(io.BytesIO(photo))))


@pytest.mark.parametrize("kind", forms.KINDS)
def test_forms(kind: str, reader: CReader, predictor: Predictor) -> None:
    """Those with many digits, too, which are refused or read as one."""
    for number in range(12):
        random = np.random.default_rng([11, number])
        drawn = iter(random.integers(0, 10, 64).tolist())

        def digits(drawn: object = drawn, number: int = number) -> tuple[int, Pixels]:
            digit = next(drawn)  # type: ignore[call-overload]
            return digit, draw_digit(digit, number)

        check(reader, predictor, grey(forms.KINDS[kind][1](digits, random)[1]))


def pages() -> dict[str, Pixels]:
    """Grey pictures, by the status that they have."""
    page = np.full((200, 160), 230, np.uint8)
    pages = {"NO_INK": page, "SOLID": page.copy(), "SEVERAL": np.full((300, 560), 255, np.uint8)}
    pages["SOLID"][80:120, 60:100] = 20
    for at, digit in ((0, 3), (250, 8)):
        pages["SEVERAL"][10:290, at : at + 280] = 255 - draw_digit(digit, 1, 280)
    pages["PIECES"] = page.copy()
    for row in range(5):
        pages["PIECES"][50 + row * 18 :, 55:105][:10] = 20
    holes = page.copy()
    holes[40:160, 40:120] = 20
    for row in range(4):
        for column in range(2):
            holes[48 + row * 28 :, 48 + column * 36 :][:20, :28] = 230
    pages["HOLES"] = holes
    return pages


@pytest.mark.parametrize(("name", "picture"), pages().items(), ids=pages())
def test_each_refusal(name: str, picture: Pixels, reader: CReader, predictor: Predictor) -> None:
    status = check(reader, predictor, picture)
    assert status == NUMBERS[name]
    assert reader.reason(status) == next(each.text for each in STATUSES if each.name == name)


def test_what_neither_takes(reader: CReader) -> None:
    assert reader.read(np.zeros((1, LARGEST + 1), np.uint8))[0] == NUMBERS["TOO_LARGE"]
    assert reader.read(np.zeros((0, 5), np.uint8))[0] == NUMBERS["BAD_ARGUMENT"]
    assert reader.reason(99) == UNKNOWN


def test_the_places_of_several_digits(reader: CReader, predictor: Predictor) -> None:
    """In reading order, each with its bar, its foot's point left out, and room as far as the next."""
    page = np.full((330, 500), 240, np.uint8)
    rows = ("295", "4801")
    for row, text in enumerate(rows):
        for column, digit in enumerate(text):
            at = np.s_[30 + 150 * row + 6 * column :, 20 + 115 * column :]
            page[at][:100, :100] = 240 - draw_digit(int(digit), 1, 100) // 255 * 210
    page[152:160, 130:138] = 30
    count, places = reader.find(page)
    assert count == 7
    images = [reader.read_part(page, place[4:]) for place in places]
    assert [status for status, _ in images] == [0] * 7
    labels = [predictor.predict_batch(image[None, None])[0].label for _, image in images]
    assert "".join(map(str, labels)) == "".join(rows)
    for place, other in itertools.pairwise(places):
        ink, part = place[:4], place[4:]
        assert part[0] <= ink[0] and part[1] <= ink[1] and part[2] >= ink[2] and part[3] >= ink[3]
        assert other[1] > ink[3] or part[2] <= other[0]


def test_a_picture_without_digits_or_with_too_many(reader: CReader) -> None:
    assert reader.find(np.full((90, 90), 200, np.uint8)) == (0, [])
    many = np.full((160, 160), 255, np.uint8)
    for row in range(10):
        for column in range(10):
            many[4 + 16 * row : 14 + 16 * row, 6 + 16 * column : 9 + 16 * column] = 0
    assert reader.find(many) == (-3, [])
    assert reader.find(np.zeros((1, LARGEST + 1), np.uint8))[0] == NUMBERS["TOO_LARGE"]
    picture = np.full((90, 90), 200, np.uint8)
    for part in ([-1, 0, 20, 20], [0, 0, 91, 20], [30, 0, 20, 20], [0, 40, 20, 20]):
        assert reader.read_part(picture, part)[0] == NUMBERS["BAD_ARGUMENT"]


def touching(digits: str, overlap: float, side: int = 90) -> Pixels:
    """Digits side by side that touch."""
    drawn = [draw_digit(int(digit), at, side) for at, digit in enumerate(digits)]
    step = round(side * (1 - overlap))
    page = np.zeros((side + 30, step * len(digits) + 2 * side), np.uint8)
    for at, digit in enumerate(drawn):
        here = page[15 : 15 + side, 15 + at * step : 15 + at * step + side]
        np.maximum(here, digit, out=here)
    return np.asarray(255 - page)


@pytest.mark.parametrize("digits", ["17", "38", "60", "08", "52", "88", "00"])
def test_digits_that_touch_compete_with_one(digits: str, reader: CReader, predictor: Predictor) -> None:
    found = {check(reader, predictor, touching(digits, overlap / 100)) for overlap in range(30, 70, 4)}
    assert NUMBERS["SEVERAL"] in found


@pytest.mark.parametrize("gap", range(2, 50, 8))
def test_digits_in_two_pieces_and_cut_out_without_a_margin(gap: int, reader: CReader, predictor: Predictor) -> None:
    for digit in (4, 5, 7):
        drawn = draw_digit(digit, gap, 100)
        broken = np.zeros((120 + gap, 120), np.uint8)
        broken[10:60, 10:110], broken[60 + gap : 110 + gap, 10:110] = drawn[:50], drawn[50:]
        check(reader, predictor, 255 - broken)
        thick = np.asarray(Image.fromarray(drawn).filter(ImageFilter.MaxFilter(1 + 2 * (gap // 4))))
        rows, columns = np.flatnonzero(thick.any(1)), np.flatnonzero(thick.any(0))
        tight = thick[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        check(reader, predictor, tight // 2 + 60)
        check(reader, predictor, 255 - tight)


def scribble(seed: int) -> Pixels:
    """Strokes, lines and noise at random."""
    random = np.random.default_rng(seed)
    height, width = random.integers(20, 200, 2).tolist()
    page = np.full((height, width), random.integers(0, 256), np.uint8)
    ink = int(page[0, 0]) ^ 128
    for _ in range(int(random.integers(1, 4))):
        thick, x, y, across, down = 1 + (width + height) // 60, width // 2, height // 2, 0, 1
        for _ in range(int(random.integers(0, 2 * (width + height)))):
            if random.random() < 0.1:
                across, down = random.integers(-1, 2, 2).tolist()
            x, y = (x + across) % width, (y + down) % height
            page[y : y + thick, x : x + thick] = ink
    for _ in range(int(random.integers(0, 3) * random.integers(0, 5))):
        at = int(random.integers(0, min(height, width)))
        (page if random.random() < 0.5 else page.T)[at : at + 2] = ink
    noise = random.integers(0, 1 + random.integers(0, 200), page.shape) * (random.random() < 0.5)
    return (page + noise).astype(np.uint8)


@pytest.mark.parametrize("group", range(6))
def test_scribbles(group: int, reader: CReader, predictor: Predictor) -> None:
    for seed in range(group * 20, group * 20 + 20):
        check(reader, predictor, scribble(seed))


@pytest.mark.parametrize("digits", ["17", "38", "60", "25"])
def test_neighbours_that_come_in_from_a_side_are_left_out(digits: str, reader: CReader, predictor: Predictor) -> None:
    for end in range(80, 130, 6):
        check(reader, predictor, touching(digits, 0.4)[:, :end])
        check(reader, predictor, touching(digits, 0.4)[:, end - 70 :][:, :90])


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 300), (300, 1), (2, 3), (28, 28), (96, 96), (256, 256), (257, 40), (700, 9)]
)
def test_sizes(shape: tuple[int, int], reader: CReader, predictor: Predictor) -> None:
    random = np.random.default_rng(shape)
    check(reader, predictor, random.integers(0, 256, shape, np.uint8))
    check(reader, predictor, np.full(shape, 90, np.uint8))
    check(reader, predictor, np.asarray(Image.fromarray(255 - draw_digit(7, 1, 120)).resize(shape[::-1])))


def test_what_is_not_to_be_rejected_is_not(tmp_path: Path) -> None:
    accepting = compile_reader(tmp_path, Reader(reject=False))
    assert [accepting.read(pages()[name])[0] for name in ("SOLID", "HOLES", "NO_INK")] == [0, 0, NUMBERS["NO_INK"]]


def test_it_is_c_that_a_folder_may_hold() -> None:
    files = reader_files(Reader(1.5, True), "net")
    del files["example/picture.c"]
    check_c(files | {"net.h": b"int net_predict(const uint8_t *i, float *l, void *w);\n"}, "net", "net.c99")
    code = files["net_read.c"].decode()
    assert "0x1.8p0f" in code and code == reader_files(Reader(1.5, True), "net")["net_read.c"].decode()
    assert not re.search(
        r"^(?!static|typedef|int net_(?:read|find)|const char \*net_read)\w[^#]*\)$", code, re.MULTILINE
    )


def test_it_compiles_as_cpp_and_two_models_link_together(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_reader(tmp_path, Reader(), name)
    (tmp_path / "main.c").write_text(
        '#include "one_read.h"\n#include "two_read.h"\n'
        "int main(void) { return (one_read_reason(0) == 0) || (two_read(0, 1, 1, 0, 0) != TWO_READ_BAD_ARGUMENT); }\n"
    )
    flags = ["-x", "c++", "-std=c++17", "-O0", *WARNINGS, "-DONE_NO_SELFTEST", "-DTWO_NO_SELFTEST"]
    sources = ["main.c", "one.c", "one_read.c", "two.c", "two_read.c"]
    done = subprocess.run(["g++", *flags, *sources, "-o", "program"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert subprocess.run([tmp_path / "program"]).returncode == 0


def test_random_pictures_of_any_size_reach_nothing_else(tmp_path: Path) -> None:
    """What the sanitizers see: addresses beyond the picture, the image and the workspace, and undefined arithmetic."""
    write_reader(tmp_path, Reader(), "model")
    flags = ["-std=c99", "-O1", *WARNINGS, "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    sources = ["model.c", "model_read.c", str(ROOT / "benchmarks" / "read_random.c")]
    call = [CC, *flags, "-I.", "-DMODEL_NO_SELFTEST", *sources, "-lm", "-o", "program"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    read = subprocess.run([tmp_path / "program", "0", "60"], capture_output=True, text=True)
    assert read.returncode == 0, read.stderr
    counts = [int(count) for count in read.stdout.split()]
    assert sum(counts) == 60 and sum(count > 0 for count in counts) >= 4


def test_the_example_reads_a_picture(tmp_path: Path, predictor: Predictor) -> None:
    """Without the golden images, whose names of the classes the example prints."""
    write_reader(tmp_path, Reader(predictor.metadata.temperature), "model")
    names = ", ".join(f'"{name}"' for name in predictor.metadata.names)
    (tmp_path / "model_certificate.h").write_text(f"const char *const model_class_names[10] = {{{names}}};\n")
    sources = ["model.c", "model_read.c", "example/picture.c"]
    call = [CC, "-std=c99", "-O1", *WARNINGS, "-I.", "-DMODEL_NO_SELFTEST", *sources, "-lm", "-o", "program"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answers = []
    for picture in (grey(Image.open(ROOT / "artifacts" / "pictures" / "seven.jpg")), np.zeros((9, 9), np.uint8)):
        given = io.BytesIO()
        Image.fromarray(picture).save(given, "PPM")
        answers.append(subprocess.run([tmp_path / "program"], input=given.getvalue(), capture_output=True))
    nothing = subprocess.run([tmp_path / "program"], input=b"P2 3", capture_output=True)
    assert answers[0].returncode == 0 and answers[0].stdout.startswith(b"7 -")
    assert answers[1].returncode == 1 and b"no ink found" in answers[1].stdout
    assert nothing.returncode == 2
