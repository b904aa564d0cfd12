"""Writes an artifact, verifies it as it will be deployed, and only then keeps it."""

import hashlib
import math
import os
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mnistx_export.defaults import data_source
from mnistx_export.deployed import deployed_module
from mnistx_export.describe import metadata
from mnistx_export.formats import Files, Format, Options, Tolerance, format_named
from mnistx_export.golden import DRAWN
from mnistx_export.int8_gate import Changed, Worth, changed, worth
from mnistx_runtime.artifact.metadata import Metadata, weights_sha256
from mnistx_runtime.artifact.onnx_file import props_and_weights
from mnistx_runtime.artifact.parity import Parity, compare
from mnistx_runtime.artifact.verification import Verification, verify
from mnistx_runtime.backends import backend
from mnistx_runtime.errors import BadInput, VerificationFailed
from mnistx_runtime.predictor import Predictor
from mnistx_train.checkpoint import Card
from mnistx_train.datasets import Split, TrainingData, training_data
from mnistx_train.errors import NotAtHand, TrainError
from mnistx_train.files import writable_folder, write_whole
from mnistx_train.inference import log_probs

MAX_DROP = 0.05
"""Points of accuracy on the validation images that int8 may lose."""


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


def references(
    checkpoint: Path, network: nn.Module, card: Card, data_dir: Path | None, with_training: bool
) -> tuple[TrainingData | None, Reference | None]:
    """What there is to calibrate on, and to compare with; None where the data set isn't at hand.

    Args:
        checkpoint: the file.
        network: of that file.
        card: of that file.
        data_dir: see `data_source`.
        with_training: whether the training images are needed.

    Raises:
        TrainError: the data is damaged, or `data_dir` was named and doesn't hold it.
    """
    try:
        origin = data_source(checkpoint, card, data_dir, download=False)
        test = origin.read(False)
    except NotAtHand as error:
        if data_dir is not None:
            raise
        click.echo(f"verified on golden images only: {error}", err=True)
        return None, None
    return training_data(origin) if with_training else None, reference(network, card, test)


@dataclass(frozen=True)
class Exported:
    """An artifact that was written and verified.

    Args:
        path: where it lies; its companions lie beside it, inside it if it's a folder.
        format: its format's name.
        size: bytes of all its files.
        sha256: of each file, by name.
        golden: what `mnistx verify` says of it; None where nothing here runs the format.
        float32: its answers to the test images beside PyTorch's; None where the test images aren't at hand.
        float64: beside PyTorch's in float64.
        torch_float64: PyTorch's float32 answers beside its float64 ones, for scale.
        accuracy: share of the test images that the artifact reads right, 0..1.
        worth: of int8, what it is beside float32.
        changed: predictions that differ from PyTorch's, on the test images and, of int8, the validation images.
        unverified: why nothing was compared.
    """

    path: Path
    format: str
    size: int
    sha256: dict[str, str]
    golden: Verification | None
    float32: Parity | None = None
    float64: Parity | None = None
    torch_float64: Parity | None = None
    accuracy: float | None = None
    worth: Worth | None = None
    changed: tuple[Changed, ...] = ()
    unverified: str = ""

    @property
    def passed(self) -> bool:
        """Nothing was found that isn't the trained model's."""
        return all(found is None or found.passed for found in (self.golden, self.float32, self.float64))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        values = asdict(self) | {
            "path": str(self.path),
            "passed": self.passed,
            "golden": self.golden.to_dict() if self.golden else None,
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
    atol: float | None = None,
    options: Options | None = None,
    against: Reference | None = None,
    max_drop: float = MAX_DROP,
) -> Exported:
    """Write one artifact.

    Args:
        network: trained.
        card: what is known of it.
        target: the format.
        path: the file to write; it and its companions are replaced only by an artifact that passed.
        atol: largest difference of log-probabilities that passes; None for the format's own.
        options: what the format is given beside the network.
        against: PyTorch's answers to the test images, to compare with; without it only the golden images are.
        max_drop: points of accuracy on the validation images that int8 may lose, 0..100.

    Raises:
        BadInput: the path's ending isn't the format's, or an option can't be used.
        BackendUnavailable: the format can't be written or run here.
        TrainError: the folder can't be written.
        VerificationFailed: what was written isn't the trained model, or is int8 and no better; it isn't kept.
    """
    options = options or Options()
    check_target(target, path, options)
    if target.beats and options.training is None:
        raise BadInput(f"format {target.name} is calibrated on training images, which aren't at hand: see --data-dir")
    tolerance = target.tolerance if atol is None else replace(target.tolerance, atol=atol)
    described = metadata(network, card, tolerance.atol)
    module = deployed_module(network, card.mean, card.std)
    writable_folder(path.parent)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        trial = Path(folder) / path.name
        files = write_files(target, trial, target.write(module, described.to_props(), options))
        if tolerance.own_atol is not None:
            described = _with_own_answers(described, trial, target, tolerance)
            files = write_files(target, trial, target.write(module, described.to_props(), options))
        found = _verified(trial, files, target, tolerance, against)
        if not found.passed:
            parities = [
                found.golden and found.golden.parity,
                found.golden and found.golden.own,
                found.float32,
                found.float64,
            ]
            worst = [str(parity) for parity in parities if parity and not parity.passed]
            raise VerificationFailed(f"{path} was not kept: it is not the trained model: {'; '.join(worst)}")
        if target.beats and options.training:
            plain = Path(folder) / "float32" / f"model{target.suffix}"
            beaten = format_named(target.beats)
            write_files(beaten, plain, beaten.write(module, described.to_props(), Options(options.opset)))
            validation = options.training.validation
            before = log_probs(network, validation.images, card.mean, card.std)
            measured = worth(trial, plain, validation, before, card.names)
            objection = measured.objection(max_drop)
            if objection:
                raise VerificationFailed(f"{path} was not kept: {objection}")
            found = replace(found, worth=measured, changed=(*found.changed, *measured.changed))
        for file in reversed(files):
            kept = path.parent / file.relative_to(folder)
            kept.parent.mkdir(parents=True, exist_ok=True)
            file.replace(kept)
    golden = replace(found.golden, source=str(path)) if found.golden else None
    return replace(found, path=path, golden=golden)


def write_files(target: Format, path: Path, files: Files) -> list[Path]:
    """Write an artifact's files, unverified.

    Args:
        target: their format.
        path: of the one that is loaded; its companions lie beside it.
        files: what the format's `write` gave.

    Returns:
        The files' paths, the one that is loaded first.
    """
    stem = path.name.removesuffix(target.suffix)
    paths = []
    for ending, data in files.items():
        paths.append(path.with_name(stem + ending.partition("/")[0]) / ending.partition("/")[2])
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        write_whole(paths[-1], data)
    return paths


def _with_own_answers(described: Metadata, trial: Path, target: Format, tolerance: Tolerance) -> Metadata:
    """The metadata of reduced precision: its certificate holds what this artifact itself answers and stores."""
    assert tolerance.own_atol is not None
    certificate = described.certificate
    _, weights = props_and_weights(trial.read_bytes(), str(trial)) if trial.suffix == ".onnx" else ({}, {})
    own = replace(
        certificate,
        changed=_allowed(tolerance, DRAWN),
        drawn=DRAWN,
        own=backend(target.runtime).load(trial, 1).run(certificate.images),
        own_atol=tolerance.own_atol,
        own_weights=weights_sha256(weights) if weights else "",
    )
    return replace(described, certificate=own)


def _allowed(tolerance: Tolerance, count: int) -> int:
    return math.ceil(tolerance.changed * count)


def check_target(target: Format, path: Path, options: Options) -> None:
    """Told before any work: whether the file can be written at all.

    Raises:
        BadInput: the path's ending isn't the format's, or an option can't be used.
        BackendUnavailable: the format can't be written or run here.
        TrainError: there's no folder to write to.
    """
    target.check(options)
    target.available()
    if not path.name.endswith(target.suffix):
        raise BadInput(f"{path}: a file of format {target.name} ends in {target.suffix}")
    if path.is_dir() and not target.folder:
        raise BadInput(f"{path} is a folder")
    existing = next(folder for folder in path.absolute().parents if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise TrainError(f"can't write to {path.parent}: {existing} isn't a folder that can be written")


def _verified(
    path: Path, files: list[Path], target: Format, tolerance: Tolerance, against: Reference | None
) -> Exported:
    contents = {str(file.relative_to(path.parent)): file.read_bytes() for file in files}
    found = Exported(
        path=path,
        format=target.name,
        size=sum(map(len, contents.values())),
        sha256={name: hashlib.sha256(data).hexdigest() for name, data in contents.items()},
        golden=None if target.unverified else verify(path),
        unverified=target.unverified,
    )
    if against is None or target.unverified:
        return found
    predictor = Predictor(path, target.runtime)
    answers, labels = predictor.log_probs(against.test.images), against.test.labels
    allowed = _allowed(tolerance, len(labels))
    return replace(
        found,
        float32=compare(answers, against.float32, tolerance.atol, allowed),
        float64=compare(answers, against.float64, tolerance.atol, allowed),
        torch_float64=compare(against.float32, against.float64, tolerance.atol),
        accuracy=float((answers.argmax(1) == labels).mean()),
        changed=changed("test", labels, against.float32, answers, predictor.metadata.names),
    )
