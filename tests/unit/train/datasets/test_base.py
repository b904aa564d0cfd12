import numpy as np
import pytest

from mnistx_train.datasets.base import DIGITS, Source, Split, digit_spec, format_shape, picture_spec
from mnistx_train.errors import TrainError

SPLIT = Split(np.arange(24, dtype=np.uint8).reshape(4, 1, 2, 3), np.array([0, 1, 0, 1]))


def test_images_are_taken_with_their_labels() -> None:
    found = SPLIT.at(np.array([3, 0]))

    assert len(found) == 2 and found.labels.tolist() == [1, 0]
    assert np.array_equal(found.images, SPLIT.images[[3, 0]])


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("only",), "1 classes; a classifier has 2 to 1,000"),
        (tuple(map(str, range(1001))), "1001 classes"),
        (("a", "b", "a"), "two classes are called 'a'"),
        (("a", " "), "must be a text that isn't empty"),
    ],
)
def test_class_names_that_no_checkpoint_could_hold_are_refused_at_once(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(TrainError, match=f"mine: .*{said}"):
        Source("mine", names, lambda _: SPLIT, digit_spec(names))


@pytest.mark.parametrize(("names", "parameters"), [(DIGITS, {}), (("7", "0"), {}), (("cat", "7"), {"reject": False})])
def test_only_pictures_of_digits_are_turned_down_for_looking_like_none(
    names: tuple[str, ...], parameters: dict[str, bool]
) -> None:
    spec = digit_spec(names)

    assert (spec.shape, spec.preprocess, dict(spec.parameters)) == ((1, 28, 28), "mnist-digit", parameters)


@pytest.mark.parametrize(
    ("sides", "shape"),
    [
        ({"height": 40, "width": 48}, (3, 40, 48)),
        ({"height": 96, "width": 96, "channels": 1}, (1, 96, 96)),
        ({"channels": 3}, (3, 28, 28)),
    ],
)
def test_pictures_are_resized_to_what_was_asked_for(sides: dict[str, int], shape: tuple[int, int, int]) -> None:
    spec = picture_spec(**sides)

    assert spec is not None
    assert (spec.shape, spec.preprocess, spec.parameters["mode"]) == (shape, "resize", "exact")
    assert (spec.mean, spec.std) == ((0.0,) * shape[0], (1.0,) * shape[0])


def test_nothing_asked_for_is_no_spec() -> None:
    assert picture_spec() is None


def test_shapes_are_told_in_words() -> None:
    assert [format_shape(shape) for shape in ((1, 28, 28), (3, 40, 48))] == ["28x28 in grey", "40x48 in colour"]
