"""What is measured, and on which images."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mnistx_runtime.artifact import web_page
from mnistx_runtime.artifact.container import CONTAINERS, is_plain_folder, open_artifact
from mnistx_runtime.artifact.metadata import Metadata
from mnistx_runtime.backends import BACKENDS, SUFFIXES, backend, format_of, runtime_of, trusted_model
from mnistx_runtime.benchmark.evaluation_set import EvaluationSet
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.errors import BackendUnavailable, BadInput, MnistxError
from mnistx_runtime.predictor import Predictor

RELEASED = Path("artifacts/mnist-cnn.safetensors")


def select_artifacts(
    artifacts: Sequence[Path], runtimes: Sequence[str] | None, formats: Sequence[str] | None
) -> list[tuple[Path, str]]:
    """The artifacts and their runtimes.

    Args:
        artifacts: files, or folders of them; none for the bundled model.
        runtimes: those to keep; None for all. In a folder, what can't run here is left out.
        formats: those to keep, see `format_of`; None for all.

    Raises:
        ArtifactError: a file has no runtime.
        BackendUnavailable: a file that was named can't be run here.
        BadInput: nothing is left, or there's no such runtime, or no file of such a format.
    """
    unknown = [name for name in runtimes or () if name not in BACKENDS]
    if unknown:
        raise BadInput(f"no runtime {unknown[0]!r}; known: {', '.join(BACKENDS)}")
    found: list[tuple[Path, str]] = []
    for path in artifacts or (BUNDLED,):
        if is_plain_folder(path):
            found += [(file, SUFFIXES[file.suffix]) for file in sorted(path.iterdir(), key=_in_order) if _runs(file)]
        else:
            backend(runtime_of(path), path)
            found.append((path, runtime_of(path)))
    there = {path: format_of(path) for path, _ in found}
    absent = [name for name in formats or () if name not in there.values()]
    if absent:
        raise BadInput(f"no artifact of format {absent[0]!r}; there are {', '.join(sorted(set(there.values())))}")
    kept = [(path, runtime) for path, runtime in found if runtimes is None or runtime in runtimes]
    kept = [(path, runtime) for path, runtime in kept if formats is None or there[path] in formats]
    if not kept:
        raise BadInput("no artifact is left to measure; name files that mnistx export wrote")
    return kept


def _in_order(file: Path) -> tuple[int, int, str]:
    """As `SUFFIXES` lists them, float32 before what is derived from it: the first is what the others are beside."""
    known = list(SUFFIXES)
    return known.index(file.suffix) if file.suffix in known else len(known), len(file.name), file.name


def _runs(file: Path) -> bool:
    if file.suffix not in SUFFIXES or (file.suffix == web_page.SUFFIX and not web_page.is_page(file)):
        return False
    try:
        backend(SUFFIXES[file.suffix], file)
    except BackendUnavailable:
        return False
    return True


def leave_out_foreign(
    chosen: Sequence[tuple[Path, str]], artifacts: Sequence[Path], report: Callable[[str], None]
) -> list[tuple[Path, str]]:
    """Those that are artifacts or checkpoints of mnistx's; what lies beside them in a folder may be anything.

    Args:
        chosen: as `select_artifacts` gives them.
        artifacts: what was named, see `select_artifacts`; a file that was named itself is kept, to be complained of.
        report: told of each file that is left out, and why.

    Raises:
        BadInput: nothing is left.
    """
    kept = []
    for path, runtime in chosen:
        try:
            if path not in (*artifacts, BUNDLED):
                _read_metadata(path)
            kept.append((path, runtime))
        except (MnistxError, OSError) as error:
            report(f"left out: {' '.join(str(error).split())}")
    if not kept:
        raise BadInput("no artifact is left to measure; name files that mnistx export wrote")
    return kept


def _read_metadata(file: Path) -> Metadata:
    """What an artifact or a checkpoint says of itself."""
    if file.suffix in CONTAINERS:
        return open_artifact(file).metadata
    return backend(SUFFIXES[file.suffix]).load(file, 1).metadata


def images_for(artifact: tuple[Path, str], data_dir: Path | None, allow_foreign: bool = False) -> EvaluationSet:
    """The test images with the trained module's answers, where the checkpoint and mnistx-export are at hand; else the
    golden images.

    Args:
        artifact: the first that is measured, and its runtime.
        data_dir: where the data set lies.
        allow_foreign: see `Artifact`.

    Raises:
        BadInput: the data that was named can't be used.
    """
    session = Predictor(trusted_model(*artifact, allow_foreign), artifact[1])
    checkpoint = _checkpoint_of(artifact[0], session.metadata)
    found: EvaluationSet | None = checkpoint.test_set(data_dir) if checkpoint else None
    if found:
        return found
    if data_dir is not None:
        raise BadInput("--data-dir needs mnistx-export and the checkpoint of the artifact beside it")
    golden = session.certificate
    return EvaluationSet(golden.images, golden.log_probs, None, f"{len(golden.images)} golden images")


def _checkpoint_of(artifact: Path, metadata: Metadata) -> Any:
    """The trained model behind an artifact, loaded: its folder is searched, then the released one is looked at."""
    try:
        torch = backend("torch")
    except BackendUnavailable:
        return None
    for path in (*sorted(artifact.parent.glob("*.safetensors")), RELEASED):
        try:
            session: Any = torch.load(path, 1)
        except (MnistxError, OSError):
            continue
        if session.metadata.weights_sha256 == metadata.weights_sha256:
            return session
    return None
