"""A model of two classes that answers with the first and the last pixel, for runtimes whose tests write it."""

import numpy as np

from mnistx_runtime.artifact.metadata import Metadata
from mnistx_runtime.input_spec import InputSpec

METADATA = Metadata(
    names=("a", "b"),
    input=InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.5,)),
    description="x",
    toolkit_version="0.1.0",
)
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 1, 8, 8)).astype(np.uint8)
ANSWERS = -IMAGES[:, 0, [0, 7], [0, 7]].astype(np.float32)
