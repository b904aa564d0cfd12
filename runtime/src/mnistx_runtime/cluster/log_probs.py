"""A model's bare output for many pictures, computed on a cluster: what it is measured by."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.cluster.pictures import Pictures
from mnistx_runtime.cluster.pipeline import answer_pictures
from mnistx_runtime.cluster.session import ray_session
from mnistx_runtime.cluster.worker import Answer, Values, Work
from mnistx_runtime.commands import one_line
from mnistx_runtime.prediction import Prediction
from mnistx_runtime.system.threads import available_cpus


def log_probs_on_ray(
    files: Sequence[str], folder: Path, artifact: Artifact, runtime: str
) -> dict[str, NDArray[np.float32]]:
    """The log-probabilities of each file's picture, float32 `(classes,)`, by its name; none of one that can't be read.

    Args:
        files: their names.
        folder: in which they lie.
        artifact: the model.
        runtime: that runs it.

    Raises:
        MnistxError: Ray or the model can't be loaded, or a machine doesn't see the folder.
    """
    work = Work(artifact, runtime, False, log_probs_values, (str(folder.absolute()),), str(Path.cwd()))
    with ray_session(available_cpus()):
        return {
            values["source"]: np.array(values["log_probs"], np.float32)
            for values in answer_pictures(Pictures(tuple(files)), work)
            if "error" not in values
        }


def log_probs_values(name: str, answer: Answer) -> Values:
    """The model's bare output for a picture, or the error that the picture raised, as values that are ready for JSON.

    >>> from mnistx_runtime.errors import UnreadablePicture
    >>> log_probs_values("a.png", UnreadablePicture("a.png: no such file"))
    {'source': 'a.png', 'error': 'a.png: no such file'}
    """
    if isinstance(answer, Prediction):
        return {"source": name, "log_probs": answer.log_probs.tolist()}
    return {"source": name, "error": one_line(answer) if isinstance(answer, Exception) else str(answer)}
