"""A checkpoint of `mnistx train` as a model to export: its network, and the data set that it was trained on."""

from dataclasses import replace
from pathlib import Path

from mnistx_export.defaults import data_source
from mnistx_export.model import Model
from mnistx_train.checkpoint import load_checkpoint
from mnistx_train.datasets import training_data
from mnistx_train.errors import NotAtHand


def model_from_checkpoint(checkpoint: Path, network: str | None = None) -> Model:
    """The model alone.

    Args:
        checkpoint: the file.
        network: of one that holds the weights of a user's own network, its file; see `load_checkpoint`.

    Raises:
        TrainError: the file is missing, damaged, or holds another network.
    """
    module, card = load_checkpoint(checkpoint, network)
    return Model(
        module,
        card.input,
        card.names,
        card.output,
        dataset=card.dataset,
        description=f"Image classifier of {card.input.width}x{card.input.height} images, trained on {card.dataset} "
        f"with the {card.recipe} recipe",
        license="MIT",
        temperature=card.temperature,
        test_accuracy=card.test_accuracy,
    )


def model_with_data(
    checkpoint: Path, data_dir: Path | None, with_training: bool, network: str | None = None
) -> tuple[Model, str]:
    """The model with the images that it is compared on, and calibrated on, as far as they're at hand.

    Args:
        checkpoint: the file.
        data_dir: see `data_source`.
        with_training: whether the training images are needed.
        network: see `model_from_checkpoint`.

    Returns:
        The model, and what is missing of the data; empty where nothing is.

    Raises:
        TrainError: the checkpoint or the data is damaged, or `data_dir` was named and doesn't hold it.
    """
    model = model_from_checkpoint(checkpoint, network)
    try:
        origin = data_source(checkpoint, model.metadata, data_dir, download=False)
        test = origin.read(False)
    except NotAtHand as error:
        if data_dir is not None:
            raise
        return model, str(error)
    training = training_data(origin) if with_training else None
    return replace(
        model,
        test=test,
        calibration=training.training.images if training else None,
        validation=training.validation if training else None,
    ), ""
