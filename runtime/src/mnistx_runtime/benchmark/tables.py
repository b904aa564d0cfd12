"""The measured rows for a person: a table, a figure, and which runtime to take."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mnistx_runtime.benchmark.libraries import LIBRARIES
from mnistx_runtime.benchmark.measure import Row
from mnistx_runtime.errors import BackendUnavailable

_Columns = dict[str, Callable[[Row], str]]

TABLES: dict[str, _Columns] = {
    "speed": {
        "p50 us": lambda r: f"{r.p50_us:.0f}",
        "p95": lambda r: f"{r.p95_us:.0f}",
        "p99": lambda r: f"{r.p99_us:.0f}",
        "times row 1": lambda r: f"{r.beside_first:.2f} ({r.beside_first_low:.2f}-{r.beside_first_high:.2f})",
        "ours us": lambda r: "" if r.overhead_us is None else f"{r.overhead_us:.1f} ({r.overhead_share:.0%})",
        "images/s": lambda r: ", ".join(f"{rate:,.0f} @{n}" for n, rate in r.images_per_second.items()),
        "of SGEMM": lambda r: "" if r.sgemm_share is None else f"{r.sgemm_share:.0%}",
    },
    "size and start": {
        "file MB": lambda r: f"{r.file_bytes / 1e6:.2f}",
        "installed MB": lambda r: f"{r.installed_bytes / 1e6:.0f}",
        "import ms": lambda r: f"{r.import_ms:.0f}",
        "load ms": lambda r: f"{r.load_ms:.0f}",
        "first ms": lambda r: f"{r.first_ms:.1f}",
        "peak MB": lambda r: f"{r.peak_mib:.0f}",
        "idle ms/s": lambda r: f"{r.idle_ms:.1f}",
    },
    "still the trained model": {
        "accuracy": lambda r: "" if r.accuracy is None else f"{r.accuracy:.2%}",
        "max diff": lambda r: f"{r.max_abs:.1e}",
        "changed": lambda r: f"{r.changed} of {r.compared:,}",
    },
}
"""What is told of a row, in tables that a terminal has room for. "ours us": what mnistx adds to a bare session.run."""

PICKS: dict[str, Callable[[Row], float]] = {
    "latency": lambda r: r.p50_us,
    "size": lambda r: r.installed_bytes + r.file_bytes,
    "memory": lambda r: r.peak_mib,
}
"""What is least in the row that is picked."""


def tables(rows: Sequence[Row]) -> str:
    """All of `TABLES`, a line a row, in columns that are as wide as their widest entry."""
    return "\n\n".join(_table(title, columns, rows) for title, columns in TABLES.items())


def _table(title: str, columns: _Columns, rows: Sequence[Row]) -> str:
    lines = [[title, "runtime", *columns]]
    lines += [[Path(row.artifact).name, row.runtime, *(column(row) for column in columns.values())] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def pick_row(rows: Sequence[Row], by: str) -> tuple[Row, str]:
    """The row that costs least among those that change no more predictions than one in a thousand.

    Args:
        rows: measured.
        by: a key of `PICKS`.

    Returns:
        The row, and the lines that use it.
    """
    same = [row for row in rows if row.changed * 1000 <= row.compared] or list(rows)
    best = min(same, key=PICKS[by])
    return best, (
        f"pip install {LIBRARIES[best.runtime].distribution}\n"
        f"mnistx predict PICTURE --model {best.artifact} --runtime {best.runtime}\n"
        f"Predictor({best.artifact!r}, runtime={best.runtime!r})"
    )


def figure(rows: Sequence[Row], peak: float, machine: str) -> bytes:
    """Latency, size and accuracy of each artifact, the quickest on top, as a PNG.

    Args:
        rows: measured.
        peak: GFLOP/s of this machine's SGEMM.
        machine: its processor.

    Raises:
        BackendUnavailable: matplotlib isn't there.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise BackendUnavailable("--figure needs matplotlib: pip install matplotlib") from error
    mpl.use("agg")
    from matplotlib import pyplot as plt

    rows = sorted(rows, key=lambda row: -row.p50_us)
    at = range(len(rows))
    drawn, (time, size, same) = plt.subplots(
        1, 3, figsize=(13, 1.6 + 0.36 * len(rows)), layout="constrained", sharey=True, width_ratios=(3, 2, 2)
    )
    palette = dict(zip(LIBRARIES, mpl.colormaps["tab10"].colors, strict=False))  # type: ignore[attr-defined]
    colours = [palette[row.runtime] for row in rows]
    _dots(time, [row.p50_us for row in rows], colours, "{:.0f}")
    time.hlines(at, [row.p50_us for row in rows], [row.p99_us for row in rows], colours, linewidth=2, alpha=0.5)
    time.set_yticks(at, [f"{Path(row.artifact).name}  ({row.runtime})" for row in rows])
    time.set_title("microseconds an image, one at a time: median, line to p99")
    disk = [(row.installed_bytes + row.file_bytes) / 1e6 for row in rows]
    _dots(size, disk, colours, "{:.0f}")
    size.set_title("MB on the disk, library and model")
    measured = [row.accuracy for row in rows if row.accuracy is not None]
    if len(measured) == len(rows):
        _dots(same, [accuracy * 100 for accuracy in measured], colours, "{:.2f}")
        same.set_title("% of the test images read right")
        same.set_xlim(min(measured) * 100 - 0.2, max(measured) * 100 + 0.2)
    else:
        _dots(same, [float(row.changed) for row in rows], colours, "{:.0f}")
        same.set_title("predictions that aren't the trained model's")
    for axes in (time, size):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    for axes in (time, size, same):
        axes.margins(x=0.2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", alpha=0.25)
        axes.title.set_fontsize(10)
    drawn.suptitle(f"{machine}, SGEMM {peak:.0f} GFLOP/s a core, one thread", fontsize=11)
    file = io.BytesIO()
    drawn.savefig(file, dpi=130)
    plt.close(drawn)
    return file.getvalue()


def _dots(axes: Any, values: Sequence[float], colours: Sequence[Any], told: str) -> None:
    """A dot a row, with its number above."""
    axes.scatter(values, range(len(values)), 45, c=colours, zorder=3)
    for y, value in enumerate(values):
        axes.annotate(told.format(value), (value, y), (0, 5), textcoords="offset points", fontsize=7.5, ha="center")
