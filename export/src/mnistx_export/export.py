"""Writes an artifact, verifies it as it will be deployed, and only then keeps it."""

import hashlib
import os
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mnistx_export.deployed import deployed_module
from mnistx_export.describe import metadata
from mnistx_export.formats import Format, Options
from mnistx_runtime.backends import runtime_of
from mnistx_runtime.errors import BadInput, VerificationFailed
from mnistx_runtime.parity import Parity, compare
from mnistx_runtime.predictor import Predictor
from mnistx_runtime.verification import Verification, verify
from mnistx_train.checkpoint import Card
from mnistx_train.datasets import Split
from mnistx_train.errors import TrainError
from mnistx_train.files import writable_folder, write_whole
from mnistx_train.inference import log_probs


@dataclass(frozen=True, eq=False)
class Reference:
    """The trained module's answers to the test images.

    Args:
        test: the images and labels.
        float32: PyTorch's answers, `(N, classes)`.
        float64: the same computed in float64: the truth that float32 rounds.
    """

    test: Split
    float32: NDArray[np.floating]
    float64: NDArray[np.floating]


def reference(network: nn.Module, card: Card, test: Split) -> Reference:
    """Answer the test images with PyTorch, twice."""
    answers = [log_probs(network, test.images, card.mean, card.std, t) for t in (torch.float32, torch.float64)]
    return Reference(test, *answers)


@dataclass(frozen=True)
class Exported:
    """An artifact that was written and verified.

    Args:
        path: where it lies.
        format: its format's name.
        size: bytes.
        sha256: of the file.
        golden: what `mnistx verify` says of it.
        float32: its answers to the test images beside PyTorch's; None where the test images aren't at hand.
        float64: beside PyTorch's in float64.
        torch_float64: PyTorch's float32 answers beside its float64 ones, for scale.
        accuracy: share of the test images that the artifact reads right, 0..1.
    """

    path: Path
    format: str
    size: int
    sha256: str
    golden: Verification
    float32: Parity | None = None
    float64: Parity | None = None
    torch_float64: Parity | None = None
    accuracy: float | None = None

    @property
    def passed(self) -> bool:
        """It is the trained model."""
        return self.golden.passed and all(p is None or p.passed for p in (self.float32, self.float64))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        values = asdict(self) | {
            "path": str(self.path),
            "passed": self.passed,
            "golden": self.golden.to_dict(),
        }
        values["verified_on"] = self.float32.count if self.float32 else 0
        for name in ("float32", "float64", "torch_float64"):
            parity: Parity | None = getattr(self, name)
            values[name] = parity.to_dict() if parity else None
        return values


def export(
    network: nn.Sequential,
    card: Card,
    target: Format,
    path: Path,
    atol: float,
    options: Options | None = None,
    against: Reference | None = None,
) -> Exported:
    """Write one artifact.

    Args:
        network: trained.
        card: what is known of it.
        target: the format.
        path: the file to write; replaced only by an artifact that passed.
        atol: largest difference of log-probabilities that passes.
        options: what the user chose about the format.
        against: PyTorch's answers to the test images, to compare with; without it only the golden images are.

    Raises:
        BadInput: the path's ending isn't the format's, or an option can't be used.
        TrainError: the folder can't be written.
        VerificationFailed: what was written isn't the trained model; it isn't kept.
    """
    options = options or Options()
    check_target(target, path, options)
    props = metadata(network, card, atol).to_props()
    data = target.write(deployed_module(network, card.mean, card.std), props, options)
    writable_folder(path.parent)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        trial = Path(folder) / path.name
        write_whole(trial, data)
        found = _verified(trial, target.name, atol, against)
        if not found.passed:
            worst = [str(p) for p in (found.golden.parity, found.float32, found.float64) if p and not p.passed]
            raise VerificationFailed(f"{path} was not kept: it is not the trained model: {'; '.join(worst)}")
        trial.replace(path)
    return replace(found, path=path, golden=replace(found.golden, source=str(path)))


def check_target(target: Format, path: Path, options: Options) -> None:
    """Told before any work: whether the file can be written at all.

    Raises:
        BadInput: the path's ending isn't the format's, or an option can't be used.
        TrainError: there's no folder to write to.
    """
    target.check(options)
    if path.suffix != target.suffix:
        raise BadInput(f"{path}: a file of format {target.name} ends in {target.suffix}")
    if path.is_dir():
        raise BadInput(f"{path} is a folder")
    existing = next(folder for folder in path.absolute().parents if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise TrainError(f"can't write to {path.parent}: {existing} isn't a folder that can be written")


def _verified(path: Path, format_name: str, atol: float, against: Reference | None) -> Exported:
    data = path.read_bytes()
    common: dict[str, Any] = {
        "path": path,
        "format": format_name,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "golden": verify(path),
    }
    if against is None:
        return Exported(**common)
    answers = Predictor(path, runtime_of(path)).log_probs(against.test.images)
    return Exported(
        **common,
        float32=compare(answers, against.float32, atol),
        float64=compare(answers, against.float64, atol),
        torch_float64=compare(against.float32, against.float64, atol),
        accuracy=float((answers.argmax(1) == against.test.labels).mean()),
    )
