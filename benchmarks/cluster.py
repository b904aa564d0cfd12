"""Shows what `mnistx predict --engine ray` does on two machines, each a network namespace of this one.

    python benchmarks/cluster.py artifacts [--pictures 20000] [--timed 2000] [--rounds 3]

Two of Ray's nodes, one a namespace, joined by a pair of virtual network devices. Some pictures are answered by one
process, by one a CPU, by one node and by both, in turn. Then all pictures by both nodes, while everything in the second
namespace is killed after a fifth of the answers. Every row is held to what one process writes. Writes cluster.md. Needs
root, `ip`, mnistx-runtime[ray], and MNIST at MNISTX_DATA.
"""

import argparse
import csv
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic, sleep

import numpy as np
import psutil
from PIL import Image

from mnistx_runtime.benchmark.processor import processor
from mnistx_runtime.cluster.session import SETTINGS
from mnistx_runtime.system.threads import available_cpus

PORT = 6380
BROKEN, BLANK = 100, 50  # of so many pictures one can't be read, and one has no ink
STARTS = 5  # Ray gives its processes 30 s to start, whatever else the machine does
Rows = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Hosts:
    """Two network namespaces, which reach each other.

    Args:
        names: of the namespaces.
        addresses: of each in their common network.
        env: what Ray's nodes and those who ask them share.
        folder: for Ray's own files.
    """

    names: tuple[str, str]
    addresses: tuple[str, str]
    env: dict[str, str]
    folder: Path

    def command(self, host: int, *args: str | Path) -> list[str]:
        """A command as it runs in a namespace."""
        return ["ip", "netns", "exec", self.names[host], *map(str, args)]

    def start(self, host: int, cpus: int) -> None:
        """Start one of Ray's nodes, the first one before the other.

        Raises:
            RuntimeError: it doesn't start.
        """
        first = ["--head", f"--port={PORT}", "--include-dashboard=false", f"--temp-dir={self.folder}"]
        second = [f"--address={self.addresses[0]}:{PORT}"]
        ray = (sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start")
        size = (f"--num-cpus={cpus}", "--object-store-memory=200000000")
        node = self.command(
            host, *ray, *(second if host else first), f"--node-ip-address={self.addresses[host]}", *size
        )
        for _ in range(STARTS):
            if not subprocess.run(node, capture_output=True, env=os.environ | self.env, check=False).returncode:
                return
            self.kill(host)
        raise RuntimeError(f"Ray's node {host} didn't start in {STARTS} attempts")

    def processes(self, host: int) -> list[psutil.Process]:
        """All that runs in a namespace."""
        listed = subprocess.run(["ip", "netns", "pids", self.names[host]], capture_output=True, text=True, check=False)
        found = []
        for number in listed.stdout.split():
            with suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(int(number)))
        return found

    def is_answering(self, host: int) -> bool:
        """Whether a worker in the namespace has a process that prepares pictures."""
        for process in self.processes(host):
            with suppress(psutil.NoSuchProcess):
                if process.name().startswith("ray::MapWorker") and process.children():
                    return True
        return False

    def kill(self, host: int) -> None:
        """End all that runs in a namespace, as a machine does that loses power."""
        for process in self.processes(host):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(self.processes(host), timeout=30)


@contextmanager
def two_hosts() -> Iterator[Hosts]:
    """Two namespaces; what runs in them at the end is killed.

    Raises:
        OSError, CalledProcessError: they can't be made, as without root.
    """
    drawn = secrets.token_hex(2)
    names = (f"mnistx-{drawn}-a", f"mnistx-{drawn}-b")
    third = secrets.randbelow(256)
    addresses = (f"10.87.{third}.1", f"10.87.{third}.2")
    env = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)} | SETTINGS
    with tempfile.TemporaryDirectory(prefix="mnistx-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        hosts = Hosts(names, addresses, env, Path(folder))
        try:
            for name in names:
                _ip("netns", "add", name)
            devices = [f"mx{drawn}{each}" for each in "ab"]
            _ip("link", "add", devices[0], "type", "veth", "peer", "name", devices[1])
            for name, address, device in zip(names, addresses, devices, strict=True):
                _ip("link", "set", device, "netns", name)
                _ip("-n", name, "addr", "add", f"{address}/24", "dev", device)
                _ip("-n", name, "link", "set", device, "up")
                _ip("-n", name, "link", "set", "lo", "up")
            yield hosts
        finally:
            for host, name in enumerate(names):
                hosts.kill(host)
                subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _ip(*args: str) -> None:
    subprocess.run(["ip", *args], check=True, capture_output=True)


def write_pictures(folder: Path, count: int) -> None:
    """MNIST's test images, dark on light, four times as large and with noise; some blank, some that can't be read."""
    from mnistx_train.datasets import source

    images, rng = source("mnist", None).read(False).images, np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        path = folder / f"{number:05}.png"
        if number % BROKEN == 7:
            path.write_bytes(b"\x89PNG\r\n\x1a\n no more")
            continue
        ink = np.zeros((28, 28)) if number % BLANK == 3 else images[number % len(images)].reshape(28, 28)
        page = 235 - 0.8 * np.kron(np.pad(ink, 4), np.ones((4, 4))) + rng.normal(0, 3, (144, 144))
        Image.fromarray(page.clip(0, 255).astype(np.uint8)).save(path, compress_level=1)


def rows_of(out: Path) -> tuple[Rows, int]:
    """The rows of a file or a folder of answers by their pictures, and how many there are."""
    found: list[list[str]] = []
    for part in [out] if out.is_file() else sorted(out.glob("part-*")):
        with part.open(newline="") as file:
            found += list(csv.reader(file))[1:]
    return {row[0]: tuple(row[1:]) for row in found}, len(found)


def predict(command: list[str], env: dict[str, str], stop: Callable[[], bool] | None = None) -> float:
    """Run `mnistx predict`, and return the seconds that it took; `stop` is asked until it says that it did its part.

    Raises:
        RuntimeError: it ended in another way than one that met pictures it can't read, or before `stop` did its part.
    """
    began = monotonic()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | env) as process:
        waiting = stop is not None
        while stop and waiting and process.poll() is None:
            waiting = not stop()
            sleep(0.02)
        told = process.communicate()[1]
    other = [line for line in told.splitlines() if not line.startswith("Error: ")]
    if process.returncode != 2 or other or waiting:
        raise RuntimeError(f"exit code {process.returncode}, {other[:3] or told.splitlines()[-1:]}, waiting: {waiting}")
    return monotonic() - began


def answer_on(hosts: Hosts, pictures: Path, out: Path, stop: Callable[[], bool] | None = None) -> float:
    """The seconds that the nodes take for a folder of pictures, asked from the first one's namespace."""
    command = hosts.command(
        0, sys.executable, "-m", "mnistx_runtime", "predict", pictures, "--engine", "ray", "--out", out
    )
    return predict(command, hosts.env | {"RAY_ADDRESS": f"{hosts.addresses[0]}:{PORT}"}, stop)


def answer_here(pictures: Path, out: Path, processes: int) -> float:
    """The seconds that some processes of this machine take without Ray."""
    command = [sys.executable, "-m", "mnistx_runtime", "predict", str(pictures), "--out", str(out)]
    return predict([*command, "--threads", str(processes)], {})


def kill_second(hosts: Hosts, when: Callable[[], bool]) -> Callable[[], bool]:
    """Kills the second node once it is time, and says whether it did."""

    def stop() -> bool:
        if not when():
            return False
        hosts.kill(1)
        return True

    return stop


def differing(out: Path, usual: Path) -> str:
    """How the rows of an answer differ from those of one process."""
    (found, count), (expected, _) = rows_of(out), rows_of(usual)
    lost, more = expected.keys() - found.keys(), found.keys() - expected.keys()
    changed = sum(found[name] != row for name, row in expected.items() if name in found)
    return f"{len(lost)} lost, {count - len(found)} doubled, {len(more)} others, {changed} that say something else"


@dataclass(frozen=True)
class Asked:
    """How much is measured."""

    artifacts: Path
    pictures: int
    timed: int
    rounds: int


def measure(asked: Asked, work: Path) -> str:
    """The report, in Markdown."""
    write_pictures(work / "all", asked.pictures)
    (work / "timed").mkdir()
    for path in sorted((work / "all").iterdir())[: asked.timed]:
        os.link(path, work / "timed" / path.name)
    seconds: dict[str, list[float]] = {}
    outs = (work / f"{number}.csv" for number in range(10_000))
    usual, timed = next(outs), work / "timed"
    load = os.getloadavg()[0]
    answer_here(timed, usual, 1)
    compared = []
    with two_hosts() as hosts:
        hosts.start(0, 1)
        for _ in range(asked.rounds):
            for name, processes in (("one process", 1), (f"{available_cpus()} processes", available_cpus())):
                seconds.setdefault(f"{name}, without Ray", []).append(answer_here(timed, next(outs), processes))
            for name, nodes in (("Ray, one node of one CPU", 1), ("Ray, two nodes of one CPU", 2)):
                if nodes == 2:
                    hosts.start(1, 1)
                out = next(outs)
                seconds.setdefault(name, []).append(answer_on(hosts, timed, out))
                compared.append(differing(out, usual))
                hosts.kill(1)
                sleep(30)  # until the first node takes the second one for dead
        hosts.start(1, 1)
        out, whole = next(outs), next(outs)
        kill = kill_second(hosts, lambda: any(out.glob("part-*")) and hosts.is_answering(1))
        killed = answer_on(hosts, work / "all", out, kill)
        answered = len(next(iter(sorted(out.glob("part-*")))).read_bytes().splitlines()) - 1
    answer_here(work / "all", whole, available_cpus())
    return report(asked, load, seconds, compared) + (
        "## A machine lost in the middle\n\n"
        f"{asked.pictures:,} pictures on two nodes; after the first {answered:,} answers were written, all that ran in "
        f"the second namespace was killed. The call went on to its end in {killed:.0f} s. Beside the rows of a call "
        f"without Ray: {differing(out, whole)}.\n"
    )


def report(asked: Asked, load: float, seconds: dict[str, list[float]], compared: list[str]) -> str:
    """What was measured of the usual course of things."""
    lines = [
        f"| {name} | {asked.timed / median(each):.0f} | {asked.timed / max(each):.0f} to {asked.timed / min(each):.0f} "
        f"| {median(each):.1f} |"
        for name, each in seconds.items()
    ]
    return (
        "# Pictures on a cluster\n\n"
        f"`python benchmarks/cluster.py artifacts` on {available_cpus()} CPUs ({processor()}), load average {load:.1f} "
        f"before it began: medians of {asked.rounds} rounds, in turn, of {asked.timed:,} pictures of 144x144, one in "
        f"{BROKEN} of which can't be read and one in {BLANK} of which is blank. Both of Ray's nodes are network "
        "namespaces of this one machine and share its CPUs with Ray's own processes: a second node can bring no gain "
        "here, and what is seen is what Ray costs. Seconds are of the whole call, the start of its workers included."
        "\n\n"
        "| | pictures a second | range | seconds |\n|---|---|---|---|\n" + "\n".join(lines) + "\n\n"
        f"Beside the rows of one process, in {len(compared)} calls: {'; '.join(sorted(set(compared)))}.\n\n"
    )


def main() -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("artifacts", type=Path)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--timed", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = Asked(**vars(parser.parse_args()))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="mnistx-cluster-") as work:
        text = measure(asked, Path(work))
    (asked.artifacts / "cluster.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
