"""`mnistx verify` where torch and the data are at hand: an artifact beside the checkpoint that it was made of."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

from mnistx_export.compare.foreign_onnx import foreign_onnx
from mnistx_export.compare.layers import Layer, compare_layers
from mnistx_export.compare.suites import Part, compare_thoroughly, trained
from mnistx_export.defaults import data_source
from mnistx_export.golden import golden_images
from mnistx_runtime.artifact.metadata import DIGEST
from mnistx_runtime.artifact.parity import ATOL
from mnistx_runtime.artifact.verification import Verification, verify
from mnistx_runtime.backends import backend, runtime_of
from mnistx_runtime.errors import BadInput
from mnistx_runtime.predictor import Predictor
from mnistx_train.checkpoint import load_checkpoint
from mnistx_train.errors import NotAtHand
from mnistx_train.files import write_whole


@dataclass(frozen=True)
class Compared:
    """What was found of one artifact.

    Args:
        source: the file.
        against: the checkpoint.
        certificate: what the artifact says of itself; None for a foreign one, which has none.
        parts: the sets of images that it was compared on.
        layers: layer by layer, where that was asked for.
        lacks: what a foreign file lacks.
        takes: which pixels a foreign file takes.
        note: what was left out, and why.
    """

    source: str
    against: str
    certificate: Verification | None
    parts: tuple[Part, ...]
    layers: tuple[Layer, ...]
    lacks: tuple[str, ...]
    takes: str
    note: str

    @property
    def passed(self) -> bool:
        """It is the trained model, wherever it was looked at."""
        own = self.certificate is None or self.certificate.passed
        return own and all(part.passed for part in self.parts) and all(layer.passed for layer in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "source": self.source,
            "against": self.against,
            "passed": self.passed,
            "certificate": self.certificate.to_dict() if self.certificate else None,
            "parts": [part.to_dict() for part in self.parts],
            "layers": [asdict(layer) for layer in self.layers],
            "lacks": list(self.lacks),
            "takes": self.takes,
            "note": self.note,
        }

    def lines(self) -> list[str]:
        """What to tell a person."""
        verdict = "is the trained model" if self.passed else "IS NOT THE TRAINED MODEL"
        lines = [f"{self.source}: {verdict}, beside {self.against}"]
        if self.certificate:
            lines += self.certificate.details()
        else:
            lines.append(f"  not written by mnistx; takes {self.takes}; lacks {'; '.join(self.lacks)}")
        for part in self.parts:
            accuracy = "" if part.accuracy is None else f", accuracy {part.accuracy:.2%}"
            broken = ("" if part.judged else ", promised nothing") if part.passed else "  <-- HERE"
            lines.append(f"  {part.name} ({part.float32.count:,}){accuracy}{broken}")
            for label, parity in (
                ("PyTorch float32", part.float32),
                ("PyTorch float64", part.float64),
                ("(PyTorch 32 beside 64)", part.torch_float64),
            ):
                lines.append(
                    f"    {label:<23} max {parity.max_abs:.2g}, mean {parity.mean_abs:.2g}, p99 {parity.p99_abs:.2g} "
                    f"(tolerance {parity.atol:.2g}), {parity.changed} changed, smallest margin {parity.min_margin:.2g}"
                )
            if part.not_finite:
                lines.append(f"    {part.not_finite} answers are NaN or infinite")
        wrong = next((layer for layer in self.layers if not layer.passed), None)
        if self.layers:
            lines += [f"  {layer.name:<12} max {layer.max_abs:.2g} of {layer.scale:.3g}" for layer in self.layers]
            lines.append(f"  first layer that differs: {wrong.name}" if wrong else "  no layer differs")
        if self.note:
            lines.append(f"  {self.note}")
        return lines


def compare_with_checkpoint(
    artifact: Path, against: Path, data_dir: Path | None, atol: float | None, layers: bool
) -> Compared:
    """Compare one artifact.

    Args:
        artifact: a file with one of the known endings; an .onnx file may be of any origin.
        against: a checkpoint, or a run folder.
        data_dir: where the published sets lie.
        atol: tolerance; None for the certificate's, or 1e-4.
        layers: compare layer by layer, too.

    Raises:
        ArtifactError, BackendUnavailable, TrainError: a file can't be read or run.
    """
    checkpoint = against / "model.safetensors" if against.is_dir() else against
    network, card = load_checkpoint(checkpoint)
    reference = trained(network, card)
    note = ""
    try:
        test = data_source(checkpoint, card, data_dir, download=False).read(False)
    except NotAtHand as error:
        if data_dir is not None:
            raise
        test, note = None, f"compared on no test images: {error}"
    if artifact.suffix == ".onnx" and DIGEST not in backend_props(artifact):
        found = foreign_onnx(artifact, card, reference.float32, golden_images())
        answer, certificate, lacks, takes = found.answer, None, found.lacks, found.takes
    else:
        certificate = verify(artifact)
        answer, lacks, takes = Predictor(artifact, runtime_of(artifact)).log_probs, (), ""
    tolerance = atol or (certificate.parity.atol if certificate else ATOL)
    reduced = certificate is not None and certificate.own is not None
    looked = compare_layers(artifact, network, card, golden_images(), tolerance) if layers else []
    parts = compare_thoroughly(answer, reference, test, tolerance, reduced)
    return Compared(str(artifact), str(checkpoint), certificate, tuple(parts), tuple(looked), lacks, takes, note)


def backend_props(path: Path) -> dict[str, str]:
    """The properties of an .onnx file, whatever its interface."""
    from mnistx_runtime.artifact.onnx_file import props_and_weights

    if not path.is_file():
        backend("ort").load(path, 1)
    return props_and_weights(path.read_bytes(), str(path))[0]


def write_report(path: Path, found: list[Compared]) -> None:
    """Write what was found as a page or as JSON, by the file's ending.

    Raises:
        BadInput: another ending.
        TrainError: it can't be written.
    """
    if path.suffix == ".json":
        write_whole(path, (json.dumps([each.to_dict() for each in found], indent=1) + "\n").encode())
        return
    if path.suffix != ".html":
        raise BadInput(f"{path}: a report ends in .html or .json")
    page = Environment(loader=PackageLoader("mnistx_export.compare", "."), autoescape=True).get_template(
        "report.html.j2"
    )
    write_whole(path, page.render(found=found).encode())


VERIFY = compare_with_checkpoint, write_report
"""What `mnistx verify --against` calls."""
