"""What the command line doesn't know, and what the machine lacks."""

import shutil
from pathlib import Path

from bad.case import Case, pipe, write

WORDS = (
    Case("a pipe as budgets", "mnistx benchmark --assert b.json", pipe("b.json")),
    Case("a command that isn't known", "mnistx pedict good/three.jpg"),
    Case("an option that isn't known", "mnistx predict good/three.jpg --topk 3"),
    Case("an option without a value", "mnistx predict good/three.jpg --top-k"),
    Case("a number that is a word", "mnistx predict good/three.jpg --top-k three"),
    Case("no answers", "mnistx predict good/three.jpg --top-k 0"),
    Case("a probability of 2", "mnistx predict good/three.jpg --min-confidence 2"),
    Case("a probability that is no number", "mnistx predict good/three.jpg --min-confidence nan"),
    Case("no threads", "mnistx predict good/three.jpg --threads 0"),
    Case("an option that steers the terminal", r"mnistx predict $'--a\e[31mb\nc'"),
    Case("nothing to verify", "mnistx verify"),
    Case("a command of a group that isn't known", "mnistx data statistics"),
    Case("a size that is none", "mnistx train --dataset digits --size 3by4"),
    Case("batches of one", "mnistx benchmark --batch 1"),
    Case("batches that are words", "mnistx benchmark --batch small"),
    Case("a runtime that isn't known, to measure", "mnistx benchmark --runtimes ortt"),
    Case("what isn't measured", "mnistx benchmark --pick speed"),
    Case("budgets that aren't there", "mnistx benchmark --assert no.json"),
    Case("budgets that are no JSON", "mnistx benchmark --assert b.json", write("b.json", "latency < 1")),
    Case("budgets of what isn't measured", "mnistx benchmark --assert b.json", write("b.json", '[{"speed": 1}]')),
    Case("neither a checkpoint nor a spec", "mnistx compare good/m.onnx"),
    Case("no format", "mnistx export --checkpoint good/run"),
)


def forty(folder: Path) -> None:
    """Pictures enough for several processes."""
    (folder / "in").mkdir()
    for at in range(40):
        shutil.copy(folder / "good/three.jpg", folder / f"in/{at}.jpg")


_PREDICT = "mnistx predict good/three.jpg"

CASES = (
    Case("a full disk behind standard output", f"{_PREDICT} > /dev/full"),
    Case("a full disk behind standard output, as JSON", f"{_PREDICT} --json > /dev/full"),
    Case("a full disk", f"{_PREDICT} --out full/a.csv"),
    Case("a full disk, for a figure", f"{_PREDICT} --explain full/e.png"),
    Case("a full disk, for a model", "mnistx export --format onnx --checkpoint good/run --out full/e.onnx", notes=1),
    Case("a full disk, for a run", "mnistx train --dataset good/d.npz --epochs 1 --device cpu --out full/run"),
    Case("a full disk, for a signature", "mnistx sign full/m.onnx --key good/key.pem"),
    Case("a disk that is read-only", f"{_PREDICT} --out read-only/a.csv"),
    Case("a disk that is read-only, for a run", "mnistx train --dataset good/d.npz --out read-only/run"),
    Case("200 MB of memory", f"ulimit -v 200000; {_PREDICT}"),
    Case(
        "400 MB of memory, for an export",
        "ulimit -v 400000; mnistx export --format onnx --checkpoint good/run",
    ),
    Case("twelve open files for several processes", "ulimit -n 12; mnistx predict in --threads 2", forty),
    Case("files of 1 KB", f"ulimit -f 1; {_PREDICT} --explain e.png"),
    Case("a reader that went away", f"{_PREDICT} | true; exit ${{PIPESTATUS[0]}}", code=141),
    Case("a folder that was removed", "mkdir gone; cd gone; rmdir ../gone; mnistx predict three.jpg"),
)
