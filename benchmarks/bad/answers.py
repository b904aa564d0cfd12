"""Files of answers, and figures, that may not be written."""

from pathlib import Path

from bad.case import Case, both, edit, empty, pipe, write

_ASK = "mnistx predict good/three.jpg --out"


def _of_model(folder: Path) -> None:
    """Answers that another model gave."""
    text = (folder / "good/a.csv").read_text()
    at = text.index("model=") + 6
    (folder / "a.csv").write_text(text[:at] + "0" * 16 + text[at + 16 :])


CASES = (
    Case("a pipe where a figure should go", "mnistx predict good/three.jpg --explain p.png", pipe("p.png")),
    Case("answers that are there", f"{_ASK} a.csv", edit("a.csv", "a.csv", bytes)),
    Case("a file of notes, to go on with", f"{_ASK} n.csv --resume", write("n.csv", "buy milk\n")),
    Case("a line without an end, to go on with", f"{_ASK} n.csv --resume", write("n.csv", "buy milk")),
    Case("bytes at random, to go on with", f"{_ASK} n.csv --resume", write("n.csv", bytes(range(256)) * 9)),
    Case("a JSON Lines file of another tool's", f"{_ASK} n.jsonl --resume", write("n.jsonl", '{"a": 1}\n')),
    Case("JSON nested 100,000 deep", f"{_ASK} n.jsonl --resume", write("n.jsonl", "[" * 100_000 + "\n")),
    Case("answers of another model", f"{_ASK} a.csv --resume", _of_model),
    Case("answers with other options", f"{_ASK} a.csv --resume --many", edit("a.csv", "a.csv", bytes)),
    Case("answers that another call writes", f"flock a.csv {_ASK} a.csv --resume", edit("a.csv", "a.csv", bytes)),
    Case("another ending", f"{_ASK} a.xlsx"),
    Case("a folder where the file should be", f"{_ASK} a.csv", empty("a.csv")),
    Case("no such folder", f"{_ASK} no/a.csv"),
    Case("several answers a digit in a CSV", f"{_ASK} a.csv --top-k 3"),
    Case("nothing to go on with", "mnistx predict good/three.jpg --resume"),
    Case("a pipe where answers should go", f"mkfifo p.csv; {_ASK} p.csv"),
    Case("a device where answers should go", f"ln -s /dev/full d.csv; {_ASK} d.csv"),
    Case("a figure over somebody's picture", "mnistx predict good/three.jpg --explain o.png", write("o.png", "mine")),
    Case("a figure in no folder", "mnistx predict good/three.jpg --explain no/e.png"),
    Case(
        "a figure over a link",
        "mnistx predict good/three.jpg --explain l.png",
        both(write("o.txt", "mine"), lambda folder: (folder / "l.png").symlink_to("o.txt")),
    ),
    Case("a report of another ending", "mnistx compare good/m.onnx --against good/m.safetensors --report r.pdf"),
    Case("an older file at --out", "mnistx spec init s.toml", write("s.toml", "")),
    Case("a benchmark's figure over a picture", "mnistx benchmark --figure o.png", write("o.png", "mine")),
)
