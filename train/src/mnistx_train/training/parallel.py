"""Training on several processes that PyTorch's own launcher started:

    torchrun --nproc-per-node 2 --no-python mnistx train

Every process draws the same batch, learns from its share of it, and takes the same step, as gradients are averaged over
all of them (torch's DistributedDataParallel). The batch stays as large as one process would have it, and so does what
is learned, but for rounding and for what a layer draws or measures on its share: dropout, and batch normalization.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Processes:
    """All that learn together, and which one this is.

    Args:
        rank: this one's number, from 0; the first alone writes files and tells what goes on.
        count: how many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """It's the one that writes."""
        return self.rank == 0

    def total(self, value: float) -> float:
        """The sum of everyone's value."""
        if self.count == 1:
            return value
        found = torch.tensor(
            value, dtype=torch.float64, device="cuda" if distributed.get_backend() == "nccl" else "cpu"
        )
        distributed.all_reduce(found)
        return found.item()

    @contextmanager
    def rank_local_rng(self, step: int) -> Iterator[None]:
        """What is drawn meanwhile is this process's own, and moves nothing of what all draw alike."""
        if self.count == 1:
            yield
            return
        with torch.random.fork_rng():
            torch.manual_seed((torch.initial_seed() + step * self.count + self.rank) % 2**63)
            yield

    def share(self, batch: Tensor) -> Tensor:
        """This process's part of a batch; all of one that has too few images for each to get two."""
        return batch if len(batch) < 2 * self.count else batch.tensor_split(self.count)[self.rank]

    def weight(self, batch: Tensor) -> float:
        """What the mean loss of the share counts, so that the average over all is the mean of the whole batch."""
        share = len(self.share(batch))
        return 1.0 if share == len(batch) else share * self.count / len(batch)


ALONE = Processes()


@contextmanager
def processes(device: str) -> Iterator[Processes]:
    """The processes that torchrun started, joined while this lasts; `ALONE` where it didn't.

    Args:
        device: "cpu" or "cuda"; torchrun gives each process a card of its own.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield ALONE
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield Processes(distributed.get_rank(), count)
    finally:
        distributed.destroy_process_group()


def data_parallel(learner: nn.Module, group: Processes) -> nn.Module:
    """The learner as it is called in training: with others, its gradients become the average of all."""
    if group.count == 1:
        return learner
    return DistributedDataParallel(learner)
