"""Several processes learn what one does: real ones, started by torchrun and joined by gloo."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mnistx_train.checkpoint import load_checkpoint
from mnistx_train.recipes import recipe
from mnistx_train.training.parallel import ALONE, Processes

DIGITS = ("train", "--dataset", "digits", "--epochs", "2", "--device", "cpu", "--json")


def trained(count: int, *options: str | Path) -> list[dict[str, object]]:
    """What `mnistx train` on the digits tells, on so many processes."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)] if count > 1 else []
    command = [sys.executable, *launcher, "-m", "mnistx_runtime", *DIGITS, *map(str, options)]
    threads = {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | threads, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.minutes
@pytest.mark.slow
def test_two_processes_learn_what_one_does_but_for_rounding(tmp_path: Path) -> None:
    printed = [trained(count, "--out", tmp_path / str(count)) for count in (1, 2)]
    assert [len(lines) for lines in printed] == [3, 3]  # two epochs and the result, progress by the first process alone
    epochs = [json.loads((tmp_path / count / "metrics.json").read_text())["epochs"] for count in "12"]
    for one, two, rel in zip(
        *epochs, (1e-4, 1e-2), strict=True
    ):  # Adam makes much of what rounding does to a small gradient
        assert two["train_loss"] == pytest.approx(one["train_loss"], rel=rel)
    networks = [load_checkpoint(tmp_path / count / "model.safetensors")[0].state_dict() for count in "12"]
    for one, two in zip(*(network.values() for network in networks), strict=True):
        assert float((two - one).norm() / one.norm()) < 0.03
    assert sorted(file.name for file in (tmp_path / "1").iterdir()) == sorted(
        f.name for f in (tmp_path / "2").iterdir()
    )


@pytest.mark.minutes
@pytest.mark.slow
def test_the_best_recipe_learns_on_two_processes_too(tmp_path: Path) -> None:
    *printed, result = trained(2, "--recipe", "best", "--epochs", "8", "--out", tmp_path / "run")
    teacher = recipe("best").teacher
    assert teacher and teacher.recipe
    assert [next(iter(line)) for line in printed] == ["teacher_epoch"] * teacher.recipe.epochs + ["epoch"] * 8
    assert float(str(result["test_accuracy"])) > 0.9


def test_the_shares_of_a_batch_are_the_batch_and_weigh_as_much() -> None:
    batch = torch.arange(11)
    shares = [Processes(rank, 3).share(batch) for rank in range(3)]
    assert torch.equal(torch.cat(shares), batch)
    mean = sum(float(s.float().mean()) * Processes(r, 3).weight(batch) for r, s in enumerate(shares)) / 3
    assert mean == pytest.approx(float(batch.float().mean()))


def test_a_batch_too_small_to_share_is_learned_by_all() -> None:
    assert all(torch.equal(Processes(rank, 3).share(torch.arange(5)), torch.arange(5)) for rank in range(3))
    assert Processes(2, 3).weight(torch.arange(5)) == 1


def test_alone_nothing_is_shared_and_chance_is_the_common_one() -> None:
    assert ALONE.first and ALONE.total(2.5) == 2.5 and len(ALONE.share(torch.arange(5))) == 5
    torch.manual_seed(0)
    with ALONE.rank_local_rng(3):
        first = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(1), first)


def test_what_a_process_draws_for_itself_moves_nothing_that_all_draw() -> None:
    drawn = []
    for rank in range(2):
        torch.manual_seed(0)
        with Processes(rank, 2).rank_local_rng(3):
            own = torch.rand(1)
        drawn.append((float(own), float(torch.rand(1))))
    assert drawn[0][0] != drawn[1][0] and drawn[0][1] == drawn[1][1]
