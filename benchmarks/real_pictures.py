"""How many real pictures of digits by other hands are read right, kind by kind.

`python benchmarks/real_pictures.py artifacts` writes real_pictures.json and .md there: figures, and no picture. The
pictures are those that pictures/labels.csv lists in the folder MNISTX_DATA; a kind that ends in (--many) is read by
`predict --many`, with line breaks between its lines, any other by `predict`. Of what is read, the digits count.

`--misread` names the pictures that aren't read right instead. Another folder with a labels.csv may follow.
"""

import csv
import json
import os
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from time import process_time

from mnistx_runtime import MnistxError, Predictor
from mnistx_runtime.predictor import MIN_CONFIDENCE

HEAD = ["kind", "pictures", "read right", "refused", "misread", "right of those given", "ms", "slowest ms"]


@dataclass(frozen=True)
class Answer:
    """What came of a picture.

    Args:
        path: of the picture, in its folder.
        kind: of picture.
        text: that it shows.
        read: the digits that were read, lines apart; None where it was refused.
        why: it was refused.
        ms: milliseconds of CPU time, all cores together.
    """

    path: str
    kind: str
    text: str
    read: str | None
    why: str
    ms: float


def digits_of(text: str) -> str:
    """The digits of what was read, a line a line, without what stands between them."""
    return "\n".join("".join(c for c in line if c.isdecimal()) for line in text.split("\n"))


def answer_all(folder: Path) -> list[Answer]:
    """Every picture's answer."""
    predictor = Predictor(threads=1)
    answers = []
    with (folder / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            many = row["kind"].endswith("(--many)")
            read, why, path = None, "", folder / row["path"]
            began = process_time()
            try:
                given = predictor.predict_many(path) if many else predictor.predict(path)
                read = digits_of(given.text if many else given.name)  # type: ignore[union-attr]
            except MnistxError as error:
                why = str(error)
            ms = (process_time() - began) * 1e3
            answers.append(Answer(row["path"], row["kind"], row["text"], read, why, ms))
    return answers


def tally(answers: list[Answer]) -> dict[str, float]:
    """The figures of one kind, in the order of `HEAD` after the kind."""
    right = sum(each.read == each.text for each in answers)
    refused = sum(each.read is None for each in answers)
    times = [each.ms for each in answers]
    given = len(answers) - refused
    return {
        "pictures": len(answers),
        "read_right": right,
        "refused": refused,
        "misread": given - right,
        "right_of_given": round(right / given, 4) if given else 0.0,
        "ms": round(statistics.median(times), 1),
        "slowest_ms": round(max(times), 1),
    }


def table(kinds: dict[str, dict[str, float]]) -> str:
    """The figures as Markdown."""
    lines = [
        "# Real pictures of digits by other hands",
        "",
        f"`python benchmarks/real_pictures.py artifacts` made this table, refusing below {MIN_CONFIDENCE:.0%}. A string"
        " of digits or a page is right when every digit of it is. Milliseconds are CPU time from file to answer.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|---" * len(HEAD) + "|",
    ]
    for kind, found in kinds.items():
        share = found["read_right"] / found["pictures"]
        cells = [
            f"{found['pictures']}",
            f"{found['read_right']} ({share:.1%})",
            f"{found['refused']}",
            f"{found['misread']}",
            f"{found['right_of_given']:.1%}",
            f"{found['ms']:.1f}",
            f"{found['slowest_ms']:.1f}",
        ]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    names = [argument for argument in sys.argv[1:] if argument != "--misread"]
    listed = "--misread" in sys.argv
    where = names[0 if listed else 1 :]
    found = answer_all(Path(where[0]) if where else Path(os.environ["MNISTX_DATA"]) / "pictures")
    if listed:
        for each in found:
            if each.read != each.text:
                print(each.path, repr(each.text), "refused: " + each.why if each.read is None else repr(each.read))
        sys.exit()
    kinds = {kind: tally([each for each in found if each.kind == kind]) for kind in {each.kind: 0 for each in found}}
    (Path(names[0]) / "real_pictures.json").write_text(json.dumps(kinds, indent=1) + "\n")
    (Path(names[0]) / "real_pictures.md").write_text(table(kinds))
    print(table(kinds))
