"""The metadata of an artifact, from the checkpoint it is made of."""

import numpy as np
import torch
from torch import nn

from mnistx_export import __version__
from mnistx_export.deployed import parameters
from mnistx_export.golden import golden_images
from mnistx_runtime.artifact.metadata import Certificate, Metadata, weights_sha256
from mnistx_train.checkpoint import Card
from mnistx_train.inference import log_probs


def certificate(network: nn.Module, card: Card, atol: float) -> Certificate:
    """The golden images and the trained module's answers to them, in float64, rounded to float32."""
    images = golden_images()
    answers = log_probs(network, images, card.mean, card.std, torch.float64)
    return Certificate(images, answers.astype(np.float32), atol)


def metadata(network: nn.Module, card: Card, atol: float) -> Metadata:
    """All that travels inside the artifact.

    Args:
        network: trained.
        card: what is known of it.
        atol: the tolerance that the artifact promises.
    """
    return Metadata(
        names=card.names,
        mean=card.mean,
        std=card.std,
        dataset=card.dataset,
        weights_sha256=weights_sha256(parameters(network)),
        test_accuracy=card.test_accuracy,
        temperature=card.temperature,
        certificate=certificate(network, card, atol),
        description=f"Image classifier of 28x28 grey images, trained on {card.dataset} with the {card.recipe} recipe",
        toolkit_version=__version__,
    )
