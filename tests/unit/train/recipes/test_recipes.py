from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mnistx_runtime import BadInput, InputSpec
from mnistx_train.datasets import Split, TrainingData
from mnistx_train.errors import TrainError
from mnistx_train.evaluation.inference import Normalize
from mnistx_train.networks.network_file import NetworkFile
from mnistx_train.recipes import DEFAULT, RECIPES, in_batches, normalize, recipe

every_recipe = pytest.mark.parametrize("name", RECIPES)
augmenting = pytest.mark.parametrize("name", [name for name in RECIPES if name != "fast"])


def batches(data: TrainingData, seed: int, name: str = "report") -> list[tuple[Tensor, Tensor]]:
    torch.manual_seed(seed)
    order = torch.arange(len(data.training)).flip(0)
    return list(recipe(name).batches(data, order, 32))


def test_report_is_the_default() -> None:
    assert recipe(DEFAULT).name == "report"


@every_recipe
def test_recipes_go_by_their_own_names(name: str) -> None:
    assert recipe(name).name == name


def test_unknown_recipe_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="unknown recipe 'slow'; known: report"):
        recipe("slow")


@every_recipe
def test_batches_follow_the_order_and_end_with_the_rest(small: TrainingData, name: str) -> None:
    found = batches(small, 0, name)

    more = (36, 36, 36, 4) if name == "fonts" else (0, 0, 0, 0)
    assert [tuple(images.shape) for images, _ in found] == [
        (n + others, 1, 28, 28) for n, others in zip((32, 32, 32, 4), more, strict=True)
    ]
    firsts = [labels[: len(labels) - others] for (_, labels), others in zip(found, more, strict=True)]
    assert torch.cat(firsts).tolist() == small.training.labels[::-1].tolist()
    assert {images.dtype for images, _ in found} == {torch.float32}


@every_recipe
def test_augmented_images_are_normalized(small: TrainingData, name: str) -> None:
    images = torch.cat([images for images, _ in batches(small, 0, name)])

    black, white = -small.spec.mean[0] / small.spec.std[0], (1 - small.spec.mean[0]) / small.spec.std[0]
    assert float(images.min()) == pytest.approx(black, rel=1e-5)
    assert white - 0.5 < float(images.max()) <= white + 1e-6


@every_recipe
def test_same_generator_seed_gives_the_same_batches(small: TrainingData, name: str) -> None:
    once, again = batches(small, 3, name), batches(small, 3, name)

    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(once, again, strict=True))


@augmenting
def test_other_generator_seed_gives_other_images(small: TrainingData, name: str) -> None:
    once, other = batches(small, 3, name), batches(small, 4, name)

    assert not any(torch.equal(a, b) for (a, _), (b, _) in zip(once, other, strict=True))


@augmenting
def test_an_image_is_augmented_anew_each_time(small: TrainingData, name: str) -> None:
    torch.manual_seed(0)
    twice = torch.zeros(2, dtype=torch.int64)

    ((images, _),) = recipe(name).batches(small, twice, 2)

    assert not torch.equal(images[0], images[1])


@every_recipe
def test_augmentation_leaves_the_data_as_it_was(small: TrainingData, name: str) -> None:
    before = small.training.images.copy()

    batches(small, 0, name)

    assert np.array_equal(small.training.images, before)


MINE = NetworkFile(Path("net.py"), "build", b"")


@pytest.mark.parametrize("name", ["fast", "best", "fonts"])
def test_recipes_say_what_they_are_made_for(name: str) -> None:
    recipe(name).check((1, 28, 28))
    with pytest.raises(TrainError, match=f"recipe {name} is made for images of 28x28 in grey, not of 40x48 in colour"):
        recipe(name).check((3, 40, 48))
    with pytest.raises(TrainError, match=rf"recipe {name} is made for mnistx's own networks, not for net\.py:build"):
        replace(recipe(name), network=MINE).check((1, 28, 28))


def test_the_reports_recipe_trains_anything() -> None:
    recipe("report").check((3, 40, 48))
    replace(recipe("report"), network=MINE).check((3, 40, 48))


@pytest.mark.parametrize("shape", [(3, 8, 9), (1, 28, 28)])
def test_images_are_normalized_by_their_channel_as_on_the_device(shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (10, *shape), np.uint8)
    mean, std = (0.4, 0.5, 0.6)[: shape[0]], (0.2, 0.25, 0.3)[: shape[0]]
    spec = InputSpec(channels=shape[0], height=shape[1], width=shape[2], mean=mean, std=std)
    split = Split(images, np.arange(10) % 2)
    order = torch.arange(10).flip(0)

    (first, _), (second, labels) = in_batches(TrainingData(split, split, spec, ("a", "b")), order, 7)

    assert labels.tolist() == [0, 1, 0]
    ours = normalize(torch.cat([first, second]), spec)
    assert torch.equal(ours, Normalize(mean, std)(torch.from_numpy(images[::-1].copy())))


@pytest.mark.parametrize(("images", "batch", "share", "steps"), [(100, 32, 1.0, 4), (100, 32, 0.4, 2), (2, 32, 0.1, 1)])
def test_steps_are_counted(images: int, batch: int, share: float, steps: int) -> None:
    assert replace(recipe("report"), batch_size=batch, share=share).steps(images) == steps
