"""Training on several processes that PyTorch's own launcher started:

    torchrun --nproc-per-node 2 --no-python mnistx train

Of several hosts, each starts its own; docs/training-on-hosts.md says how. The first process alone reads and writes the
run folder: the others are told what it trains, and where it goes on.

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

from mnistx_train.errors import TrainError, first_line

ENDED = "another process ended, or can't be reached: see what it says, mend that, and start all again with --resume"


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
        found = torch.tensor(value, dtype=torch.float64)
        distributed.all_reduce(found)
        return found.item()

    def broadcast(self, content: bytes = b"") -> bytes:
        """The first process's bytes, in every process; what the others name is passed over."""
        if self.count == 1:
            return content
        length = torch.tensor(len(content))
        distributed.broadcast(length, 0)
        sent = torch.zeros(int(length), dtype=torch.uint8)
        if self.first:
            sent.numpy()[:] = bytearray(content)
        if length:
            distributed.broadcast(sent, 0)
        return sent.numpy().tobytes()

    def unlike_first(self, content: bytes) -> list[int]:
        """The ranks of those that have other bytes than the first process; every process gets the same list.

        Args:
            content: as many bytes in every process.
        """
        if self.count == 1:
            return []
        own = torch.tensor(bytearray(content), dtype=torch.uint8)
        found = [torch.empty_like(own) for _ in range(self.count)]
        distributed.all_gather(found, own)
        return [rank for rank, each in enumerate(found) if not torch.equal(each, found[0])]

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
def processes() -> Iterator[Processes]:
    """The processes that torchrun started, joined while this lasts; `ALONE` where it didn't.

    Raises:
        TrainError: another process ended, or can't be reached.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield ALONE
        return
    try:
        distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "cpu:gloo")
        yield Processes(distributed.get_rank(), count)
    except RuntimeError as error:
        if not isinstance(error, distributed.DistError) and "gloo" not in str(error):
            raise
        raise TrainError(f"{ENDED} ({first_line(error)})") from error
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def use_own_card(device: str) -> None:
    """Compute on the card that torchrun means for this process, where the device is "cuda"."""
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def data_parallel(learner: nn.Module, group: Processes) -> nn.Module:
    """The learner as it is called in training: with others, its gradients become the average of all."""
    if group.count == 1:
        return learner
    return DistributedDataParallel(learner)
