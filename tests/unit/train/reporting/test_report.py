import base64
import json
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnistx_runtime import BadInput
from mnistx_train.datasets import Split
from mnistx_train.evaluation.metrics import Metrics, measure
from mnistx_train.reporting.report import Report, write_report
from mnistx_train.training.loop import Epoch

NAMES = ("<script>alert(1)</script>", "T-shirt & top", "plain")
TITLE = "letters: <i>report</i> recipe, seed 0"
HISTORY = (Epoch(1, 0.9, 0.5, 0.75, 1.25), Epoch(2, 0.4, 0.3, 0.875, 1.5))
LABELS = np.array([0, 0, 1, 1, 2, 2, 2, 2], np.int64)
TEST = Split(np.random.default_rng(0).integers(0, 256, (8, 1, 28, 28), np.uint8), LABELS)


def answers(wrong: dict[int, int]) -> Metrics:
    """The measures of answers that are right but for these images."""
    read = LABELS.copy()
    for index, answer in wrong.items():
        read[index] = answer
    probabilities = np.full((8, 3), 0.1)
    probabilities[np.arange(8), read] = 0.8
    return measure(np.log(probabilities), LABELS)


METRICS = answers({0: 2, 2: 0})


class Page(HTMLParser):
    """The attributes and the visible text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on two misread images and two epochs."""
    folder = tmp_path_factory.mktemp("report") / "made" / "here"
    write_report(folder, Report(TITLE, "8 images", NAMES, METRICS, HISTORY), TEST)
    return folder


@pytest.fixture(scope="module")
def flawless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on answers that are all right, of a model whose training is not known."""
    folder = tmp_path_factory.mktemp("flawless")
    write_report(folder, Report("flawless", "8 images", ("a", "b", "c"), answers({})), TEST)
    return folder


def page(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_metrics_json_holds_the_measures(written: Path) -> None:
    values = json.loads((written / "metrics.json").read_text())

    assert values == json.loads(
        json.dumps({"names": NAMES, "test": METRICS.to_dict(), "epochs": [asdict(epoch) for epoch in HISTORY]})
    )
    assert values["test"]["accuracy"] == 0.75
    assert values["epochs"][1]["validation_accuracy"] == 0.875


def test_report_has_a_file_for_each_figure(written: Path) -> None:
    figures = {"per_class.png", "confusion.png", "calibration.png", "misclassified.png", "curves.png"}

    assert names_in(written) == figures | {"report.html", "metrics.json"}
    for name in figures:
        assert (written / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        with Image.open(written / name) as picture:
            picture.load()
            assert len(set(picture.convert("L").tobytes())) > 2


@pytest.mark.parametrize("report", ["written", "flawless"])
def test_page_needs_nothing_but_itself(report: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(report)
    text = page(folder)
    parsed = Page(text)

    for outside in ("http://", "https://", "url(", "@import"):
        assert outside not in text
    assert not {"script", "link", "iframe", "object"} & set(parsed.tags)
    assert not [name for name, _ in parsed.attributes if name in ("href", "srcset", "data", "action")]
    sources = [value for name, value in parsed.attributes if name == "src"]
    prefix = "data:image/png;base64,"
    assert all(source.startswith(prefix) for source in sources)
    embedded = {base64.b64decode(source.removeprefix(prefix), validate=True) for source in sources}
    assert embedded == {path.read_bytes() for path in folder.glob("*.png")}


def test_names_and_title_are_escaped(written: Path) -> None:
    text = page(written)

    assert "<script" not in text
    assert "<i>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    visible = Page(text).text
    assert TITLE in visible
    assert all(name in visible for name in NAMES)


def test_page_shows_the_numbers(written: Path) -> None:
    visible = Page(page(written)).text

    assert "75.00%" in visible
    assert f"{METRICS.loss:.4f}" in visible
    assert f"{100 * METRICS.calibration_error:.2f}%" in visible
    for epoch in HISTORY:
        assert f"{epoch.train_loss:.4f}" in visible
        assert f"{epoch.validation_loss:.4f}" in visible


def test_without_mistakes_there_is_no_figure_of_them(flawless: Path) -> None:
    assert not (flawless / "misclassified.png").exists()
    assert "misread images" not in page(flawless)
    assert json.loads((flawless / "metrics.json").read_text())["test"]["wrong"] == []


def test_without_epochs_there_are_no_curves(written: Path, flawless: Path) -> None:
    assert "Epoch by epoch" in page(written)
    assert not (flawless / "curves.png").exists()
    assert "Epoch by epoch" not in page(flawless)
    assert json.loads((flawless / "metrics.json").read_text())["epochs"] == []


def test_a_class_without_images_is_reported(tmp_path: Path) -> None:
    metrics = measure(np.log(np.array([[0.7, 0.2, 0.1]])), np.array([0], np.int64))

    write_report(tmp_path, Report("one image", "", ("a", "b", "c"), metrics), TEST)

    assert Page(page(tmp_path)).text.count("0.00%") >= 2


def test_the_same_report_is_written_twice_alike(tmp_path: Path, flawless: Path) -> None:
    write_report(tmp_path, Report("flawless", "8 images", ("a", "b", "c"), answers({})), TEST)

    assert names_in(tmp_path) == names_in(flawless)
    for path in flawless.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_report_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")

    with pytest.raises(BadInput, match="can't write to"):
        write_report(tmp_path / "file" / "report", Report("t", "s", NAMES, METRICS), TEST)
