"""What a model answers: to a picture of one digit, and to a picture of many."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.arguments import check_count, check_probability
from mnistx_runtime.errors import PredictionRefused
from mnistx_runtime.preprocess import Box
from mnistx_runtime.temperature import probabilities_at


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """One answer.

    Args:
        label: the class's index, 0-based.
        log_probs: float32 `(classes,)`, the model's own.
        names: the class names, in the same order.
        elapsed_ms: milliseconds from picture to answer; in a batch, its share of the batch's time.
        source: the picture's path, where it came from one.
        temperature: of the model; see `Metadata`.
        box: left, top, right, bottom of the digit in the picture, in pixels, where it came from one.
        rejection_reason: why what was found in the picture is none of the classes; None if it may be one.
    """

    label: int
    log_probs: NDArray[np.float32]
    names: tuple[str, ...]
    elapsed_ms: float
    source: str | None = None
    temperature: float = 1.0
    box: Box | None = None
    rejection_reason: str | None = None

    @property
    def name(self) -> str:
        """The name of the most probable class."""
        return self.names[self.label]

    @property
    def probability(self) -> float:
        """Its probability, 0..1."""
        return float(self.probabilities[self.label])

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Of all classes, `(classes,)`: the log-probabilities at the model's temperature, normalized again."""
        return probabilities_at(self.log_probs, self.temperature)

    def require(self, min_confidence: float) -> None:
        """Refuse the answer if there is no digit, or its probability is below `min_confidence`, 0..1.

        Raises:
            BadInput: `min_confidence` is no such number.
            PredictionRefused: it is.
        """
        check_probability("min_confidence", min_confidence)
        if self.rejection_reason:
            raise PredictionRefused(self.rejection_reason)
        if not self.probability >= min_confidence:
            sure, wanted = f"{self.probability:.1%}", f"{min_confidence:.1%}"
            if sure == wanted:  # rounded up, where it isn't enough
                sure = f"{floor(self.probability * 1000) / 1000:.1%}"
            raise PredictionRefused(f"not sure enough: {self.name} with {sure}, below {wanted}")

    def top(self, count: int) -> list[tuple[str, float]]:
        """The `count` most probable classes, at least 1, best first, as (name, probability).

        Raises:
            BadInput: `count` is no such number.
        """
        order = np.argsort(-self.log_probs, kind="stable")[: check_count("count", count)]
        probabilities = self.probabilities
        return [(self.names[i], float(probabilities[i])) for i in order]

    def to_dict(self, top_k: int = 1) -> dict[str, Any]:
        """JSON-ready values: `source`, `label`, `name`, `probability`, `elapsed_ms`, `box` where it came from a
        picture, and `top` if `top_k` > 1.
        """
        values: dict[str, Any] = {
            "source": self.source,
            "label": self.label,
            "name": self.name,
            "probability": round(self.probability, 6),
            "elapsed_ms": round(self.elapsed_ms, 3),
        }
        if self.box is not None:
            values["box"] = list(self.box)
        if check_count("top_k", top_k) > 1:
            values["top"] = [{"name": name, "probability": round(p, 6)} for name, p in self.top(top_k)]
        return values

    def __str__(self) -> str:
        """Name and probability."""
        return f"{self.name} ({self.probability:.2%})"


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands on a line and is no digit.

    Args:
        text: ".", "," or "-" between digits; "_" for an empty box.
        at: how many digits of its line stand before it.
        box: left, top, right, bottom, in the picture's pixels.
    """

    text: str
    at: int
    box: Box


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The answers to all the digits in a picture.

    Args:
        lines: from top to bottom, each from left to right.
        elapsed_ms: milliseconds from picture to answers.
        source: the picture's path, where it came from one.
        marks: of each line, what stands between its digits; none without it.
    """

    lines: tuple[tuple[Prediction, ...], ...]
    elapsed_ms: float
    source: str | None = None
    marks: tuple[tuple[Mark, ...], ...] = ()

    @property
    def digits(self) -> list[Prediction]:
        """All of them in reading order."""
        return [digit for line in self.lines for digit in line]

    @property
    def text(self) -> str:
        """The names, a line a line, with what stands between them, as in `10.000`, and `_` for an empty box."""
        return "\n".join(self._spell())

    @property
    def digits_only(self) -> str:
        """The names alone, a line a line."""
        return "\n".join("".join(digit.name for digit in line) for line in self.lines)

    @property
    def probability(self) -> float:
        """Of the least sure of them, 0..1."""
        return min(digit.probability for digit in self.digits)

    def unsure(self, min_confidence: float) -> list[Prediction]:
        """Those that are no digit, or whose probability is below `min_confidence`, 0..1, in reading order.

        Raises:
            BadInput: `min_confidence` is no such number.
        """
        check_probability("min_confidence", min_confidence)
        return [d for d in self.digits if d.rejection_reason or not d.probability >= min_confidence]

    def require(self, min_confidence: float) -> None:
        """Refuse to answer if one of them is no digit, or its probability is below `min_confidence`, 0..1.

        Raises:
            BadInput: `min_confidence` is no such number.
            PredictionRefused: it is; the text shows which.
        """
        unsure = self.unsure(min_confidence)
        if unsure:
            shown = " / ".join(self._spell(unsure))
            reasons = [digit.rejection_reason for digit in unsure if digit.rejection_reason]
            why = f", below {min_confidence:.1%}" if len(reasons) < len(unsure) else f": {reasons[0]}"
            raise PredictionRefused(f"not sure enough of {len(unsure)} of {len(self.digits)}: {shown}{why}")

    def _spell(self, unsure: Sequence[Prediction] = ()) -> list[str]:
        """The text of each line, with a question mark for each of the unsure."""
        hidden = {id(digit) for digit in unsure}
        spelled = []
        for line, marks in zip_longest(self.lines, self.marks, fillvalue=()):
            parts = [(float(at), "?" if id(digit) in hidden else digit.name) for at, digit in enumerate(line, 1)]
            parts += [(mark.at + 0.5, mark.text) for mark in marks]
            spelled.append("".join(text for _, text in sorted(parts, key=lambda part: part[0])))
        return spelled

    def to_dict(self, top_k: int = 1) -> dict[str, Any]:
        """JSON-ready values: `source`, `text`, `digits_only`, `probability`, `elapsed_ms`, `digits`, each with its
        `line`, and `marks`, each with its `line`, its `text`, its `box`, and how many digits stand before it, `at`.
        """
        digits = [digit.to_dict(top_k) | {"line": i} for i, line in enumerate(self.lines) for digit in line]
        for digit in digits:
            del digit["source"], digit["elapsed_ms"]
        return {
            "source": self.source,
            "text": self.text,
            "digits_only": self.digits_only,
            "probability": round(self.probability, 6),
            "elapsed_ms": round(self.elapsed_ms, 3),
            "digits": digits,
            "marks": [
                {"line": i, "at": mark.at, "text": mark.text, "box": list(mark.box)}
                for i, marks in enumerate(self.marks)
                for mark in marks
            ],
        }

    def __str__(self) -> str:
        """The text on one line, and the lowest probability."""
        return f"{self.text.replace(chr(10), ' / ')} (lowest {self.probability:.2%})"
