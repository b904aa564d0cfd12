"""Compares an artifact with the trained module on far more than its certificate: every test image, what no one draws,
batches of awkward sizes, and the images that a search finds to differ most.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mnistx_export.golden import SIDE, hard_images
from mnistx_runtime.artifact.parity import Parity, compare
from mnistx_train.checkpoint import Card
from mnistx_train.datasets import Split
from mnistx_train.inference import log_probs

BATCHES = (1, 2, 3, 64, 257)
_SEED = 28
_NOISE = 200  # images of noise
_REDUCED = 1e-3  # share of predictions that int8 may change, as its formats promise
_UNDRAWN = ("images no one draws", "searched for the largest difference")
_STARTS, _STEPS = 16, 40  # of the search: images that climb side by side, and how often each is changed

Images = NDArray[np.uint8]
LogProbs = NDArray[np.floating]
Answer = Callable[[Images], LogProbs]
"""Log-probabilities `(N, classes)` of images uint8 `(N, 1, 28, 28)`."""


@dataclass(frozen=True)
class Part:
    """One set of images.

    Args:
        name: what they are.
        float32: the artifact's answers beside PyTorch's.
        float64: beside PyTorch's in float64: the truth that float32 rounds.
        torch_float64: PyTorch's float32 answers beside its float64 ones: what rounding alone does.
        not_finite: answers that are NaN or infinite.
        accuracy: share read right, 0..1, where that is known.
        judged: False where the format promises nothing: reduced precision on images that no one draws.
    """

    name: str
    float32: Parity
    float64: Parity
    torch_float64: Parity
    not_finite: int
    accuracy: float | None = None
    judged: bool = True

    @property
    def passed(self) -> bool:
        """Within the tolerance of both, no changed prediction; and, whatever is promised, all numbers finite."""
        same = self.float32.passed and self.float64.passed
        return (same or not self.judged) and not self.not_finite

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        both = {name: getattr(self, name).to_dict() for name in ("float32", "float64", "torch_float64")}
        return asdict(self) | both | {"passed": self.passed}


@dataclass(frozen=True)
class Trained:
    """The trained module, as answers.

    Args:
        float32: PyTorch's answers.
        float64: the same computed in float64.
    """

    float32: Answer
    float64: Answer


def trained(network: nn.Module, card: Card) -> Trained:
    """What a checkpoint answers."""

    def answer(dtype: torch.dtype) -> Answer:
        return lambda images: log_probs(network, images, card.mean, card.std, dtype)

    return Trained(answer(torch.float32), answer(torch.float64))


def compare_thoroughly(
    candidate: Answer, reference: Trained, test: Split | None, atol: float, reduced: bool = False
) -> list[Part]:
    """Compare on all the sets.

    Args:
        candidate: the artifact, as it is deployed.
        reference: the trained module.
        test: the test images; None where they aren't at hand.
        atol: largest difference of log-probabilities that passes; on images that no one draws, whose log-probabilities
            are far larger, it grows in proportion beyond 100.
        reduced: it is of reduced precision: it may change one prediction in a thousand, and promises nothing for images
            that no one draws.

    Returns:
        The sets in order: test images, batches, hard images, searched images.
    """
    allowed = _REDUCED if reduced else 0.0
    images = hard_images()[:, None] if test is None else test.images.reshape(-1, 1, SIDE, SIDE)
    parts = []
    if test is not None:
        parts.append(_part("test images", candidate, reference, images, atol, allowed, test.labels))
    pool = np.resize(images, (max(BATCHES), 1, SIDE, SIDE))
    parts.append(_part(f"batches of {_listed(BATCHES)}", _batched(candidate), _batched(reference), pool, atol, allowed))
    hard = np.concatenate([hard_images()[:, None], _single_pixels(), _noise()])
    parts.append(_part(_UNDRAWN[0], candidate, reference, hard, atol, allowed))
    found = search_worst(candidate, reference.float32, np.concatenate([pool[:_STARTS], _noise()[:_STARTS]]))
    parts.append(_part(_UNDRAWN[1], candidate, reference, found, atol, allowed))
    return [replace(part, judged=False) if reduced and part.name in _UNDRAWN else part for part in parts]


def search_worst(candidate: Answer, reference: Answer, starts: Images) -> Images:
    """Images that differ more and more: each is changed at random, and keeps what makes it differ more. Seeded.

    Args:
        candidate: the artifact.
        reference: the trained module.
        starts: uint8 `(N, 1, 28, 28)`, where the climb begins.

    Returns:
        As many images.
    """
    random = np.random.default_rng(_SEED)

    def gap(images: Images) -> NDArray[np.float64]:
        away = np.abs(candidate(images).astype(np.float64) - reference(images))
        worst: NDArray[np.float64] = np.nan_to_num(away, nan=np.inf).max(1)
        return worst

    best, most = starts.copy(), gap(starts)
    for _ in range(_STEPS):
        tried = best.copy()
        for image in tried:
            y, x = random.integers(0, SIDE - 3, 2)
            size = int(random.integers(1, 5))
            image[0, y : y + size, x : x + size] = random.integers(0, 256)
        found = gap(tried)
        better = found > most
        best[better], most[better] = tried[better], found[better]
    return best


def _part(
    name: str,
    candidate: Answer,
    reference: Trained,
    images: Images,
    atol: float,
    allowed: float,
    labels: NDArray[np.int64] | None = None,
) -> Part:
    answers, truth, same = candidate(images), reference.float64(images), reference.float32(images)
    scaled = atol * max(1.0, float(np.abs(truth).max()) / 100)
    changes = round(allowed * len(truth))
    return Part(
        name,
        compare(answers, same, scaled, changes),
        compare(answers, truth, scaled, changes),
        compare(same, truth, scaled, changes),
        int((~np.isfinite(answers)).sum()),
        None if labels is None else float((answers.argmax(1) == labels).mean()),
    )


def _batched(answer: Any) -> Any:
    """The same answers, computed in batches of every size, each from the first image on."""
    if isinstance(answer, Trained):
        return Trained(_batched(answer.float32), _batched(answer.float64))
    return lambda images: np.concatenate([answer(images[:size]) for size in BATCHES])


def _single_pixels() -> Images:
    """One bright pixel in each of 49 places."""
    images = np.zeros((49, 1, SIDE, SIDE), np.uint8)
    for i, image in enumerate(images):
        image[0, i // 7 * 4 + 1, i % 7 * 4 + 1] = 255
    return images


def _noise() -> Images:
    return np.random.default_rng(_SEED).integers(0, 256, (_NOISE, 1, SIDE, SIDE), dtype=np.uint8)


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
