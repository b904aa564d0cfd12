"""mnistx benchmark"""

import sys
from pathlib import Path
from typing import Any

import click

from mnistx_runtime.commands import allow_foreign, as_json, print_json, say


@click.command()
@click.argument("artifacts", nargs=-1, type=click.Path(path_type=Path), metavar="[ARTIFACT...]")
@click.option("--runtimes", help="Only these, by name, with commas between them.")
@click.option("--formats", help="Only these, as mnistx export names them, with commas between them.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="The most threads of each.")
@click.option("--batch", "batches", default="64,256", show_default=True, help="Batch sizes to measure throughput at.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="The folder that the data set lies in.")
@click.option("--figure", type=click.Path(path_type=Path), help="Draw latency, size and accuracy into this PNG.")
@click.option("--assert", "budgets", type=click.Path(path_type=Path), help="Exit 1 if a budget in this JSON is broken.")
@click.option("--pick", type=click.Choice(["latency", "size", "memory"]), help="Name the best one here, and its lines.")
@allow_foreign
@as_json
def benchmark(artifacts: tuple[Path, ...], as_json: bool, **asked: Any) -> None:
    """Measure every ARTIFACT under its runtime, side by side, on this machine.

    An ARTIFACT is a file that `mnistx export` wrote, or a folder of them; the bundled model without any. Each is
    measured in a process of its own, all in turn, so that a machine that drifts hurts all alike. Where the data set and
    mnistx-export are at hand, accuracy and difference are those of all test images, else of the golden images inside.
    """
    from mnistx_runtime.benchmark import tables
    from mnistx_runtime.benchmark.budgets import budgets_from
    from mnistx_runtime.benchmark.measure import Settings, measure
    from mnistx_runtime.benchmark.processor import processor
    from mnistx_runtime.benchmark.selection import images_for, leave_out_foreign, select_artifacts
    from mnistx_runtime.errors import BadInput
    from mnistx_runtime.system.files import require_own_figure, write_figure

    try:
        sizes = [int(size) for size in asked["batches"].split(",")]
    except ValueError:
        sizes = []
    if not sizes or min(sizes) < 2:
        raise BadInput(
            f"--batch takes sizes above 1 with commas between them, such as 64,256, not {asked['batches']!r}"
        )
    if asked["figure"]:
        require_own_figure(asked["figure"])
    limits = budgets_from(asked["budgets"]) if asked["budgets"] else []
    named = (asked[name].split(",") if asked[name] else None for name in ("runtimes", "formats"))
    chosen = leave_out_foreign(select_artifacts(artifacts, *named), artifacts, lambda line: say(line, err=True))
    images = images_for(chosen[0], asked["data_dir"], asked["allow_foreign"])
    rows, peak = measure(chosen, images, Settings(asked["threads"], tuple(sizes), asked["allow_foreign"]), _progress)
    machine = processor()
    for row in rows if as_json else ():
        print_json(row.to_dict() | {"sgemm_gflops": round(peak, 1), "processor": machine})
    if not as_json:
        say(*tables.tables(rows).split("\n"))
        say("", f"{machine}; SGEMM on one core: {peak:.0f} GFLOP/s; compared with PyTorch on {images.what}")
    figure, pick = asked["figure"], asked["pick"]
    if figure:
        write_figure(figure, tables.figure(rows, peak, machine))
    if pick:
        row, lines = tables.pick_row(rows, pick)
        if as_json:
            print_json({"pick": pick, "artifact": row.artifact, "runtime": row.runtime})
        else:
            say(f"least {pick}: {Path(row.artifact).name} under {row.runtime}", *lines.split("\n"))
    broken = [line for limit in limits for line in limit.violations(rows)]
    for line in broken:
        say(f"over budget: {line}", err=True)
    click.get_current_context().exit(1 if broken else 0)


def _progress(what: str) -> None:
    """On a terminal, one line that says what goes on."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{what}", err=True, nl=False)
