"""Several processes learn what one does: real ones, started by torchrun and joined by gloo, on one host and on two."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from mnistx_train.checkpoint import load_checkpoint
from mnistx_train.recipes import recipe
from mnistx_train.training.parallel import ALONE, ENDED, Processes
from network_namespaces import CARD, Host, reason_against, two_hosts

DIGITS = ("train", "--dataset", "digits", "--epochs", "2", "--device", "cpu", "--json")


THREADS = {"OMP_NUM_THREADS": "1"}

NET = """
import os, signal, torch

class Mortal(torch.nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.linear = torch.nn.Linear(28 * 28, classes)
        self.steps = 0

    def forward(self, images):
        self.steps += self.training and len(images) == 128
        if self.steps == int(os.environ.get("DIES_AT", -1)):
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        return self.linear(images.flatten(1))
"""
"""Takes its host with it at a step: torchrun, which is its process's parent, and itself."""


def trained(count: int, *options: str | Path) -> list[dict[str, object]]:
    """What `mnistx train` on the digits tells, on so many processes."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)] if count > 1 else []
    command = [sys.executable, *launcher, "-m", "mnistx_runtime", *DIGITS, *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | THREADS, check=False)
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


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Host, Host]]:
    reason = reason_against()
    if reason:
        pytest.skip(reason)
    with two_hosts() as both:
        yield both


def train_on(hosts: tuple[Host, Host], folders: tuple[Path, Path], *options: str, **env: str) -> list[str]:
    """What `mnistx train` says on standard error on each of two hosts, which share no disk.

    Args:
        hosts: where.
        folders: the working directory on each.
        options: of the command, on both.
        env: of the second host.
    """
    running = []
    for rank, (host, folder) in enumerate(zip(hosts, folders, strict=True)):
        launcher = ["--nnodes", 2, "--node-rank", rank, "--master-addr", hosts[0].address, "--master-port", 29500]
        command = [sys.executable, "-m", "torch.distributed.run", *launcher, "-m", "mnistx_runtime", "train", *options]
        environment = os.environ | THREADS | {"GLOO_SOCKET_IFNAME": CARD} | (env if rank else {})
        running.append(
            subprocess.Popen(
                host.command(*command),
                cwd=folder,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    try:
        return [each.communicate(timeout=400)[1] for each in running]
    finally:
        for each in running:
            each.kill()


def lines_of(said: str) -> list[str]:
    """Those of mnistx among torchrun's."""
    assert "[rank" not in said, said  # what Python writes before a traceback's lines, where there are several processes
    return [line for line in said.splitlines() if line.startswith("Error: ")]


def two_folders(tmp_path: Path) -> tuple[Path, Path]:
    found = tmp_path / "here", tmp_path / "there"
    for folder in found:
        folder.mkdir()
        (folder / "net.py").write_text(NET)
    return found


@pytest.mark.slow
def test_two_hosts_learn_what_two_processes_of_one_do_though_one_dies_on_the_way(
    tmp_path: Path, hosts: tuple[Host, Host]
) -> None:
    here, there = two_folders(tmp_path)
    asked = ("--dataset", "digits", "--epochs", "2", "--batch-size", "256", "--network", "net.py:Mortal")
    on_one = ["--standalone", "--nproc-per-node", "2", "-m", "mnistx_runtime", "train", *asked, "--out", "one"]
    command = [sys.executable, "-m", "torch.distributed.run", *on_one]
    subprocess.run(command, cwd=here, env=os.environ | THREADS, capture_output=True, check=True)

    first, _ = train_on(hosts, (here, there), *asked, "--out", "two", DIES_AT="7")
    assert [line.partition(" (")[0] for line in lines_of(first)] == [f"Error: {ENDED}"]
    assert len(json.loads((here / "two" / "run.json").read_text())) > 10
    assert (here / "two" / "state.safetensors").exists() and not (here / "two" / "model.safetensors").exists()

    said = train_on(hosts, (here, there), "--network", "net.py:Mortal", "--resume", "--out", "two")
    assert [lines_of(each) for each in said] == [[], []]
    assert "two: digits" in said[0] and "1 of 2 epochs done" in said[0] and "epochs done" not in said[1]
    one, two = ((here / name / "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two
    assert [file.name for file in there.iterdir()] == ["net.py"]


@pytest.mark.slow
def test_hosts_with_other_data_learn_nothing(tmp_path: Path, hosts: tuple[Host, Host]) -> None:
    folders = two_folders(tmp_path)
    for seed, folder in enumerate(folders):
        images = np.random.default_rng(seed).integers(0, 256, (60, 28, 28), np.uint8)
        np.savez(folder / "d.npz", images=images, labels=np.arange(60) % 2)
    said = train_on(hosts, folders, "--dataset", "d.npz", "--epochs", "1", "--out", "run")
    line = "Error: process 1 has other images to learn from than the first; give all the same data"
    assert [lines_of(each) for each in said] == [[line], [line]]
    assert not any((folder / "run").exists() for folder in folders)


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
