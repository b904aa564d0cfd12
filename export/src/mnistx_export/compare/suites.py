"""Compares an artifact with the trained module on far more than its certificate.

Every test image, what no one takes pictures of, batches of awkward sizes, and the images that a search finds to differ
most.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mnistx_export.golden import golden_images
from mnistx_export.model import Model
from mnistx_runtime.artifact.parity import Parity, Tolerance, compare

BATCHES = (1, 2, 3, 64, 257)
_SEED = 28
_NOISE, _NOISE_PIXELS = 200, 5_000_000  # images of noise, fewer where they're large
HARD = 14  # of the golden images, the last ones, that are unlike any picture
_OUT_OF_DISTRIBUTION = ("images no one takes", "searched for the largest difference")
_STARTS, _STEPS = 16, 40  # of the search: images that climb side by side, and changes of each

Images = NDArray[np.uint8]
LogProbs = NDArray[np.floating]
Answer = Callable[[Images], LogProbs]
"""Log-probabilities `(N, classes)` of images uint8 `(N, channels, height, width)`."""


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
        enforced: False where the format promises nothing: reduced precision on images unlike those it was made for.
    """

    name: str
    float32: Parity
    float64: Parity
    torch_float64: Parity
    not_finite: int
    accuracy: float | None = None
    enforced: bool = True

    @property
    def passed(self) -> bool:
        """Within the tolerance of both, no changed prediction; and, whatever is promised, all numbers finite."""
        same = self.float32.passed and self.float64.passed
        return (same or not self.enforced) and not self.not_finite

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        both = {name: getattr(self, name).to_dict() for name in ("float32", "float64", "torch_float64")}
        return asdict(self) | both | {"passed": self.passed}


@dataclass(frozen=True)
class Answers:
    """The trained module, as answers.

    Args:
        float32: PyTorch's answers.
        float64: the same computed in float64.
    """

    float32: Answer
    float64: Answer


def answers_of(model: Model) -> Answers:
    """What a model's module answers."""
    return Answers(model.log_probs, lambda images: model.log_probs(images, torch.float64))


def run_suites(candidate: Answer, model: Model, tolerance: Tolerance) -> list[Part]:
    """Compare on all the sets.

    Args:
        candidate: the artifact, as it is deployed.
        model: the trained module, with its test images where they're at hand.
        tolerance: what passes; of reduced precision, it isn't enforced on images that no one takes.

    Returns:
        The sets in order: test images, batches, hard images, searched images.
    """
    reference, shape = answers_of(model), model.spec.shape
    hard = golden_images(model.spec, model.names).images
    images = hard if model.test is None else model.test.images
    parts = []
    if model.test is not None:
        part = _part("test images", candidate, reference, images, tolerance)
        read = float((candidate(images).argmax(1) == model.test.labels).mean())
        parts.append(replace(part, accuracy=read))
    pool = np.resize(images, (max(BATCHES), *shape))
    name = f"batches of {', '.join(map(str, BATCHES))}"
    parts.append(_part(name, _batched(candidate), _batched_answers(reference), pool, tolerance))
    noise = _noise(shape)
    strange = np.concatenate([hard[-HARD:], _single_pixels(shape), noise])
    parts.append(_part(_OUT_OF_DISTRIBUTION[0], candidate, reference, strange, tolerance))
    found = search_worst(candidate, reference.float32, np.concatenate([pool[:_STARTS], noise[:_STARTS]]))
    parts.append(_part(_OUT_OF_DISTRIBUTION[1], candidate, reference, found, tolerance))
    reduced = tolerance.reduced
    return [replace(part, enforced=False) if reduced and part.name in _OUT_OF_DISTRIBUTION else part for part in parts]


def search_worst(candidate: Answer, reference: Answer, starts: Images) -> Images:
    """Images that differ more and more: each is changed at random, and keeps what makes it differ more. Seeded.

    Args:
        candidate: the artifact.
        reference: the trained module.
        starts: uint8 `(N, channels, height, width)`, where the climb begins.

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
            y, x = (int(random.integers(0, side - 3)) for side in image.shape[1:])
            size = int(random.integers(1, 5))
            image[:, y : y + size, x : x + size] = random.integers(0, 256, (len(image), 1, 1))
        found = gap(tried)
        better = found > most
        best[better], most[better] = tried[better], found[better]
    return best


def _part(name: str, candidate: Answer, reference: Answers, images: Images, tolerance: Tolerance) -> Part:
    answers, truth, same = candidate(images), reference.float64(images), reference.float32(images)
    return Part(
        name,
        compare(answers, same, tolerance),
        compare(answers, truth, tolerance),
        compare(same, truth, tolerance),
        int((~np.isfinite(answers)).sum()),
    )


def _batched_answers(answers: Answers) -> Answers:
    return Answers(_batched(answers.float32), _batched(answers.float64))


def _batched(answer: Answer) -> Answer:
    """The same answers, computed in batches of every size, each from the first image on."""
    return lambda images: np.concatenate([answer(images[:size]) for size in BATCHES])


def _single_pixels(shape: tuple[int, int, int]) -> Images:
    """One bright pixel in each of 49 places."""
    _, height, width = shape
    images = np.zeros((49, *shape), np.uint8)
    for i, image in enumerate(images):
        image[:, i // 7 * height // 7 + 1, i % 7 * width // 7 + 1] = 255
    return images


def _noise(shape: tuple[int, int, int]) -> Images:
    count = max(_STARTS, min(_NOISE, _NOISE_PIXELS // int(np.prod(shape))))
    return np.random.default_rng(_SEED).integers(0, 256, (count, *shape), dtype=np.uint8)
