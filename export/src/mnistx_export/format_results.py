"""What is printed of an exported artifact, as a row of a table or in full, and drawn of what changed."""

from pathlib import Path

from mnistx_export.exporter import Exported
from mnistx_export.model import Model
from mnistx_runtime.artifact.parity import Parity
from mnistx_runtime.system.files import write_whole
from mnistx_train.reporting.figures import titled
from mnistx_train.runs import CONFIG

HEADER = f"{'format':<12} {'size':>9}  {'max difference':>14}  {'changed':>13}  {'accuracy':>8}"


def format_row(found: Exported) -> str:
    """One line of the table under `HEADER`; where no test images are at hand, of the golden images."""
    beginning = f"{found.format:<12} {found.size:>9,}"
    parity = found.float32 or (found.golden and found.golden.parity)
    if not parity:
        return f"{beginning}  written, unverified: {found.unverified}"
    accuracy = "" if found.accuracy is None else f"{found.accuracy:.2%}"
    changed = f"{parity.changed} of {parity.count:,}"
    return f"{beginning}  {parity.max_abs:>14.2g}  {changed:>13}  {accuracy:>8}  {found.path.name}{_int8(found)}"


def format_lines(found: Exported) -> list[str]:
    """All that was found, of one artifact."""
    lines = [f"{found.path}: {found.format}, {found.size:,} bytes"]
    lines += [f"  {name} sha256 {digest}" for name, digest in found.sha256.items()]
    parities: list[tuple[str, Parity | None]] = [
        ("golden images", found.golden.parity if found.golden else None),
        ("its own answers again", found.golden.own if found.golden else None),
        ("PyTorch float32", found.float32),
        ("PyTorch float64", found.float64),
        ("(PyTorch 32 beside 64)", found.torch_float64),
    ]
    lines += [f"  {label:<24} {parity}" for label, parity in parities if parity]
    if found.accuracy is not None:
        lines.append(f"  test accuracy            {found.accuracy:.2%}")
    if found.unverified:
        lines.append(f"  unverified: {found.unverified}")
    if found.int8:
        lines.append(f"  beside float32          {_int8(found)}")
    lines += [f"  {c.split} image {c.index}, a {c.label}: {c.before} became {c.after}" for c in found.changed]
    return lines


def _int8(found: Exported) -> str:
    if not found.int8:
        return ""
    return (
        f" {found.int8.smaller:.2f} times as small, {found.int8.faster:.2f} times as fast, "
        f"{found.int8.drop:.2f} points lost on {found.int8.count:,} validation images"
    )


def draw_changed(folder: Path, found: Exported, model: Model) -> None:
    """Draw the images that are read otherwise than before into the run folder they come from, and only there: they are
    of the data set, which isn't the project's to give away.

    Args:
        folder: of the run; another folder gets nothing.
        found: the artifact.
        model: that it is of.
    """
    splits = {"validation": model.validation, "test": model.test}
    shown = [(change, splits[change.split]) for change in found.changed]
    if not shown or not (folder / CONFIG).is_file():
        return
    images = [split.images[change.index] for change, split in shown if split]
    titles = [f"{change.split} {change.index}\n{change.before} became {change.after}" for change, _ in shown]
    write_whole(folder / f"changed-{found.format}.png", titled(images, titles))
