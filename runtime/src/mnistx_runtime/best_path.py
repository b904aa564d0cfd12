"""Chooses, of answers that compete for the same ink, those that are most probable together."""

from collections.abc import Sequence
from math import inf


def best_path(spans: Sequence[tuple[int, int]], costs: Sequence[float]) -> list[int]:
    """The cheapest chain of spans from place 0 to the last one, each beginning where the one before it ends.

    Args:
        spans: the places that each takes, from the first to past the last; at least one chain of them is whole.
        costs: of each, as the negative logarithm of a probability is one.

    Returns:
        The indices of the chosen spans, in their order on the line.

    >>> best_path([(0, 2), (0, 1), (1, 2)], [3.0, 0.5, 0.4])
    [1, 2]
    """
    if all(span == (at, at + 1) for at, span in enumerate(spans)):
        return list(range(len(spans)))
    least = {0: (0.0, -1)}
    for index in sorted(range(len(spans)), key=lambda index: spans[index]):
        start, end = spans[index]
        cost = least.get(start, (inf, -1))[0] + costs[index]
        if cost < least.get(end, (inf, -1))[0]:
            least[end] = cost, index
    chosen, at = [], max(end for _, end in spans)
    while at > 0:
        index = least[at][1]
        chosen.append(index)
        at = spans[index][0]
    return chosen[::-1]
