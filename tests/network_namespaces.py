"""Two hosts on one machine: network namespaces, joined by a cable, a pair of virtual network cards."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

CARD = "eth0"
"""The name that each host's end of the cable has there."""

_ETC = Path("/etc/netns")
"""What lies in a namespace's folder here takes the place of the same in /etc there."""


@dataclass(frozen=True)
class Host:
    """A network namespace.

    Args:
        name: of the namespace.
        address: of its end of the cable.
    """

    name: str
    address: str

    def command(self, *args: object) -> list[str]:
        """What runs a command there; killed, it leaves none of its own process behind."""
        return ["ip", "netns", "exec", self.name, *map(str, args)]


def reason_against() -> str | None:
    """Why there can be no hosts here; None where there can."""
    if not shutil.which("ip"):
        return "needs ip: apt-get install iproute2"
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "needs root, to make network namespaces"
    name = _name()
    try:
        _ip("netns", "add", name)
        _ip("netns", "exec", name, "true")
    except subprocess.CalledProcessError as error:
        return f"needs network namespaces: {error.stderr.strip()}"
    finally:
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "del", name)
    return None


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """While this lasts, two namespaces reach each other and nothing else."""
    first, second = (Host(_name(), f"10.77.0.{number}") for number in (1, 2))
    try:
        for host in (first, second):
            _ip("netns", "add", host.name)
            _ip("-n", host.name, "link", "set", "lo", "up")
        _ip("link", "add", CARD, "netns", first.name, "type", "veth", "peer", "name", CARD, "netns", second.name)
        for host in (first, second):
            folder = _ETC / host.name
            folder.mkdir(parents=True)
            (folder / "hosts").write_text(f"127.0.0.1 localhost\n{first.address} first\n{second.address} second\n")
            (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")  # where nothing listens: no at once
            _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", CARD)
            _ip("-n", host.name, "link", "set", CARD, "up")
        yield first, second
    finally:
        for host in (first, second):
            shutil.rmtree(_ETC / host.name, ignore_errors=True)
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "del", host.name)


def _name() -> str:
    return f"mnistx-{uuid4().hex[:8]}"


def _ip(*args: str) -> None:
    subprocess.run(["ip", *args], check=True, capture_output=True, text=True)
