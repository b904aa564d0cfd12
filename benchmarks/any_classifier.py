"""Whether networks that nobody made for mnistx can be exported: `python benchmarks/any_classifier.py FOLDER`.

It writes any_classifier.md and .json into FOLDER, a row a network and a column a format. Cells that exist are kept;
`python benchmarks/any_classifier.py FOLDER resnet18` makes the rows anew that are named. Every export is a process of
its own: a converter may crash, hang or take all the memory, and that is what its cell says then.
"""

import json
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_model

from figure_training import FIGURES, SEED, class_names, pictures, spec_of, train
from mnistx_export import Model, export
from mnistx_export.exporter import Exported
from mnistx_export.formats import FORMATS
from mnistx_export.formats.base import format_named
from mnistx_export.model import Reference
from mnistx_runtime.artifact.certificate import KEY
from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.benchmark.processor import processor
from mnistx_runtime.errors import MnistxError
from mnistx_train.errors import first_line
from networks import NETWORKS

CALIBRATION, VALIDATION, TEST, GOLDEN = 200, 200, 300, 12  # images
SECONDS = 400  # of one export
MEMORY = 14 << 30  # bytes of one export
CERTIFICATE = 300_000  # bytes of one at most


def prepare(name: str, folder: Path) -> dict[str, Any]:
    """Train a network, and write its weights and its answers to the test images into a folder; say what it is."""
    network = NETWORKS[name]
    torch.manual_seed(SEED)
    module = network.build(network.shape[0], network.classes)
    train(module, network)
    save_model(module, str(folder / "network.safetensors"))
    test = pictures(3, TEST, network)
    model = Model(module, spec_of(network), class_names(network), network.output)
    float32, float64 = (model.log_probs(test.images, dtype) for dtype in (torch.float32, torch.float64))
    np.savez(folder / "answers", float32=float32, float64=float64)
    return {
        "input": "x".join(map(str, network.shape)),
        "classes": network.classes,
        "parameters": sum(values.numel() for values in module.parameters()),
        "flops": model.flops,
        "accuracy": float((float64.argmax(1) == test.labels).mean()),
        "torch_float32": float(np.abs(float32 - float64).max()),
    }


def prepared(name: str, folder: Path) -> Model:
    """The model that `prepare` wrote."""
    network = NETWORKS[name]
    module = network.build(network.shape[0], network.classes)
    state = module.state_dict()
    for key, values in load_file(folder / "network.safetensors").items():
        state[key].copy_(values)  # MNASNet refuses a state dict without a version, which safetensors doesn't keep
    test = pictures(3, TEST, network)
    model = Model(
        module.eval(),
        spec_of(network),
        class_names(network),
        network.output,
        golden=pictures(4, GOLDEN, network).images,
        calibration=pictures(6, CALIBRATION, network).images,
        validation=pictures(2, VALIDATION, network),
        test=test,
    )
    vars(model)["reference"] = Reference(test, **np.load(folder / "answers.npz"))  # in float64, it takes its time
    return model


def export_one(name: str, format: str, folder: Path) -> dict[str, Any]:
    """A cell: what was exported, or why nothing was."""
    target = format_named(format)
    try:
        found = export(prepared(name, folder), target, folder / f"model{target.variant}{target.suffix}")
    except MnistxError as error:
        return {"reason": " ".join(str(error).split()), "kind": type(error).__name__}
    except Exception as error:
        return {"reason": f"{type(error).__name__}: {first_line(error)}", "kind": "Escaped"}
    return cell_of(found)


def cell_of(found: Exported) -> dict[str, Any]:
    """The figures of an artifact."""
    cell: dict[str, Any] = {"size": found.size, "certificate": len(open_artifact(found.path).props[KEY])}
    if found.float32 and found.float64:
        cell |= {
            "max_abs": max(found.float32.max_abs, found.float64.max_abs),
            "changed": max(found.float32.changed, found.float64.changed),
            "count": found.float32.count,
            "accuracy": found.accuracy,
        }
    if found.int8:
        cell |= {"drop": found.int8.drop, "smaller": found.int8.smaller, "faster": round(found.int8.faster, 2)}
    return cell | {"unverified": found.unverified} if found.unverified else cell


def in_a_process(function: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    """What a function returns, run in a process of its own; a reason where it crashed, or took too much."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["torchvision", "mnistx_export.exporter"])
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=answer, args=(sender, function, *args))
    began = time.monotonic()
    process.start()
    sender.close()
    found: dict[str, Any] = {"reason": f"no end after {SECONDS} seconds", "kind": "Timeout"}
    if receiver.poll(SECONDS):
        try:
            found = receiver.recv()
        except EOFError:
            process.join()
            assert process.exitcode is not None
            how = signal.Signals(-process.exitcode).name if process.exitcode < 0 else f"exit code {process.exitcode}"
            found = {"reason": f"the process ended without an answer: {how}", "kind": "Crash"}
    if process.is_alive():
        assert process.pid
        process.join(5)
        if process.is_alive():
            os.killpg(process.pid, signal.SIGKILL)
            process.join()
    return found | {"seconds": round(time.monotonic() - began, 1)}


def answer(sender: Connection, function: Callable[..., dict[str, Any]], *args: Any) -> None:
    """The child's side of `in_a_process`."""
    os.setsid()
    torch.set_num_threads(1)  # on a machine that does other work too, two threads wait for each other
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        sender.send(function(*args))
    except MemoryError:
        sender.send({"reason": f"it takes more than {MEMORY >> 30} GiB of memory", "kind": "Memory"})


def short(cell: dict[str, Any], number: int) -> str:
    """A cell of the table; `number` is its reason's in the list below."""
    if "reason" not in cell:
        if "max_abs" not in cell:
            return "written, unverified"
        changed = f", {cell['changed']} of {cell['count']} changed" if cell["changed"] else ""
        return f"{cell['max_abs']:.1e}{changed}"
    reason, kind = cell["reason"], cell["kind"]
    if "points of accuracy" in reason:
        outcome = f"loses {reason.partition('loses ')[2].partition(' ')[0]} points"
    elif "neither smaller nor faster" in reason:
        outcome = "no smaller, no faster"
    elif kind == "VerificationFailed":
        outcome = "refused: differs"
    else:
        outcome = {"Crash": "crashes", "Timeout": "no end", "Memory": "too much memory"}.get(kind, "not carried")
    return f"{outcome} [{number}]"


HEAD = """# Any classifier: networks that nobody made for mnistx

`python benchmarks/any_classifier.py FOLDER` made this table: {verified} of {all} exports were written and verified,
{unverified} more were written and can't be run here, and {reasons} stopped for the reason that the list below gives.

- A number: written and verified; it is the largest difference of log-probabilities from PyTorch's in float32 and in
  float64, whichever is larger, on {test} drawn pictures; not one prediction changed, but where it says so. Every export
  is judged as a user's is: float32 formats by 1e-4; fp16 by 0.05; int8 by 2, by at most 0.05 points of accuracy lost on
  {validation} other pictures, and by being smaller or faster than float32. fp16 and int8 may change one prediction.
  An empty cell wasn't tried.
- *PyTorch's own*: the largest difference of PyTorch's float32 answers from its float64 ones, for scale.
- The first four are of the size that generated C is for, the next five as users write them (benchmarks/networks.py).
  The others are torchvision's, without weights. All are trained for some seconds on drawn pictures of {figures}
  figures; *accuracy* is PyTorch's, on the test pictures. With more classes than figures, the other classes are learnt
  to be improbable. Weights as they are first drawn would not do: what is rounded in a first layer grows from layer to
  layer, until PyTorch's own float32 answers are 3e-4 from its float64 ones.
- *vision transformer* is torchvision's `VisionTransformer` with 6 layers of 192; vit_b_16 has 86 million parameters.
- The largest certificate has {certificate:,} bytes; the script fails at {limit:,}.
- {minutes:.0f} minutes in all on {machine}.
"""


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The rows as Markdown, in the order of `NETWORKS`."""
    names = [name for name in NETWORKS if name in rows]
    cells = [cell for name in names for cell in rows[name]["cells"].values()]
    reasons: dict[str, int] = {}
    lines = []
    for name in names:
        row = rows[name]
        line = [name, row["input"], str(row["classes"]), f"{row['parameters']:,}", f"{row['accuracy']:.1%}"]
        line.append(f"{row['torch_float32']:.1e}")
        for format in FORMATS:
            cell = row["cells"].get(format)
            if cell and "reason" in cell:
                reasons.setdefault(f"{format}: {cell['reason']}", len(reasons) + 1)
            line.append(short(cell, reasons.get(f"{format}: {cell.get('reason')}", 0)) if cell else "")
        lines.append(f"| {' | '.join(line)} |")
    columns = ["network", "input", "classes", "parameters", "accuracy", "PyTorch's own", *FORMATS]
    minutes = sum(row["seconds"] + sum(cell["seconds"] for cell in row["cells"].values()) for row in rows.values()) / 60
    head = HEAD.format(
        verified=sum("max_abs" in cell for cell in cells),
        unverified=sum("unverified" in cell for cell in cells),
        reasons=sum("reason" in cell for cell in cells),
        all=len(cells),
        test=TEST,
        validation=VALIDATION,
        figures=len(FIGURES),
        certificate=max((cell.get("certificate", 0) for cell in cells), default=0),
        limit=CERTIFICATE,
        minutes=minutes,
        machine=" and ".join(dict.fromkeys(row["machine"] for row in rows.values())),
    )
    listed = [f"{number}. {reason}" for reason, number in reasons.items()]
    rule = f"|{'---|' * len(columns)}"
    return "\n".join([head, f"| {' | '.join(columns)} |", rule, *lines, "", "## Why not", "", *listed, ""])


def main(folder: Path, chosen: list[str]) -> None:
    """Fill the table; of the networks that are named, or of all that lack a cell."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "any_classifier.json"
    rows: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}
    rows = {name: row for name, row in rows.items() if name not in chosen}
    for name in chosen or NETWORKS:
        cells: dict[str, Any] = rows[name]["cells"] if name in rows else {}
        missing = [format for format in FORMATS if format not in cells]
        if not missing:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            found = in_a_process(prepare, name, Path(scratch))
            if "reason" in found:
                raise SystemExit(f"{name}: {found['reason']}")
            print(name, found, file=sys.stderr, flush=True)
            rows[name] = found | {"machine": f"{os.cpu_count()} cores of {processor()}", "cells": cells}
            for format in missing:
                cells[format] = in_a_process(export_one, name, format, Path(scratch))
                print(f"  {format}: {cells[format]}", file=sys.stderr, flush=True)
                assert cells[format].get("certificate", 0) < CERTIFICATE, f"{name}, {format}: too large a certificate"
                file.write_text(json.dumps(rows, indent=1) + "\n")
                (folder / "any_classifier.md").write_text(table(rows))
    print(table(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
