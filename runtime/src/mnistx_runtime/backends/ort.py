"""ONNX Runtime on the CPU."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.container import Artifact
from mnistx_runtime.artifact.metadata import INPUT, OUTPUT, Metadata
from mnistx_runtime.artifact.onnx_check import check_onnx
from mnistx_runtime.artifact.onnx_file import check_self_contained
from mnistx_runtime.backends import artifact_for, chunk_of
from mnistx_runtime.errors import ArtifactError, BackendUnavailable, describe_error
from mnistx_runtime.signature.trust import refuse_unsigned
from mnistx_runtime.system.memory import available_memory

if TYPE_CHECKING:
    from mnistx_runtime.artifact.certificate import Certificate


class Ort:
    """Loads .onnx and .ort files, repositories of Triton's, or a caller's own `onnxruntime.InferenceSession`."""

    def check(self) -> str | None:
        """See `Backend.check`."""
        return None if find_spec("onnxruntime") else "onnxruntime is missing: pip install onnxruntime"

    def load(self, model: Any, threads: int) -> "OrtSession":
        """See `Backend.load`; a session of the caller's own is used as it is."""
        try:
            import onnxruntime as ort
        except (ImportError, OSError) as error:
            raise BackendUnavailable(
                f"onnxruntime is installed and can't be loaded: {describe_error(error)}"
            ) from error
        if isinstance(model, ort.InferenceSession):
            refuse_unsigned("an onnxruntime.InferenceSession was loaded elsewhere")
            return OrtSession(model, threads, model.get_modelmeta().custom_metadata_map, "the session")
        artifact = artifact_for(model, "ort")
        session = load_session(model_bytes(artifact), artifact.path, artifact.allow_foreign)
        return OrtSession(session, threads, artifact.props, str(artifact.path))


def model_bytes(artifact: Artifact) -> bytes:
    """What ONNX Runtime loads of an artifact: an .onnx file as it is, an .ort file without its metadata.

    Raises:
        ArtifactError: the .ort file isn't as it was exported.
    """
    if artifact.path.suffix == ".ort":
        return artifact.require_as_exported().parts["model"]
    return next(iter(artifact.files.values()))


def load_session(data: bytes, path: Path, allow_foreign: bool = False) -> Any:
    """An `onnxruntime.InferenceSession` that computes on one thread and doesn't wait by spinning.

    What it computes with takes at most half of the memory there is, together with all other sessions made here.

    Args:
        data: of an ONNX model, or one in ONNX Runtime's own format.
        path: how errors name it; its ending says which of the two. ONNX Runtime would guess by the bytes 4 to 8, which
            in an ONNX model can lie in the metadata, that no digest covers.
        allow_foreign: see `Artifact`.

    Raises:
        ArtifactError: it can't be loaded, its weights lie in another file, or it holds what isn't run unasked.
    """
    import onnxruntime as ort

    foldable = True
    if path.suffix != ".ort" and allow_foreign:
        check_self_contained(data, str(path))
    elif path.suffix != ".ort":
        foldable = check_onnx(data, str(path))
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.load_model_format", "ORT" if path.suffix == ".ort" else "ONNX")
    if _limit_memory():
        options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        return ort.InferenceSession(
            data,
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=None if foldable else ["ConstantFolding"],
        )
    except Exception as error:
        raise ArtifactError(f"{path} can't be run: {reason_of(error)}") from error


@cache
def _limit_memory() -> bool:
    """Give ONNX Runtime an allocator for all sessions of this process that ask for it, which stops at half of the
    memory there is; whether there is one. It can be made once in a process: one that the caller made stays.
    """
    import onnxruntime as ort

    kind, where = ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, ort.OrtMemType.DEFAULT
    limits = ort.OrtArenaCfg({"max_mem": available_memory() // 2})
    try:
        ort.create_and_register_allocator(ort.OrtMemoryInfo("Cpu", kind, 0, where), limits)
    except RuntimeError:
        return False
    return True


_NOISE = (
    r"^\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ",
    r"(Load model from \S+ failed|Failed to load model( with error)?)[:.]\s*",
    r"\S+\.(cc|h):\d+ [^()]*?\(.*?\) (?=[A-Z])",  # where in its source, with the function's parameters
    r"\S+\.(cc|h):\d+ \w+ ",
)
_IR = r"Unsupported model IR version: (\d+), max supported IR version: (\d+)"
_OPSET = r"Opset (\d+) is under development.* for domain (\S+) is till opset (\d+)"
_OPERATOR = r"(\S+)\(-?\d+\) is not a registered function/op"
_MEMORY = r"Available memory of \d+ is smaller than requested bytes of (\d+)"
_WAYS_OUT = (
    (_MEMORY, "it asks for {0} bytes of memory, with what it has more than half of what there is"),
    (_IR, "it is of IR version {0}, the installed ONNX Runtime reads up to {1}: write a lower one, or update "
     "onnxruntime"),
    (_OPSET, "it is of opset {0} of {1}, the installed ONNX Runtime has up to {2}: export with a lower one, or update "
     "onnxruntime"),
    (_OPERATOR, "its operator {0} is a custom one, which ONNX Runtime doesn't have"),
    ("Protobuf parsing failed", "it is not a readable ONNX model (damaged or cut off)"),
)  # fmt: skip
"""What ONNX Runtime says, and what that means to a user."""


def reason_of(error: Exception) -> str:
    """What ONNX Runtime says is wrong, whole, without the places in its source.

    >>> reason_of(ValueError("[ONNXRuntimeError] : 1 : FAIL : Fatal error: my:Foo(-1) is not a registered function/op"))
    "its operator my:Foo is a custom one, which ONNX Runtime doesn't have"
    """
    import re

    text = " ".join(str(error).split())
    for pattern, meaning in _WAYS_OUT:
        found = re.search(pattern, text)
        if found:
            return meaning.format(*found.groups())
    for noise in _NOISE:
        text = re.sub(noise, "", text)
    return text or type(error).__name__


class OrtSession:
    """A model in ONNX Runtime: each run computes on one thread, large batches run as chunks side by side."""

    def __init__(self, session: Any, threads: int, props: dict[str, str], source: str) -> None:
        """Check the model's interface and keep the session.

        Raises:
            ArtifactError: it isn't `image` uint8 (N, channels, height, width) -> `log_probs` float32 (N, classes).
        """
        self.metadata = Metadata.from_props(props, source)
        self._session, self._threads, self._props, self._source = session, threads, props, source
        wanted = list(self.metadata.input.shape)
        interface = [(i.name, i.type, i.shape[1:]) for i in session.get_inputs()]
        outputs = [(o.name, o.type) for o in session.get_outputs()]
        batches = [i.shape[0] for i in session.get_inputs() if isinstance(i.shape[0], int)]
        self._chunk = 1 if batches else chunk_of(self.metadata.input.shape)
        fits = interface == [(INPUT, "tensor(uint8)", wanted)] and outputs == [(OUTPUT, "tensor(float)")]
        if not fits or batches not in ([], [1]):
            found = ", ".join(f"{i.name} {i.type} {i.shape}" for i in session.get_inputs())
            raise ArtifactError(
                f"{source} takes {found}; mnistx runs models that take {INPUT} tensor(uint8) "
                f"{['N', *wanted]} and give {OUTPUT}, as `mnistx export` and `mnistx seal` write them"
            )

    @property
    def certificate(self) -> "Certificate":
        """See `Session.certificate`."""
        from mnistx_runtime.artifact.certificate import Certificate

        return Certificate.from_props(self._props, self.metadata.input.shape, len(self.metadata.names), self._source)

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Session.run`."""
        if len(images) <= self._chunk:
            return self._run(images)
        chunks = [images[at : at + self._chunk] for at in range(0, len(images), self._chunk)]
        if self._threads == 1:
            return np.concatenate([self._run(chunk) for chunk in chunks])
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(self._threads) as pool:
            return np.concatenate(list(pool.map(self._run, chunks)))

    def _run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            found: NDArray[np.float32] = self._session.run([OUTPUT], {INPUT: images})[0]
        except Exception as error:
            raise ArtifactError(f"{self._source} can't be run: {reason_of(error)}") from error
        return found
