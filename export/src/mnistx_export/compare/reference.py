"""Finds the trained module behind an artifact, and the test images to compare them on."""

from pathlib import Path

from mnistx_export.defaults import RELEASED, data_source
from mnistx_export.deployed import parameters
from mnistx_export.export import reference
from mnistx_runtime.artifact.metadata import Metadata, weights_sha256
from mnistx_runtime.artifact.parity import ATOL
from mnistx_runtime.benchmark.images import Images
from mnistx_train.checkpoint import load_checkpoint
from mnistx_train.errors import NotAtHand


def test_images(artifact: Path, metadata: Metadata, data_dir: Path | None) -> Images | None:
    """What the trained module answers to the test images.

    Args:
        artifact: its folder is searched for the checkpoint that it was made of, then the released one is looked at.
        metadata: of the artifact.
        data_dir: where the published sets lie.

    Returns:
        None where the checkpoint or the data set isn't at hand.

    Raises:
        TrainError: the data that was named can't be read.
    """
    for path in (*sorted(artifact.parent.glob("*.safetensors")), RELEASED):
        if not path.is_file():
            continue
        network, card = load_checkpoint(path)
        if weights_sha256(parameters(network)) != metadata.weights_sha256:
            continue
        try:
            test = data_source(path, card, data_dir, download=False).read(False)
        except NotAtHand:
            if data_dir is not None:
                raise
            return None
        found = reference(network, card, test)
        images = test.images.reshape(-1, 1, *test.images.shape[1:])
        return Images(
            images, found.float32, test.labels, ATOL, f"the {len(test.images):,} test images of {card.dataset}"
        )
    return None
