"""How much a server takes on at a time, and of one client; what is beyond that is refused before it is read."""

from collections import Counter
from dataclasses import dataclass

from mnistx_runtime.serve.http_error import HttpError

SHARE = 0.75
"""Of the queue, what one client may fill: the others always find room."""

RETRY_AFTER = {"retry-after": "1"}
"""Seconds, of a 429; a queue that is full is empty again within that, or stays full."""


@dataclass(frozen=True)
class Limits:
    """What a server takes on.

    Args:
        requests: that are accepted and not yet answered.
        memory: bytes of their bodies, together.
        body: bytes of one.
        seconds: in which a body has to arrive.
        wait: seconds that a request waits for others to be answered with it, at most.
        grace: seconds from SIGTERM, in which health says no and requests are still taken, until no more are.
        threads: that compute; None for the CPUs this process may use. As many processes decode pictures.
    """

    requests: int = 256
    memory: int = 256 << 20
    body: int = 20 << 20
    seconds: float = 30.0
    wait: float = 0.002
    grace: float = 2.0
    threads: int | None = None


class Admission:
    """Counts what is accepted and not yet answered."""

    def __init__(self, limits: Limits) -> None:
        """Nothing is, to begin with."""
        self._limits = limits
        self.requests, self.memory = Counter[str](), Counter[str]()
        self.total_requests = self.total_memory = 0

    def enter(self, client: str, size: int) -> None:
        """Accept a request, before its body is read.

        Args:
            client: whose it is.
            size: bytes of its body.

        Raises:
            HttpError: 413, as it is too large; 429, as there's no room for it now.
        """
        limits = self._limits
        if size > limits.body:
            raise HttpError(413, f"the body has {size:,} bytes; at most {limits.body:,} are read")
        if self.total_requests >= limits.requests or self.total_memory + size > limits.memory:
            raise HttpError(429, "the queue is full; try again", RETRY_AFTER)
        mine = self.memory[client] + size > SHARE * limits.memory and self.memory[client]
        if self.requests[client] >= max(1, SHARE * limits.requests) or mine:
            raise HttpError(429, "this client's share of the queue is full; try again", RETRY_AFTER)
        self.requests[client] += 1
        self.memory[client] += size
        self.total_requests += 1
        self.total_memory += size

    def leave(self, client: str, size: int) -> None:
        """A request that entered is answered."""
        self.total_requests -= 1
        self.total_memory -= size
        self.requests[client] -= 1
        self.memory[client] -= size
        if not self.requests[client]:
            del self.requests[client], self.memory[client]
