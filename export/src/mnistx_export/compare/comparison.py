"""`mnistx compare`: an artifact beside the trained module that it was made of."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

from mnistx_export.compare.foreign_onnx import foreign_onnx
from mnistx_export.compare.layers import Layer, compare_layers
from mnistx_export.compare.suites import Part, run_suites
from mnistx_export.golden import golden_images
from mnistx_export.model import Model
from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.artifact.metadata import DIGEST
from mnistx_runtime.artifact.parity import FLOAT32
from mnistx_runtime.artifact.verification import Verification, verify
from mnistx_runtime.backends import artifact_for, existing_file, runtime_of
from mnistx_runtime.errors import BadInput
from mnistx_runtime.json_text import json_text
from mnistx_runtime.predictor import Predictor
from mnistx_runtime.system.files import write_whole


@dataclass(frozen=True, eq=False)
class Reference:
    """What artifacts are held to.

    Args:
        model: the trained module.
        source: the checkpoint or spec that it came from.
    """

    model: Model
    source: str


@dataclass(frozen=True)
class Compared:
    """What was found of one artifact.

    Args:
        source: the file.
        against: the checkpoint or spec.
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
            broken = ("" if part.enforced else ", promised nothing") if part.passed else "  <-- HERE"
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


def compare_with_model(
    artifact: Path, reference: Reference, atol: float | None, layers: bool, allow_foreign: bool = False
) -> Compared:
    """Compare one artifact with the trained module.

    Args:
        artifact: a file with one of the known endings; an .onnx file may be of any origin.
        reference: the trained module.
        atol: tolerance; None for the certificate's, or 1e-4.
        layers: compare layer by layer, too.
        allow_foreign: see `mnistx_runtime.open_artifact`.

    Raises:
        ArtifactError, BackendUnavailable: a file can't be read or run.
    """
    model = reference.model
    golden = golden_images(model.spec, model.names, model.golden).images
    certificate: Verification | None = None
    lacks: tuple[str, ...] = ()
    takes = ""
    tolerance = FLOAT32
    note = "" if model.test else "compared on no test images: there are none at hand"
    if artifact.suffix == ".onnx" and DIGEST not in open_artifact(existing_file(artifact, "ort")).props:
        found = foreign_onnx(artifact, model, golden, allow_foreign)
        answer, lacks, takes, tolerance = found.answer, found.lacks, found.takes, found.tolerance
    else:
        predictor = Predictor(artifact_for(artifact, runtime_of(artifact), allow_foreign), runtime_of(artifact))
        certificate, tolerance = verify(artifact, allow_foreign=allow_foreign), predictor.certificate.tolerance
        _require_same_interface(artifact, predictor, model)
        answer = predictor.log_probs
    tolerance = tolerance if atol is None else replace(tolerance, atol=atol)
    looked = compare_layers(artifact, model, golden, tolerance.atol) if layers else []
    parts = run_suites(answer, model, tolerance)
    return Compared(str(artifact), reference.source, certificate, tuple(parts), tuple(looked), lacks, takes, note)


def _require_same_interface(artifact: Path, predictor: Predictor, model: Model) -> None:
    """Raise BadInput where an artifact takes or gives something else than the module."""
    ours, theirs = predictor.metadata, model
    for what, mine, other in (
        ("images of", ours.input.shape, theirs.spec.shape),
        ("classes", ours.names, theirs.names),
    ):
        if mine != other:
            raise BadInput(f"{artifact} knows {what} {mine}, what it is compared with {other}")


def write_report(path: Path, found: list[Compared]) -> None:
    """Write what was found as a page or as JSON, by the file's ending.

    Raises:
        BadInput: another ending, or it can't be written.
    """
    if path.suffix == ".json":
        write_whole(path, (json_text([each.to_dict() for each in found], indent=1) + "\n").encode())
        return
    if path.suffix != ".html":
        raise BadInput(f"{path}: a report ends in .html or .json")
    page = Environment(loader=PackageLoader("mnistx_export.compare", "."), autoescape=True).get_template(
        "report.html.j2"
    )
    write_whole(path, page.render(found=found).encode())
