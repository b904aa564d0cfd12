"""The string properties that travel in an artifact: metadata and certificate. An input has one a line, name=value."""

from fuzz.model_files import CERTIFICATE
from fuzz.model_files import METADATA as SEED
from fuzz.target import Target
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import sealed_props
from mnistx_runtime.artifact.metadata import Metadata, props_sha256
from mnistx_runtime.bundled import BUNDLED


def props_from(data: bytes) -> dict[str, str]:
    """The properties that an input stands for."""
    lines = data.decode(errors="replace").split("\n")
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def _to_input(props: dict[str, str]) -> bytes:
    return "\n".join(f"{name}={value}" for name, value in props.items()).encode()


def _read(data: bytes) -> None:
    props = props_from(data)
    props_sha256(props)
    metadata = Metadata.from_props(props)
    assert Metadata.from_props(metadata.to_props()) == metadata
    certificate = Certificate.from_props(props, metadata.input.shape, len(metadata.names))
    assert certificate.images.nbytes < 1 << 28
    certificate.to_dict()


def seeds() -> list[bytes]:
    """Metadata of either schema, the bundled model's among them."""
    from mnistx_runtime.artifact.container import open_artifact

    bundled = open_artifact(BUNDLED).props
    first = bundled | {
        "schema_version": "1",
        "mean": "0.1307",
        "std": "0.3081",
        "imgsz": "[28, 28]",
        "channels": "1",
        "preprocess_version": "2",
    }
    short = {name: text for name, text in bundled.items() if name != "certificate"}
    return [_to_input(props) for props in (sealed_props(SEED, CERTIFICATE), short, first)]


METADATA = Target(seeds, _read)
