from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from numpy.typing import NDArray
from PIL import Image

from command import json_lines, mnistx
from mnistx_train.datasets import Split, digits, source, training_data
from mnistx_train.reporting import figures

Images = list[NDArray[np.uint8]]


def refused(result: Result) -> str:
    """The one line in which a command was refused."""
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    line = result.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    return line


def few(count: int) -> Split:
    """As many images of each digit."""
    whole = digits._read()
    picked = np.concatenate([np.flatnonzero(whole.labels == label)[:count] for label in range(10)])
    return whole.at(np.sort(picked))


@pytest.fixture
def figures_drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Images, Images, list[str]]]:
    """What `data show` would have drawn."""
    calls: list[tuple[Images, Images, list[str]]] = []

    def draw(before: Images, after: Images, titles: list[str]) -> bytes:
        calls.append((before, after, titles))
        return b"drawn"

    monkeypatch.setattr(figures, "before_and_after", draw)
    return calls


def test_stats_as_json_lines() -> None:
    result = mnistx("data", "stats", "--dataset", "digits", "--json")

    assert result.exit_code == 0
    lines = json_lines(result)
    assert [(line["dataset"], line["part"], line["images"]) for line in lines] == [
        ("digits", "training", 1497),
        ("digits", "test", 300),
    ]
    for line, train in zip(lines, (True, False), strict=True):
        split = source("digits").read(train)
        assert line["mean"] == [pytest.approx(np.mean(split.images / 255))]
        assert line["std"] == [pytest.approx(np.std(split.images / 255))]
        assert line["classes"] == {str(c): int((split.labels == c).sum()) for c in range(10)}


def test_stats_as_text() -> None:
    result = mnistx("data", "stats", "--dataset", "digits")

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 22
    assert lines[0] == "digits, training: 1,497 images, mean 0.1578, std 0.2933"
    assert lines[11].startswith("digits, test: 300 images")
    assert lines[1].split() == ["0", "148", "9.89%"]


@pytest.mark.parametrize("command", [["data", "stats"], ["data", "show", "--out", "shown.png"]])
def test_unknown_data_set_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    monkeypatch.chdir(tmp_path)

    assert "no data set 'minst'" in refused(mnistx(*command, "--dataset", "minst"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [["data", "stats"], ["data", "show", "--out", "shown.png"]])
def test_data_dir_without_the_set_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert "holds no MNIST/raw/" in refused(mnistx(*command, "--dataset", "mnist", "--data-dir", tmp_path))
    assert not list(tmp_path.iterdir())


def test_show_draws_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split = few(3)
    monkeypatch.setattr(digits, "_read", lambda: split)

    result = mnistx("data", "show", "--dataset", "digits", "--out", tmp_path / "shown.png")

    assert result.exit_code == 0
    assert "10 training images of digits, augmented by recipe report" in result.stdout
    assert (tmp_path / "shown.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_show_takes_training_images_and_what_augmentation_makes_of_them(
    tmp_path: Path, figures_drawn: list[tuple[Images, Images, list[str]]]
) -> None:
    result = mnistx("data", "show", "--dataset", "digits", "--out", tmp_path / "shown.png")

    assert result.exit_code == 0
    assert (tmp_path / "shown.png").read_bytes() == b"drawn"
    ((before, after, titles),) = figures_drawn
    assert len(before) == len(after) == len(titles) == 32
    training = training_data(source("digits")).training
    known = {image.tobytes(): str(label) for image, label in zip(training.images, training.labels, strict=True)}
    assert [known[image.tobytes()] for image in before] == titles
    assert not any(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert {(image.dtype.name, image.shape) for image in after} == {("uint8", (1, 28, 28))}
    assert min(int(image.min()) for image in after) == 0
    assert max(int(image.max()) for image in after) > 240


def test_show_picks_images_by_the_seed(tmp_path: Path, figures_drawn: list[tuple[Images, Images, list[str]]]) -> None:
    for seed in ("5", "5", "6"):
        out = tmp_path / "shown.png"
        assert mnistx("data", "show", "--dataset", "digits", "--seed", seed, "--out", out).exit_code == 0

    five, again, six = figures_drawn
    assert all(np.array_equal(five[part], again[part]) for part in (0, 1))
    assert not np.array_equal(five[0], six[0])


@pytest.mark.usefixtures("figures_drawn")
def test_show_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    out = tmp_path / "shown.png"

    assert "unknown recipe 'none'" in refused(
        mnistx("data", "show", "--dataset", "digits", "--recipe", "none", "--out", out)
    )
    assert "--seed" in refused(mnistx("data", "show", "--dataset", "digits", "--seed", "-1", "--out", out))
    assert "--out" in refused(mnistx("data", "show", "--dataset", "digits"))
    below = tmp_path / "file" / "shown.png"
    assert "can't write" in refused(mnistx("data", "show", "--dataset", "digits", "--out", below))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """Pictures of a red and of a green box, 60x50 pixels."""
    for label, name in enumerate(("green", "red")):
        (tmp_path / "boxes" / name).mkdir(parents=True)
        for seed in range(24):
            page = Image.new("RGB", (60, 50), (seed, seed, 40))
            page.paste((200 * label, 200 * (1 - label), 5 * seed), (10, 10, 50, 40))
            page.save(tmp_path / "boxes" / name / f"{seed}.png")
    return tmp_path / "boxes"


def test_stats_of_colour_pictures_are_told_a_channel(boxes: Path) -> None:
    asked = ("data", "stats", "--dataset", boxes, "--size", "16x20")
    lines = json_lines(mnistx(*asked, "--json"))

    assert [line["shape"] for line in lines] == [[3, 16, 20]] * 2
    assert all(len(line["mean"]) == len(line["std"]) == 3 for line in lines)
    assert sum(line["images"] for line in lines) == 48
    mean = " ".join(f"{value:.4f}" for value in lines[0]["mean"])
    assert f"mean {mean}" in mnistx(*asked).stdout.splitlines()[0]


def test_show_takes_colour_pictures(boxes: Path, figures_drawn: list[tuple[Images, Images, list[str]]]) -> None:
    out = boxes.with_name("shown.png")
    assert mnistx("data", "show", "--dataset", boxes, "--size", "16x20", "--out", out).exit_code == 0

    ((before, after, titles),) = figures_drawn
    assert {image.shape for image in (*before, *after)} == {(3, 16, 20)} and {*titles} == {"green", "red"}
    for image, title in zip(after, titles, strict=True):
        green, red = float(image[1, 6:10, 8:12].mean()), float(image[0, 6:10, 8:12].mean())
        assert (red > green) == (title == "red")


def test_show_refuses_a_recipe_for_other_images(boxes: Path) -> None:
    out = boxes.with_name("shown.png")
    found = mnistx("data", "show", "--dataset", boxes, "--size", "16", "--recipe", "best", "--out", out)
    assert "recipe best is made for images of 28x28" in refused(found)
