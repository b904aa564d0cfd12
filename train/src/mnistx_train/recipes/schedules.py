"""How the learning rate rises and falls over a run."""

from math import cos, pi


def one_cycle(done: float, rise: float = 0.3, first: float = 0.04) -> float:
    """Up along a cosine, then down to nothing along another (Smith and Topin 2018, as torch's OneCycleLR).

    Args:
        done: share of all steps, 0..1.
        rise: share of them in which it rises.
        first: share of the highest rate that it starts from.

    >>> [round(one_cycle(done), 2) for done in (0, 0.15, 0.3, 0.65, 1)]
    [0.04, 0.52, 1.0, 0.5, 0.0]
    """
    if done < rise:
        return first + (1 - first) * (1 - cos(pi * done / rise)) / 2
    return (1 + cos(pi * (done - rise) / (1 - rise))) / 2


def up_and_down(done: float, rise: float = 0.1, first: float = 0.1) -> float:
    """Up along a line, then down to nothing along another; arguments as for `one_cycle`.

    >>> [round(up_and_down(done), 2) for done in (0, 0.05, 0.1, 0.55, 1)]
    [0.1, 0.55, 1.0, 0.5, 0.0]
    """
    return first + (1 - first) * done / rise if done < rise else (1 - done) / (1 - rise)
