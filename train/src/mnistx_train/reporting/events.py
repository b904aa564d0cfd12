"""Event files that TensorBoard draws curves from, of a run while it goes on."""

from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mnistx_train.errors import TrainError
from mnistx_train.training.loop import Epoch

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"


def check_tensorboard() -> None:
    """Whether event files can be written.

    Raises:
        TrainError: they can't; the text names the line that installs what is missing.
    """
    if not find_spec("tensorboard"):
        raise TrainError("--tensorboard needs TensorBoard: pip install tensorboard")


def event_writer(folder: Path, done: int, wanted: bool) -> "AbstractContextManager[SummaryWriter | None]":
    """What writes a run's event files, None where they aren't wanted.

    Args:
        folder: of the run.
        done: epochs that an earlier process finished: what it wrote of later ones doesn't count.
        wanted: whether to write any.
    """
    if not wanted:
        return nullcontext()
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(folder / FOLDER, purge_step=done + 1)


def add_epoch(writer: "SummaryWriter", epoch: Epoch) -> None:
    """Write one epoch's numbers, at once."""
    values = {
        "loss/training": epoch.train_loss,
        "loss/validation": epoch.validation_loss,
        "accuracy/validation": epoch.validation_accuracy,
        "seconds": epoch.seconds,
    }
    for name, value in values.items():
        writer.add_scalar(name, value, epoch.number)
    writer.flush()
