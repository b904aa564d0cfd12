from collections.abc import Callable

import numpy as np
import pytest

from corruptions import CORRUPTIONS, Floats, Images, figure, measured, table
from handwriting import WAYS, written
from mnistx_runtime.predictor import Predictor
from mnistx_train.datasets import Split
from mnistx_train.networks.cnn import cnn
from sets import CARD

UNSEEDED = {"scale", "brightness", "stripe", "canny edges"}

READ_RIGHT = {
    "shear": 0.9, "scale": 0.9, "rotate": 0.85, "translate": 0.85, "motion blur": 0.85,
    "spatter": 0.8, "dotted line": 0.8, "glass blur": 0.75,
}  # fmt: skip
"""The least share of drawn digits that the bundled model reads right under the mild kinds."""

every_kind = pytest.mark.parametrize("name", CORRUPTIONS)


@pytest.fixture(scope="module")
def drawn() -> Split:
    """Four digits of each way."""
    images = [written(digit, way, seed) for digit, way in WAYS for seed in range(4)]
    return Split(np.stack(images), np.repeat([digit for digit, _ in WAYS], 4))


def corrupted(name: str, images: Images, seed: int = 0) -> Images:
    return CORRUPTIONS[name](images, np.random.default_rng(seed))


def whole(images: Images) -> Floats:
    return images / 255


def middle(images: Images) -> Floats:
    return images[:, :, 7:21] / 255


def outline(images: Images) -> Floats:
    steepness: Floats = np.hypot(*np.gradient(images / 255, axis=(1, 2)))
    return steepness


def likeness(some: Floats, others: Floats) -> Floats:
    """Correlation of each of some pictures with each of others."""
    return np.corrcoef(some.reshape(len(some), -1), others.reshape(len(others), -1))[: len(some), len(some) :]


def test_the_kinds_are_those_of_mnist_c() -> None:
    assert list(CORRUPTIONS) == [
        "shot noise", "impulse noise", "glass blur", "motion blur", "shear", "scale", "rotate", "brightness",
        "translate", "stripe", "fog", "spatter", "dotted line", "zigzag", "canny edges",
    ]  # fmt: skip


@every_kind
def test_a_seed_makes_the_same_pictures_and_another_seed_others(name: str, drawn: Split) -> None:
    before = drawn.images.copy()
    found = corrupted(name, drawn.images)

    assert found.shape == drawn.images.shape
    assert found.dtype == np.uint8
    assert np.array_equal(found, corrupted(name, drawn.images))
    assert np.array_equal(found, corrupted(name, drawn.images, seed=1)) == (name in UNSEEDED)
    assert np.array_equal(drawn.images, before)


@every_kind
def test_every_picture_changes(name: str, drawn: Split) -> None:
    change = abs(corrupted(name, drawn.images) - drawn.images.astype(float)).mean((1, 2))

    assert change.mean() > 3
    assert (change > 0).mean() > 0.95


@every_kind
def test_pictures_beside_it_leave_no_trace_in_a_picture(name: str, drawn: Split) -> None:
    alone = drawn.images.copy()
    alone[1:] = 0

    assert np.array_equal(corrupted(name, drawn.images)[0], corrupted(name, alone)[0])


@pytest.mark.parametrize("name", READ_RIGHT)
def test_digits_are_read_through_the_mild_kinds(name: str, drawn: Split) -> None:
    answers = Predictor(threads=1).log_probs(corrupted(name, drawn.images)).argmax(1)

    assert (answers == drawn.labels).mean() >= READ_RIGHT[name]


@pytest.mark.parametrize(
    ("name", "seen", "original"),
    [
        ("shot noise", whole, whole),
        ("impulse noise", whole, whole),
        ("brightness", whole, whole),
        ("zigzag", whole, whole),
        ("stripe", middle, middle),
        ("fog", outline, outline),
        ("canny edges", whole, outline),
    ],
)
def test_what_misleads_a_model_is_still_most_like_the_digit_it_was(
    name: str, seen: Callable[[Images], Floats], original: Callable[[Images], Floats], drawn: Split
) -> None:
    nearest = likeness(seen(corrupted(name, drawn.images)), original(drawn.images)).argmax(1)

    assert (nearest == np.arange(len(drawn))).mean() >= 0.95


def test_each_kind_does_what_its_name_says(drawn: Split) -> None:
    images = drawn.images[:1]
    black, rows, columns = np.zeros_like(images), *np.nonzero(images[0] > 127)

    def extent(name: str) -> list[int]:
        return [int(np.ptp(axis)) for axis in np.nonzero(corrupted(name, images)[0] > 127)]

    speckled = corrupted("impulse noise", np.full((50, 28, 28), 128, np.uint8))
    assert [(speckled == level).mean() for level in (0, 255)] == pytest.approx([0.085, 0.085], abs=0.005)
    assert np.array_equal(np.unique(corrupted("shot noise", images)), [0, 85, 170, 255])
    assert np.unique(corrupted("brightness", black)).tolist() == [128]
    assert corrupted("stripe", black)[0, 0].tolist() == [255] * 7 + [0] * 14 + [255] * 7
    assert np.unique(corrupted("canny edges", images)).tolist() == [0, 255]
    assert extent("scale") == pytest.approx([0.7 * np.ptp(rows), 0.7 * np.ptp(columns)], abs=1)
    assert np.array_equal(np.sort(corrupted("translate", images).ravel()), np.sort(images.ravel()))
    dots = corrupted("dotted line", black)[0].max(0).reshape(7, 4) > 0
    assert not dots[:, :2].any()
    assert dots[:, 2:].all()
    assert (corrupted("zigzag", np.zeros((50, 28, 28), np.uint8)).max(1)[:, 2:27] > 0).mean() > 0.9
    assert corrupted("spatter", black).max() <= 64
    assert corrupted("glass blur", images).max() < images.max()
    assert corrupted("motion blur", images).sum() == pytest.approx(float(images.sum()), rel=0.02)


def test_a_row_for_each_kind_and_a_column_for_each_checkpoint(drawn: Split) -> None:
    few = drawn.at(np.arange(0, len(drawn), 13))

    found = measured([(cnn(10), CARD), (cnn(10), CARD)], few)

    assert list(found) == ["clean", *CORRUPTIONS]
    assert {len(shares) for shares in found.values()} == {2}
    assert all(0 <= share <= 1 for shares in found.values() for share in shares)


def test_the_table_ends_with_the_mean_of_what_was_corrupted() -> None:
    lines = table(["report", "best"], {"clean": [1.0, 1.0], "fog": [0.25, 0.5], "zigzag": [0.75, 0.625]}).splitlines()

    assert lines[-6:] == [
        "| corruption | report | best |",
        "|---|---|---|",
        "| clean | 100.00% | 100.00% |",
        "| fog | 25.00% | 50.00% |",
        "| zigzag | 75.00% | 62.50% |",
        "| **mean of the corruptions** | 50.00% | 56.25% |",
    ]
    assert "`python benchmarks/corruptions.py " in lines[2]


def test_the_hardest_kind_is_at_the_bottom_of_the_figure() -> None:
    rows = {"clean": [1.0, 1.0], "fog": [0.25, 0.5], "zigzag": [0.75, 0.625]}

    axes = figure(["report", "best"], rows).axes[0]

    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["fog", "zigzag", "clean"]
    assert [np.asarray(line.get_xdata()).tolist() for line in axes.lines] == [[25, 75, 100], [50, 62.5, 100]]
    assert not axes.images
