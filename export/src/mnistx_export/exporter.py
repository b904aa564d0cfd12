"""Writes an artifact, verifies it as it will be deployed, and only then keeps it."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from mnistx_export.c_library import add_libraries, compiler_for
from mnistx_export.formats.base import Conversion, Format, format_named, require_calibration
from mnistx_export.int8_gate import ChangedPrediction, Int8Gate, changed_predictions, measure_int8
from mnistx_export.model import Model
from mnistx_export.trial import trial_folder
from mnistx_runtime.artifact.c_folder import SUFFIX
from mnistx_runtime.artifact.c_library import FOLDER
from mnistx_runtime.artifact.c_reader import SUFFIX as READER
from mnistx_runtime.artifact.c_text import identifier
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import Files, open_artifact, seal
from mnistx_runtime.artifact.digests import sha256
from mnistx_runtime.artifact.parity import Parity, Tolerance, compare
from mnistx_runtime.artifact.verification import Verification, verify_loaded
from mnistx_runtime.backends.isolated import isolated_session
from mnistx_runtime.errors import ArtifactError, BadInput, MnistxError, VerificationFailed
from mnistx_runtime.system.files import move_files, writable_folder, write_whole
from mnistx_train.errors import first_line
from mnistx_train.evaluation.inference import evaluation_mode


@dataclass(frozen=True)
class Settings:
    """How a model is exported, beside its format.

    Args:
        opset: the ONNX operator set, 18 to 24; None for 20.
        atol: largest difference of log-probabilities that passes; None for the format's own.
        max_drop: points of accuracy on the validation images that int8 may lose, 0..100.
        target: of generated code, what it is for, see `codegen.kernels.KERNELS`.
        build: of generated C, what machines a shared library is built for, see `mnistx_runtime.artifact.c_library`.
    """

    opset: int | None = None
    atol: float | None = None
    max_drop: float = 0.05
    target: str = "speed"
    build: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exported:
    """An artifact that was written and verified.

    Args:
        path: where it lies; its companions lie beside it, inside it if it's a folder.
        format: its format's name.
        size: bytes of all its files.
        sha256: of each file, by name.
        golden: what `mnistx verify` says of it; None where nothing here runs the format.
        float32: its answers to the test images beside PyTorch's; None where there are no test images.
        float64: beside PyTorch's in float64.
        torch_float64: PyTorch's float32 answers beside its float64 ones, for scale.
        accuracy: share of the test images that the artifact reads right, 0..1.
        int8: of int8, how it compares with float32; None without images to judge by.
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
    int8: Int8Gate | None = None
    changed: tuple[ChangedPrediction, ...] = ()
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


def export(model: Model, format: str | Format, path: str | Path, settings: Settings = Settings()) -> Exported:
    """Write one artifact.

    Args:
        model: what is exported.
        format: such as "onnx"; see `mnistx export --help` for all.
        path: the file to write; it and its companions are replaced only by an artifact that passed.
        settings: the operator set and the tolerances.

    Raises:
        BadInput: the path's ending isn't the format's, a setting can't be used, the folder can't be written, or the
            format's converter can't carry the module.
        BackendUnavailable: the format can't be written or run here.
        VerificationFailed: what was written isn't the trained model, or is int8 and no better; it isn't kept.
    """
    target = format if isinstance(format, Format) else format_named(format)
    path = Path(path)
    check_target(target, path, settings)
    if target.baseline:
        require_calibration(model.calibration)
    tolerance = target.tolerance if settings.atol is None else replace(target.tolerance, atol=settings.atol)
    metadata = replace(model.metadata, requires=target.requires(settings.opset))
    writable_folder(path.parent)
    with trial_folder(path) as folder:
        trial = folder / path.name
        payload = convert(model, target, settings, path.name.removesuffix(target.suffix))
        certificate = model.certificate(tolerance)
        files = write_files(trial, target, seal(target.suffix, payload, metadata, certificate))
        try:
            if tolerance.reduced:
                certificate = _with_own_answers(certificate, trial, target)
                files = write_files(trial, target, seal(target.suffix, payload, metadata, certificate))
            if settings.build and target.suffix == SUFFIX:
                payload = add_libraries(payload, open_artifact(trial).props, settings.build)
                files = write_files(trial, target, seal(target.suffix, payload, metadata, certificate))
            found = _verify(trial, target, files, model, tolerance)
        except ArtifactError as error:
            reason = str(error).replace(f"{trial.parent}{os.sep}", "")
            raise VerificationFailed(f"{path.name} was not kept: its runtime can't run it: {reason}") from error
        if target.baseline and model.validation is not None:
            found = _judge_int8(found, model, target, settings)
        moves = [(file, path.parent / file.relative_to(folder)) for file in files]
        stale = {*path.glob(f"*{READER}.[ch]"), *path.glob(f"{FOLDER}/*/*.so")} - {kept for _, kept in moves}
        if stale:
            raise BadInput(
                f"{path} holds {min(stale).relative_to(path)} of another export: name another folder, or remove it"
            )
        for _, kept in moves:
            kept.parent.mkdir(parents=True, exist_ok=True)
        move_files(moves)
    golden = replace(found.golden, source=str(path)) if found.golden else None
    return replace(found, path=path, golden=golden)


def convert(model: Model, target: Format, settings: Settings, name: str = "model") -> Files:
    """The payload of a model in a format.

    Args:
        model: what is converted.
        target: the format.
        settings: see there.
        name: see `Conversion`.

    Raises:
        BadInput: the converter can't carry the module; the text is its reason, in one line.
    """
    try:
        with evaluation_mode(model.deployed), torch.random.fork_rng(devices=[]):
            return target.write(
                Conversion(
                    model.deployed,
                    model.spec,
                    settings.opset,
                    model.calibration,
                    name,
                    settings.target,
                    model.temperature,
                )
            )
    except MnistxError:
        raise
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        reason = f"{type(cause).__name__}: {first_line(cause)}"
        raise BadInput(f"format {target.name} can't carry this module: {reason}") from error


def write_files(path: Path, target: Format, files: Files) -> list[Path]:
    """Write an artifact's files, unverified.

    Args:
        path: of the one that is loaded; its companions lie beside it.
        target: their format.
        files: endings and contents.

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


def check_target(target: Format, path: Path, settings: Settings) -> None:
    """Told before any work: whether the file can be written at all.

    Raises:
        BadInput: the path's ending isn't the format's, a setting can't be used, or there's no folder to write to.
        BackendUnavailable: the format can't be written or run here.
    """
    target.check_opset(settings.opset)
    target.require()
    for triple in settings.build:
        compiler_for(triple)
    if not path.name.endswith(target.suffix):
        raise BadInput(f"{path}: a file of format {target.name} ends in {target.suffix}")
    if path.is_dir() and not target.folder:
        raise BadInput(f"{path} is a folder")
    own = identifier(path.name.removesuffix(target.suffix))
    others = {each.name for each in path.glob("*.c")} - {f"{own}.c", f"{own}{READER}.c"}
    if target.folder and others:
        raise BadInput(f"{path} holds {min(others)}: name another folder, or remove it")
    existing = next(folder for folder in path.absolute().parents if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise BadInput(f"can't write to {path.parent}: {existing} isn't a folder that can be written")


def _with_own_answers(certificate: Certificate, trial: Path, target: Format) -> Certificate:
    """Of reduced precision, the certificate holds what this artifact itself answers."""
    with isolated_session(open_artifact(trial), target.runtime, limits=None) as session:
        return replace(certificate, own=session.run(certificate.images))


def _verify(trial: Path, target: Format, files: Sequence[Path], model: Model, tolerance: Tolerance) -> Exported:
    """Hold an artifact to its certificate and to the test images, as it will be deployed.

    Raises:
        VerificationFailed: it isn't the trained model.
    """
    contents = {str(file.relative_to(trial.parent)): file.read_bytes() for file in files}
    found = Exported(
        path=trial,
        format=target.name,
        size=sum(map(len, contents.values())),
        sha256={name: sha256(data) for name, data in contents.items()},
        golden=None,
        unverified=target.unverified,
    )
    if target.unverified:
        return found
    artifact, reference = open_artifact(trial), model.reference
    with isolated_session(artifact, target.runtime, limits=None) as session:
        found = replace(found, golden=verify_loaded(artifact, session))
        answers = session.run(reference.test.images) if reference else None
    if reference is not None and answers is not None:
        labels = reference.test.labels
        found = replace(
            found,
            float32=compare(answers, reference.float32, tolerance),
            float64=compare(answers, reference.float64, tolerance),
            torch_float64=compare(reference.float32, reference.float64, tolerance),
            accuracy=float((answers.argmax(1) == labels).mean()),
            changed=changed_predictions("test", labels, reference.float32, answers, model.names),
        )
    if not found.passed:
        golden = found.golden
        parities = [golden and golden.parity, golden and golden.own, found.float32, found.float64]
        worst = [str(parity) for parity in parities if parity and not parity.passed]
        raise VerificationFailed(f"{trial.name} was not kept: it is not the trained model: {'; '.join(worst)}")
    return found


def _judge_int8(found: Exported, model: Model, target: Format, settings: Settings) -> Exported:
    """Hold int8 to the float32 format that it has to beat.

    Raises:
        VerificationFailed: it loses too much accuracy, or is neither smaller nor faster.
    """
    assert target.baseline and model.validation is not None
    baseline = format_named(target.baseline)
    plain = found.path.parent / "float32" / f"model{baseline.suffix}"
    certificate = model.certificate(baseline.tolerance)
    write_files(plain, baseline, seal(baseline.suffix, convert(model, baseline, settings), model.metadata, certificate))
    before = model.log_probs(model.validation.images)
    gate = measure_int8(found.path, plain, model, before)
    reason = gate.rejection_reason(settings.max_drop)
    if reason:
        raise VerificationFailed(f"{found.path.name} was not kept: {reason}")
    return replace(found, int8=gate, changed=(*found.changed, *gate.changed))
