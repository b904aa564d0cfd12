"""Holds measured rows to what they may cost."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from mnistx_runtime.benchmark.measure import Row
from mnistx_runtime.errors import BadInput, describe_error
from mnistx_runtime.registry import nearest
from mnistx_runtime.system.plain_file import require_plain

_MEASURES = frozenset(field.name for field in fields(Row) if field.type in (int, float, float | None))


_MOST_TEXT = 1 << 20  # characters of a list of budgets


@dataclass(frozen=True)
class Budget:
    """One limit.

    Args:
        measure: a number of `Row`, by its name.
        runtime: whose rows it is for; None for all.
        ending: of the artifacts that it is for, such as "-int8.onnx"; empty for all.
        least: the least that passes, or None.
        most: the most that passes, or None.
    """

    measure: str
    runtime: str | None = None
    ending: str = ""
    least: float | None = None
    most: float | None = None

    def check(self) -> None:
        """Raise TypeError where a value is of another type than its field."""
        texts = (self.measure, self.ending, "" if self.runtime is None else self.runtime)
        numbers = (0 if self.least is None else self.least, 0 if self.most is None else self.most)
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("measure, runtime and ending are texts")
        if not all(isinstance(number, int | float) and abs(number) < 1e300 for number in numbers):
            raise TypeError("least and most are numbers")

    def violations(self, rows: Sequence[Row]) -> list[str]:
        """A line for each row that leaves the limit, and one where there's no row to hold to it."""
        held = [row for row in rows if self.runtime in (None, row.runtime) and row.artifact.endswith(self.ending)]
        lines = []
        for row in held:
            value = getattr(row, self.measure)
            low = self.least is not None and (value is None or not value >= self.least)
            high = self.most is not None and (value is None or not value <= self.most)
            if low or high:
                limit = f"at least {self.least:g}" if low else f"at most {self.most:g}"
                lines.append(f"{row.artifact} under {row.runtime}: {self.measure} is {value}, the budget is {limit}")
        return lines or ([] if held else [f"no row for the budget of {self.measure} ({self.runtime} {self.ending})"])


_FIELDS = tuple(field.name for field in fields(Budget))


def budgets_from(path: Path) -> list[Budget]:
    """Read a JSON file: a list of objects with the fields of `Budget`.

    Raises:
        BadInput: it can't be read as one.
    """
    try:
        with require_plain(path).open(encoding="utf-8") as file:
            listed = json.loads(file.read(_MOST_TEXT))
        if not isinstance(listed, list) or not all(isinstance(values, dict) for values in listed):
            raise TypeError("not a list of tables")
        unknown = next((name for values in listed for name in values if name not in _FIELDS), None)
        if unknown is not None:
            raise ValueError(f"{unknown!r:.60} means nothing here; {nearest(unknown, _FIELDS)}")
        found = [Budget(**values) for values in listed]
        for budget in found:
            budget.check()
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise BadInput(f"{path} is no list of budgets: {describe_error(error)}") from error
    for budget in found:
        if budget.measure not in _MEASURES or (budget.least is None and budget.most is None):
            known = ", ".join(sorted(_MEASURES))
            raise BadInput(
                f"{path}: the budget of {budget.measure!r:.60} needs least or most, and a measure of {known}"
            )
    return found
