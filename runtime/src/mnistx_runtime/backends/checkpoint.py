"""PyTorch itself, on the checkpoint: what every other runtime is compared with.

Only the packages that train and export know the network, so one of them brings the runtime, by the entry point "torch"
of the group `mnistx.runtimes`.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from mnistx_runtime.backends import Session, existing_file
from mnistx_runtime.signature.trust import refuse_unsigned


class Checkpoint:
    """Loads .safetensors checkpoints."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        line = "pip install ./runtime ./train ./export"
        return None if _entry() else f"mnistx-export is missing: in a checkout of mnistx: {line}"

    def load(self, model: Any, threads: int) -> Session:
        """See `Backend.load`."""
        entry = _entry()
        assert entry is not None
        path = existing_file(model, "torch")
        refuse_unsigned(f"{path} is a checkpoint")
        session: Session = entry.load()(path, threads)
        return session


def _entry() -> EntryPoint | None:
    return next(iter(entry_points(group="mnistx.runtimes", name="torch")), None)
