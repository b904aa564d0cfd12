"""Writes the measures of a model as numbers, as figures and as a page."""

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

from mnistx_runtime.system.files import writable_folder, write_whole
from mnistx_train.datasets.base import Split
from mnistx_train.evaluation.metrics import Metrics
from mnistx_train.training.loop import Epoch


@dataclass(frozen=True)
class Report:
    """What is to be reported.

    Args:
        title: the page's heading.
        subtitle: one sentence under it.
        names: class names.
        metrics: of the test images.
        history: the epochs, where there were any.
    """

    title: str
    subtitle: str
    names: tuple[str, ...]
    metrics: Metrics
    history: tuple[Epoch, ...] = ()


def write_report(folder: Path, report: Report, test: Split) -> None:
    """Write metrics.json, the figures as PNG files, and report.html, a page that needs none of the others.

    Args:
        folder: made if need be.
        report: what to write.
        test: the images that were measured on, for the figure of the misread ones.

    Raises:
        BadInput: the folder can't be written.
    """
    from mnistx_train.reporting import figures  # matplotlib takes half a second, which training needn't wait for

    writable_folder(folder)
    names, metrics, history = report.names, report.metrics, report.history
    pictures = {
        "per_class": figures.per_class(metrics, names),
        "confusion": figures.confusion(metrics, names),
        "calibration": figures.calibration(metrics),
    }
    if metrics.wrong:
        pictures["misclassified"] = figures.misclassified(metrics, test.images, names)
    if history:
        pictures["curves"] = figures.curves(history)
    for name, png in pictures.items():
        write_whole(folder / f"{name}.png", png)
    page = Environment(loader=PackageLoader("mnistx_train.reporting", "."), autoescape=True).get_template(
        "report.html.j2"
    )
    html = page.render(
        title=report.title,
        subtitle=report.subtitle,
        names=names,
        m=metrics,
        history=history,
        classes=_class_rows(metrics, names),
        figures={name: f"data:image/png;base64,{base64.b64encode(png).decode()}" for name, png in pictures.items()},
    )
    write_whole(folder / "report.html", html.encode())
    values = {"names": list(names), "test": metrics.to_dict(), "epochs": [asdict(epoch) for epoch in history]}
    write_whole(folder / "metrics.json", (json.dumps(values, indent=1) + "\n").encode())


def _class_rows(metrics: Metrics, names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "images": sum(metrics.confusion[i]),
            "accuracy": metrics.per_class_accuracy[i],
            "answers": sum(row[i] for row in metrics.confusion),
        }
        for i, name in enumerate(names)
    ]
