"""An artifact on the disk: its payload, all that can change an answer, and the metadata sealed inside or beside it.

One table says how each kind of file keeps its metadata. Sealing again converts nothing anew.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mnistx_runtime.artifact import archive, c_folder, onnx_file, schema_1, sidecar, trailer, triton_folder, web_page
from mnistx_runtime.artifact.digests import part_digests, payload_sha256, sha256
from mnistx_runtime.artifact.metadata import DIGEST, Metadata, is_ours, props_sha256
from mnistx_runtime.artifact.sizes import require_metadata_size, require_size
from mnistx_runtime.errors import ArtifactError, VerificationFailed

if TYPE_CHECKING:
    from mnistx_runtime.artifact.certificate import Certificate

Files = dict[str, bytes]
"""Endings and contents of an artifact's files, the one that is loaded first."""

Parts = dict[str, bytes]


class Container(NamedTuple):
    """How a kind of file keeps its metadata.

    Args:
        read_props: the metadata among the files; how errors name them.
        read_parts: the payload's parts, likewise.
        write_props: the files with this metadata and no other; without it nothing else changes.
        companions: endings of the files beside the one that is loaded.
        read_pieces: the parts as pieces of the files, where they needn't be copied.
    """

    read_props: Callable[[Files, str], dict[str, str]]
    read_parts: Callable[[Files, str], Parts]
    write_props: Callable[[Files, Mapping[str, str]], Files]
    companions: tuple[str, ...] = ()
    read_pieces: Callable[[Files, str], Mapping[str, Sequence[bytes | memoryview]]] | None = None

    def digest_parts(self, files: Files, source: str) -> dict[str, str]:
        """The digest of each part of the payload."""
        if self.read_pieces is None:
            return part_digests(self.read_parts(files, source))
        return {name: sha256(*pieces) for name, pieces in sorted(self.read_pieces(files, source).items())}


def _first(files: Files) -> tuple[str, bytes]:
    return next(iter(files.items()))


def _replace_first(files: Files, data: bytes) -> Files:
    return {ending: data if at == 0 else kept for at, (ending, kept) in enumerate(files.items())}


def _sidecar_of(files: Files) -> str:
    """The ending of the JSON beside a model: .param and .xml give way to it, as those of their weights do."""
    ending = _first(files)[0].partition("/")[0]
    return f"{ending}.json" if ending == ".mlpackage" else f"{ending.rpartition('.')[0]}.json"


def _ort_props(files: Files, source: str) -> dict[str, str]:
    data = _first(files)[1]
    try:
        return trailer.split(data, source)[1]
    except ArtifactError:
        return schema_1.read_ort_props(data, source)


def _sidecar_props(files: Files, source: str) -> dict[str, str]:
    ending = _sidecar_of(files)
    if ending not in files and ".xml" in files:
        return schema_1.read_openvino_props(files[".xml"], source)
    if ending not in files:
        raise ArtifactError(f"{source}: its metadata is missing, the {ending} file beside it")
    require_metadata_size(len(files[ending]), source)
    return sidecar.parse(files[ending], source, [data for name, data in files.items() if name != ending])


def _sidecar_parts(files: Files, source: str) -> Parts:  # noqa: ARG001
    beside = _sidecar_of(files)
    payload = {ending: data for ending, data in files.items() if ending != beside}
    if not _first(files)[0].startswith(".mlpackage/"):
        return {"weights" if ending.endswith(".bin") else "graph": data for ending, data in payload.items()}
    parts: Parts = {}
    for ending, data in sorted(payload.items()):
        part = "weights" if "/weights/" in ending else "graph"
        parts[part] = parts.get(part, b"") + archive.label_content(ending, data)
    return parts


_ONNX = Container(
    lambda files, source: onnx_file.read_props(_first(files)[1], source),
    lambda files, source: onnx_file.read_parts(_first(files)[1], source),
    lambda files, props: _replace_first(files, onnx_file.write_props(_first(files)[1], props)),
    read_pieces=lambda files, source: onnx_file.read_pieces(_first(files)[1], source),
)
_ARCHIVE = Container(
    lambda files, source: archive.read_props(_first(files)[1], source),
    lambda files, source: archive.read_parts(_first(files)[1], source),
    lambda files, props: _replace_first(files, archive.add_props(_first(files)[1], props)),
)
_TRAILER = Container(
    lambda files, source: trailer.split(_first(files)[1], source)[1],
    lambda files, source: {"model": trailer.split(_first(files)[1], source)[0]},
    lambda files, props: _replace_first(files, trailer.append_props(trailer.bare(_first(files)[1]), props)),
)
_ORT = _TRAILER._replace(read_props=_ort_props, read_parts=lambda files, _: {"model": trailer.bare(_first(files)[1])})
_SIDECAR = Container(
    _sidecar_props,
    _sidecar_parts,
    lambda files, props: files | {_sidecar_of(files): sidecar.dump(props)},
    companions=(".bin", ".json"),
)

_TRITON = _ONNX._replace(read_props=triton_folder.read_props, write_props=triton_folder.write_props)

_C = Container(c_folder.read_props, c_folder.read_parts, c_folder.write_props)
_WEB = Container(web_page.read_props, web_page.read_parts, web_page.write_props)

CONTAINERS = {
    ".onnx": _ONNX,
    ".ort": _ORT,
    ".torchscript": _ARCHIVE,
    ".pt2": _ARCHIVE,
    ".xml": _SIDECAR,
    ".tflite": _TRAILER,
    ".pte": _TRAILER,
    ".param": _SIDECAR,
    ".mlpackage": _SIDECAR,
    c_folder.SUFFIX: _C,
    web_page.SUFFIX: _WEB,
    triton_folder.SUFFIX: _TRITON,
}
"""By the last ending of the file that is loaded."""

FOLDERS = (".mlpackage", c_folder.SUFFIX, triton_folder.SUFFIX)
"""Endings of artifacts that are folders."""


def is_plain_folder(path: Path) -> bool:
    """Whether a path is a folder, and no artifact that is one."""
    return path.is_dir() and path.suffix not in FOLDERS


@dataclass(frozen=True, eq=False)
class Artifact:
    """The files of an artifact, read and not yet run.

    Args:
        path: of the one that is loaded.
        files: as they are on the disk, by ending.
        allow_foreign: whether its user trusts it with operators that mnistx doesn't run unasked.
        signed: whether a key that its user trusts signed these very files.
    """

    path: Path
    files: Files
    allow_foreign: bool = False
    signed: bool = False

    @property
    def container(self) -> Container:
        """How it keeps its metadata."""
        return CONTAINERS[self.path.suffix]

    @cached_property
    def props(self) -> dict[str, str]:
        """The string properties that travel with it."""
        return self.container.read_props(self.files, str(self.path))

    @cached_property
    def parts(self) -> Parts:
        """Its payload: all that can change an answer, by what it is."""
        return self.container.read_parts(self.files, str(self.path))

    @cached_property
    def metadata(self) -> Metadata:
        """What it says of itself.

        Raises:
            ArtifactError: it says nothing, or what is damaged.
        """
        if self.path.suffix == ".onnx" and not is_ours(self.props):
            from mnistx_runtime.artifact.onnx_graph import read_graph

            obstacles = read_graph(self.files[".onnx"], str(self.path)).obstacles
            if obstacles:
                raise ArtifactError(f"{self.path} can't be run, nor sealed by mnistx: {'; '.join(obstacles)}")
        return Metadata.from_props(self.props, str(self.path))

    @cached_property
    def certificate(self) -> "Certificate":
        """Its golden images and the answers to them.

        Raises:
            ArtifactError: it has none, or a damaged one.
        """
        from mnistx_runtime.artifact.certificate import Certificate

        metadata = self.metadata
        return Certificate.from_props(self.props, metadata.input.shape, len(metadata.names), str(self.path))

    @cached_property
    def part_digests(self) -> dict[str, str]:
        """The digest of each part of the payload, as it is now."""
        return self.container.digest_parts(self.files, str(self.path))

    @property
    def is_as_exported(self) -> bool:
        """Whether the payload is the one that was sealed; True where a file of schema 1 doesn't tell."""
        sealed = self.metadata.payload_sha256
        return not sealed or sealed == payload_sha256(self.part_digests)

    @property
    def has_intact_metadata(self) -> bool:
        """Whether the metadata, certificate and all, are those that were sealed."""
        return self.props.get(DIGEST) == props_sha256(self.props)

    def require_intact(self) -> "Artifact":
        """Itself, if payload and metadata are as they were sealed.

        Raises:
            ArtifactError: it carries no metadata.
            VerificationFailed: they aren't; `verify` says which part differs.
        """
        wrong = [
            name
            for name, intact in (("model", self.is_as_exported), ("metadata", self.has_intact_metadata))
            if not intact
        ]
        if wrong:
            raise VerificationFailed(f"{self.path} is not what was exported: its {' and '.join(wrong)} changed")
        return self

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """The files as they were read, in a folder that holds nothing else, for what reads paths only; then removed.

        Returns:
            The path of the one that is loaded.
        """
        import tempfile

        with tempfile.TemporaryDirectory(prefix="mnistx-") as temporary:
            folder = Path(temporary) / self.path.stem
            for ending, data in self.files.items():
                file = folder / f"{self.path.stem}{ending}"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            yield folder / self.path.name

    def require_as_exported(self) -> "Artifact":
        """Itself, if it is as exported: for runtimes that trust what they load, and crash on what they don't expect.

        Raises:
            ArtifactError: it isn't.
        """
        if not self.is_as_exported:
            raise ArtifactError(f"{self.path} is not what was exported: its bytes changed; export it again")
        return self


def open_artifact(path: Path, allow_foreign: bool = False) -> Artifact:
    """Read an artifact's files.

    Args:
        path: of the file that is loaded.
        allow_foreign: see `Artifact`.

    Raises:
        ArtifactError: it's missing, empty or too large, no mnistx artifact has this ending, or a companion is missing.
    """
    if path.suffix not in CONTAINERS:
        raise ArtifactError(f"{path}: no artifact ends in '{path.suffix}'; known endings: {', '.join(CONTAINERS)}")
    return Artifact(path, {_ending(file, path): file.read_bytes() for file in files_of(path)}, allow_foreign)


def _ending(file: Path, path: Path) -> str:
    return file.relative_to(path.parent).as_posix().removeprefix(path.stem)


def files_of(path: Path) -> list[Path]:
    """The files of an artifact: the one that is loaded, and those that it can't do without.

    Raises:
        ArtifactError: one of them is missing or empty, or they are too large.
    """
    if path.is_dir() and path.suffix == ".mlpackage":
        inside = sorted(file for file in path.rglob("*") if file.is_file())
        if not inside:
            raise ArtifactError(f"{path} is empty")
        found = [*inside, path.with_name(f"{path.name}.json")]
    elif path.is_dir() and path.suffix == c_folder.SUFFIX:
        found = c_folder.folder_files(path)
        if not found:
            raise ArtifactError(f"{path} is empty of C and metadata")
    elif path.is_dir() and path.suffix == triton_folder.SUFFIX:
        found = triton_folder.artifact_paths(path)
    else:
        companions = CONTAINERS[path.suffix].companions if path.suffix in CONTAINERS else ()
        found = [path, *(path.with_suffix(ending) for ending in companions)]
        if path.suffix == ".xml" and not found[-1].exists() and schema_1.is_inside(path):
            del found[-1]
    for file in found:
        if not file.is_file():
            from mnistx_runtime.artifact.foreign_model import reason_against_path

            missing = f"{path}: {file.name} is missing beside it"
            raise ArtifactError(reason_against_path(path) if file == path else missing)
        if not file.stat().st_size:
            raise ArtifactError(f"{file} is empty")
    require_size(found)
    return found


def files_sha256(path: Path) -> str:
    """The digest of an artifact's file, or of a checkpoint's; of several files, that of their digests together.

    Raises:
        ArtifactError: one of them is missing or empty.
    """
    digests = [sha256(file.read_bytes()) for file in files_of(path)]
    return digests[0] if len(digests) == 1 else sha256("".join(digests).encode())


def seal(suffix: str, payload: Files, metadata: Metadata, certificate: "Certificate") -> Files:
    """Put metadata and certificate inside a payload, or beside it, in place of any that was there.

    Args:
        suffix: of the file that is loaded, such as ".onnx".
        payload: the files that a format wrote.
        metadata: what is known of the model; the payload's digests are filled in.
        certificate: of the model.

    Returns:
        The artifact's files.
    """
    container = CONTAINERS[Path(f"m{suffix}").suffix]
    bare = container.write_props(payload, {})
    digests = container.digest_parts(bare, "the model")
    digested = replace(metadata, payload_sha256=payload_sha256(digests), payload_parts=digests)
    return container.write_props(payload, sealed_props(digested, certificate))


def sealed_props(metadata: Metadata, certificate: "Certificate") -> dict[str, str]:
    """All properties of an artifact, in the order of their names, with a digest of them all."""
    import json

    from mnistx_runtime.artifact.certificate import KEY

    props = metadata.to_props() | {KEY: json.dumps(certificate.to_dict(), sort_keys=True)}
    return dict(sorted((props | {DIGEST: props_sha256(props)}).items()))
