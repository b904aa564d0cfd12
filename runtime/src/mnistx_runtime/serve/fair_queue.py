"""A queue in which no client waits for all that another one has put there before."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """What waits, by client; each client's turn comes once a round, its own in their order.

    >>> queue = FairQueue[int]()
    >>> for client, item in [("a", 1), ("a", 2), ("a", 3), ("b", 4)]:
    ...     queue.put(client, item)
    >>> [queue.take() for _ in range(4)]
    [1, 4, 2, 3]
    """

    def __init__(self) -> None:
        """Nothing waits."""
        self._lines: dict[str, deque[T]] = {}

    def put(self, client: str, item: T) -> None:
        """Let something wait at the end of its client's line."""
        line = self._lines.get(client)
        if line is None:
            self._lines[client] = deque((item,))
        else:
            line.append(item)

    def take(self) -> T:
        """What is next; its client's turn comes again after all others'.

        Raises:
            StopIteration: nothing waits.
        """
        client = next(iter(self._lines))
        line = self._lines.pop(client)
        item = line.popleft()
        if line:
            self._lines[client] = line
        return item

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._lines)
