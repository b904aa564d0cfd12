"""From a model's bare output to answers: digits in their places, names, probabilities."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.metadata import Metadata
from mnistx_runtime.batch import Found, Lines
from mnistx_runtime.best_path import best_path
from mnistx_runtime.errors import PredictionRefused
from mnistx_runtime.prediction import Mark, Prediction, Reading
from mnistx_runtime.preprocess.several import SEVERAL
from mnistx_runtime.temperature import apply_temperature

Chosen = tuple[int, Found, NDArray[np.float32]]
"""Its place among those that competed on its line, what it was made of, and the model's answer."""


def images_in(pictures: Sequence[Lines]) -> list[NDArray[np.uint8]]:
    """All images of some pictures that the model is to answer, each uint8 `(channels, height, width)`."""
    return [found.image for lines in pictures for line in lines for found in line]


def only_digit(reading: Reading) -> Prediction:
    """The answer to a picture of one digit; rejected where its ink is of several that touch."""
    first, *others = reading.lines[0]
    return replace(first, rejection_reason=SEVERAL) if others else first


class Postprocess:
    """What the rows of a model's output say.

    Args:
        metadata: of the model.
    """

    def __init__(self, metadata: Metadata) -> None:
        """See the class."""
        self.metadata = metadata

    def read(
        self, lines: Lines, rows: NDArray[np.float32], elapsed_ms: float, name: str | None = None
    ) -> tuple[Reading, list[list[int]]]:
        """What a picture says.

        Args:
            lines: what was prepared of the picture; of one digit a single line.
            rows: the model's bare output for `images_in([lines])`, in their order.
            elapsed_ms: milliseconds from picture to answers.
            name: the picture's path, where it came from one.

        Returns:
            The reading, and of each line the places of the images that it is made of.

        Raises:
            PredictionRefused: nothing of the ink is a digit.
        """
        (chosen,) = self.choose([lines], rows)
        places = [[index for index, found, _ in line if found.mark is None] for line in chosen]
        return self.reading(chosen, name, elapsed_ms), places

    def choose(self, pictures: Sequence[Lines], rows: NDArray[np.float32]) -> list[list[list[Chosen]]]:
        """Of images that compete, those that are most probable, of each picture, line by line.

        Args:
            pictures: what was prepared of each.
            rows: the model's bare output for `images_in(pictures)`, in their order.
        """
        sure = apply_temperature(rows, self.metadata.temperature).max(1)
        at = 0
        chosen: list[list[list[Chosen]]] = []
        for lines in pictures:
            chosen.append([])
            for line in lines:
                costs = [
                    found.penalty - (float(log_p) if found.mark is None else 0.0)
                    for found, log_p in zip(line, sure[at:], strict=False)
                ]
                best = best_path([found.span for found in line], costs)
                chosen[-1].append([(index, line[index], rows[at + index]) for index in best if line[index].mark != ""])
                at += len(line)
        return chosen

    def reading(self, chosen: list[list[Chosen]], name: str | None, elapsed_ms: float) -> Reading:
        """What a picture says, by what was chosen of it; see `read`."""
        kept = [line for line in chosen if any(found.mark is None for _, found, _ in line)]
        share = elapsed_ms / max(sum(found.mark is None for line in kept for _, found, _ in line), 1)
        lines, marks = [], []
        for line in kept:
            digits: list[Prediction] = []
            beside: list[Mark] = []
            for _, found, row in line:
                if found.mark is None:
                    digits.append(self.prediction(row, share, name, found))
                else:
                    beside.append(Mark(found.mark, len(digits), found.box))
            lines.append(tuple(digits))
            marks.append(tuple(beside))
        if not lines:
            raise PredictionRefused("no digit found: nothing of the ink is one")
        return Reading(tuple(lines), elapsed_ms, name, tuple(marks))

    def prediction(
        self, log_probs: NDArray[np.float32], elapsed_ms: float, name: str | None = None, found: Found | None = None
    ) -> Prediction:
        """One row of the model's output as an answer.

        Args:
            log_probs: float32 `(classes,)`.
            elapsed_ms: milliseconds that it took.
            name: the picture's path, where it came from one.
            found: what the image was made of, where it came from a picture.
        """
        names, temperature = self.metadata.names, self.metadata.temperature
        label = int(log_probs.argmax())
        if found is None:
            return Prediction(label, log_probs, names, elapsed_ms, name, temperature)
        answer = Prediction(label, log_probs, names, elapsed_ms, name, temperature, found.box, found.rejection_reason)
        overruled = found.rejection_reason is not None and answer.probability >= found.rejected_below
        return replace(answer, rejection_reason=None) if overruled else answer
