"""Fuzzes all that reads bytes of strangers, for long, and writes the figures to fuzzing.md.

`python benchmarks/fuzzing.py artifacts FOLDER [TARGET...] --executions 1000000 --seconds 3600` runs each target of
`fuzz.TARGETS` under atheris (pip install atheris coverage), which looks for inputs that reach further. Corpora, counts
and faults are kept in FOLDER: a later call goes on with them. Without --executions and --seconds it only writes the
page, with the share of mnistx_runtime that the inputs found so far reach. The exit code is 1 where a fault is open.
"""

import argparse
import json
import logging
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

from fuzz import TARGETS

_RESTARTS = 20
_PACKAGES = ("mnistx_runtime", "mnistx_train", "mnistx_export")
_ROOT = Path(__file__).resolve().parent


def fuzz(name: str, folder: Path, executions: int, seconds: int) -> None:
    """Fuzz one target in this process, which ends with it.

    Args:
        name: of the target.
        folder: for its corpus, counts and faults.
        executions: how many inputs to try.
        seconds: after which to stop.
    """
    from random import Random

    import atheris

    with atheris.instrument_imports(include=list(_PACKAGES)):
        from fuzz.mutate import mutate
        from fuzz.target import MEMORY, load_target, seeds_of, try_input

        target, seeds = load_target(name), seeds_of(name)
    corpus, faults = folder / "corpus", folder / "faults"
    for made in (corpus, faults):
        made.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (corpus / sha256(seed).hexdigest()).write_bytes(seed)
    for seed in seeds:  # imports and caches count for no input
        try_input(target, seed)
    _limit_memory(4 * MEMORY)
    counts = _counts(folder)
    began, before = time.monotonic(), dict(counts)
    done, kept_at = 0, began

    def keep() -> None:
        nonlocal kept_at
        kept_at = time.monotonic()
        counts["executions"] = before["executions"] + done
        counts["seconds"] = before["seconds"] + time.monotonic() - began
        (folder / "counts.json").write_text(json.dumps(counts))

    def one(data: bytes) -> None:
        nonlocal done
        fault = try_input(target, data)
        done += 1
        if fault is not None and fault.what not in counts["faults"]:
            kept = faults / sha256(data).hexdigest()[:16]
            kept.write_bytes(data)
            kept.with_suffix(".txt").write_text(f"{fault.what}\n{fault.details}")
            counts["faults"][fault.what] = kept.name
        if done == executions or time.monotonic() - kept_at > 2:
            keep()

    logging.disable()
    longest = 4 * max(map(len, seeds)) + 20_000

    def change(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        return mutate(data, seeds, random)[:most] if random.randrange(3) == 0 else bytes(atheris.Mutate(data, most))

    options = [f"-runs={executions}", f"-max_total_time={seconds}", f"-max_len={longest}", "-rss_limit_mb=0"]
    options += ["-timeout=120", "-print_final_stats=0", "-verbosity=0", f"-artifact_prefix={faults}/died-"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one, custom_mutator=change)
    atheris.Fuzz()


def _limit_memory(more: int) -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + more, used + more))


def _counts(folder: Path) -> dict[str, Any]:
    file = folder / "counts.json"
    if not file.exists():
        return {"executions": 0, "seconds": 0.0, "faults": {}, "died": 0}
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def supervise(name: str, folder: Path, executions: int, seconds: int) -> None:
    """Fuzz one target in a process of its own, and again where an input kills that."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    began, least = time.monotonic(), _counts(place)["executions"] + executions
    for _ in range(_RESTARTS):
        left = least - _counts(place)["executions"]
        rest = int(seconds - (time.monotonic() - began))
        if left < 200 or rest < 1:
            return
        command = [sys.executable, __file__, "--worker", name, str(place), str(left), str(rest)]
        with (place / "log").open("ab") as log:
            code = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
        if code == 0:
            return
        counts = _counts(place)
        counts["died"] += 1
        (place / "counts.json").write_text(json.dumps(counts))


def replay(name: str, corpus: Path) -> None:
    """Read all inputs of a corpus; what that reaches is measured by who calls this."""
    from fuzz.target import load_target, seeds_of, try_input

    logging.disable()
    target = load_target(name)
    inputs = seeds_of(name) + [path.read_bytes() for path in sorted(corpus.glob("*"))]
    for data in inputs:
        try_input(target, data)


def measure_coverage(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """The lines of mnistx_runtime that the inputs reach, of all targets together."""
    options = ["--parallel-mode", "--source=mnistx_runtime", f"--data-file={folder}/coverage"]
    for name in names:
        command = ["run", *options, __file__, "--replay", name, str(folder / name / "corpus")]
        subprocess.run([sys.executable, "-m", "coverage", *command], check=True, capture_output=True)
    data = f"--data-file={folder}/coverage"
    subprocess.run([sys.executable, "-m", "coverage", "combine", "-q", data], cwd=folder, check=True)
    subprocess.run(
        [sys.executable, "-m", "coverage", "json", "-q", data, f"-o{folder}/covered.json"], cwd=folder, check=True
    )
    found: dict[str, Any] = json.loads((folder / "covered.json").read_text())
    return found


def report(folder: Path, names: Sequence[str], coverage: dict[str, Any]) -> str:
    """The page."""
    lines = [
        "# Fuzzing",
        "",
        "`python benchmarks/fuzzing.py artifacts FOLDER --executions 1000000 --seconds 3600`: each target reads inputs",
        "that atheris changes, looking for new paths, until it has had as many or the seconds are over.",
        "",
        "A fault is an error that isn't mnistx's, a text of several lines, more than 5 s of a CPU, more than 1 GiB, a",
        "file left behind, or a process that died. *Mended*: inputs that showed a fault once, kept in",
        "`benchmarks/fuzz/corpus`; every test run reads them again.",
        "",
        "| target | executions | hours | inputs kept | mended | open |",
        "|---|---|---|---|---|---|",
    ]
    whole = 0
    for name in names:
        counts = _counts(folder / name)
        kept = len(list((folder / name / "corpus").glob("*")))
        mended = len(list((_ROOT / "fuzz" / "corpus" / name).glob("*")))
        whole += counts["executions"]
        lines.append(
            f"| {name} | {counts['executions']:,} | {counts['seconds'] / 3600:.2f} | {kept:,} | {mended} | "
            f"{len(counts['faults']) + counts['died']} |"
        )
    lines += ["", f"{whole:,} executions in all.", ""]
    lines += [
        "Lines of `mnistx_runtime` that these inputs reach (its command line and measuring are hardly fuzzed):",
        "",
    ]
    lines += ["| file | lines reached | of |", "|---|---|---|"]
    for path, each in sorted(coverage["files"].items()):
        inside = path.partition("mnistx_runtime/")[2]
        if inside.startswith(("artifact/", "preprocess/")) or "/" not in inside:
            summary = each["summary"]
            lines.append(f"| {inside} | {summary['percent_covered']:.0f}% | {summary['num_statements']} |")
    lines.append(f"| all | {coverage['totals']['percent_covered']:.0f}% | {coverage['totals']['num_statements']} |")
    return "\n".join(lines) + "\n"


def main(args: Sequence[str]) -> int:
    """Fuzz what is asked for, and write the page."""
    if args[0] == "--worker":
        fuzz(args[1], Path(args[2]), int(args[3]), int(args[4]))
        return 0
    if args[0] == "--replay":
        replay(args[1], Path(args[2]))
        return 0
    parser = argparse.ArgumentParser()
    parser.add_argument("artifacts", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []])
    parser.add_argument("--executions", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args(args)
    folder = asked.folder.resolve()
    if asked.executions and asked.seconds:
        with ThreadPoolExecutor(asked.processes) as pool:
            for name in asked.targets or TARGETS:
                pool.submit(supervise, name, folder, asked.executions, asked.seconds)
    names = [name for name in TARGETS if (folder / name).is_dir()]
    for name in names:
        for what, file in _counts(folder / name)["faults"].items():
            print(f"{name}: {what} ({folder / name / 'faults' / file})")
    if not asked.targets:
        page = report(folder, names, measure_coverage(folder, names))
        (asked.artifacts / "fuzzing.md").write_text(page)
    return int(any(_counts(folder / name)["faults"] or _counts(folder / name)["died"] for name in names))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
