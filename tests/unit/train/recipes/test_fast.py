import torch

from mnistx_train.datasets import TrainingData
from mnistx_train.evaluation.inference import Normalize
from mnistx_train.recipes.fast import FAST


def test_fast_sees_every_image_once_as_it_is(small: TrainingData) -> None:
    order = torch.arange(len(small.training))
    images = torch.cat([images for images, _ in FAST.batches(small, order, 32)])

    assert FAST.epochs == 1
    pixels = torch.from_numpy(small.training.images)
    assert torch.equal(images, Normalize(small.spec.mean, small.spec.std)(pixels))
