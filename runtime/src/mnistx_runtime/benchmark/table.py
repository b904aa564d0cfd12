"""The measured rows for a person: a table, a figure, and which runtime to take."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mnistx_runtime.benchmark.libraries import LIBRARIES
from mnistx_runtime.benchmark.measure import Row
from mnistx_runtime.errors import BackendUnavailable

COLUMNS: dict[str, Callable[[Row], str]] = {
    "artifact": lambda r: Path(r.artifact).name,
    "runtime": lambda r: r.runtime,
    "file MB": lambda r: f"{r.file_bytes / 1e6:.2f}",
    "installed MB": lambda r: f"{r.installed_bytes / 1e6:.0f}",
    "import ms": lambda r: f"{r.import_ms:.0f}",
    "load ms": lambda r: f"{r.load_ms:.0f}",
    "first ms": lambda r: f"{r.first_ms:.1f}",
    "p50 us": lambda r: f"{r.p50_us:.0f}",
    "p95": lambda r: f"{r.p95_us:.0f}",
    "p99": lambda r: f"{r.p99_us:.0f}",
    "times row 1": lambda r: f"{r.beside_first:.2f} ({r.beside_first_low:.2f}-{r.beside_first_high:.2f})",
    "images/s": lambda r: ", ".join(f"{rate:,.0f} @{n}" for n, rate in r.images_per_second.items()),
    "of SGEMM": lambda r: f"{r.sgemm_share:.0%}",
    "peak MB": lambda r: f"{r.peak_mib:.0f}",
    "idle ms/s": lambda r: f"{r.idle_ms:.1f}",
    "accuracy": lambda r: "" if r.accuracy is None else f"{r.accuracy:.2%}",
    "max diff": lambda r: f"{r.max_abs:.1e}",
    "changed": lambda r: f"{r.changed} of {r.compared:,}",
}

PICKS: dict[str, Callable[[Row], float]] = {
    "latency": lambda r: r.p50_us,
    "size": lambda r: r.installed_bytes + r.file_bytes,
    "memory": lambda r: r.peak_mib,
}
"""What is least in the row that is picked."""


def table(rows: Sequence[Row]) -> str:
    """A line a row, in columns that are as wide as their widest entry."""
    lines = [list(COLUMNS), *([column(row) for column in COLUMNS.values()] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def picked(rows: Sequence[Row], by: str) -> tuple[Row, str]:
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


def figure(rows: Sequence[Row], peak: float) -> bytes:
    """Accuracy against latency against size, as a PNG.

    Args:
        rows: measured.
        peak: GFLOP/s of this machine's SGEMM.

    Raises:
        BackendUnavailable: matplotlib isn't there.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise BackendUnavailable("--figure needs matplotlib: pip install matplotlib") from error
    mpl.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.lines import Line2D
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    drawn, (left, right) = plt.subplots(1, 2, figsize=(13, 5.2), layout="constrained")
    colours = dict(zip(LIBRARIES, mpl.colormaps["tab10"].colors, strict=False))  # type: ignore[attr-defined]
    measured = [row.accuracy * 100 for row in rows if row.accuracy is not None]
    sides: tuple[tuple[Any, Callable[[Row], float], str], ...] = (
        (left, lambda r: r.p50_us, "microseconds an image, one at a time"),
        (right, lambda r: (r.installed_bytes + r.file_bytes) / 1e6, "MB of library and model on the disk"),
    )
    for axes, value, title in sides:
        for row in rows:
            y = row.changed if row.accuracy is None else row.accuracy * 100
            area = 30 + row.file_bytes / 1e6 * 120
            axes.scatter(value(row), y, area, color=colours[row.runtime], alpha=0.75, edgecolors="white")
            axes.annotate(
                Path(row.artifact).name, (value(row), y), (4, 6), textcoords="offset points", fontsize=7, rotation=55
            )
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        low, high = min(map(value, rows)), max(map(value, rows))
        axes.set_xlim(low / 1.3, high * 1.3 * (high / low) ** 0.25)
        if measured:
            axes.set_ylim(min(measured) - 0.2, max(measured) + 0.2)
        axes.set_xlabel(title)
        axes.set_ylabel("accuracy on the test images, %" if measured else "golden images whose answer changed")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    handles = [Line2D([], [], marker="o", ls="", color=colours[n], label=n) for n in {r.runtime: 0 for r in rows}]
    left.legend(handles=handles, fontsize=8, frameon=False)
    drawn.suptitle(f"every runtime on this machine (SGEMM {peak:.0f} GFLOP/s a core); a dot's area is its file's size")
    file = io.BytesIO()
    drawn.savefig(file, dpi=130)
    plt.close(drawn)
    return file.getvalue()
