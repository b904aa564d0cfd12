"""The contract of every exported model: its interface, the metadata inside it, and the parity certificate."""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.errors import ArtifactError

INPUT = "image"  # uint8 (N, 1, 28, 28), 0..255, bright ink on black
OUTPUT = "log_probs"  # float32 (N, classes)
SIDE = 28
SCHEMA = 1
DIGEST = "metadata_sha256"
PREPROCESS = 2  # version of the function that makes the 28x28 image; raise it when its answers change


@dataclass(frozen=True, eq=False)
class Certificate:
    """What a device needs to check itself without torch.

    Args:
        images: golden images, uint8 `(G, 1, 28, 28)`, drawn by mnistx itself.
        log_probs: the trained module's answers to them, computed in float64 and rounded to float32 `(G, classes)`.
        atol: the largest absolute difference of log-probabilities that still counts as the same model.
        changed: how many golden images it may read otherwise than the trained module; 0 but for reduced precision.
        drawn: how many of the images, the first ones, are digits: of reduced precision, the tolerance is for these, as
            what no one draws lies far outside the ranges it was calibrated to. 0: the tolerance is for all images.
        own: of reduced precision, whose tolerance is too wide to show a changed weight: this very artifact's answers
            to the golden images when it was verified on all test images `(G, classes)`.
        own_atol: how far it may be from `own` on another machine.
        own_weights: `weights_sha256` of its parameters as it stores them, where they can be read; else empty.
    """

    images: NDArray[np.uint8]
    log_probs: NDArray[np.float32]
    atol: float
    changed: int = 0
    drawn: int = 0
    own: NDArray[np.float32] | None = None
    own_atol: float = 0.0
    own_weights: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The certificate as JSON-ready values, arrays as base64 of their little-endian bytes, the images deflated."""
        values = {
            "atol": self.atol,
            "count": len(self.images),
            "images_zlib": base64.b64encode(zlib.compress(self.images.tobytes(), 9)).decode(),
            "log_probs": _encoded(self.log_probs),
        }
        if self.own is not None:
            values |= {"changed": self.changed, "drawn": self.drawn, "own": _encoded(self.own)}
            values |= {"own_atol": self.own_atol, "own_weights": self.own_weights}
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Certificate":
        """The inverse of `to_dict`.

        Raises:
            KeyError, ValueError, TypeError: the values are not a certificate's.
        """
        count = int(values["count"])
        if count < 1:
            raise ValueError("no golden image")
        if "images_zlib" in values:
            decoder = zlib.decompressobj()
            pixels = decoder.decompress(base64.b64decode(values["images_zlib"]), count * SIDE * SIDE)
        else:
            pixels = base64.b64decode(values["images"])
        images = np.frombuffer(pixels, np.uint8).copy()
        return cls(
            images.reshape(count, 1, SIDE, SIDE),
            _decoded(values["log_probs"], count),
            float(values["atol"]),
            int(values.get("changed", 0)),
            int(values.get("drawn", 0)),
            _decoded(values["own"], count) if "own" in values else None,
            float(values.get("own_atol", 0)),
            str(values.get("own_weights", "")),
        )


def _encoded(answers: NDArray[np.float32]) -> str:
    return base64.b64encode(answers.astype("<f4").tobytes()).decode()


def _decoded(text: str, count: int) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float32).reshape(count, -1)


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What travels inside an artifact, one string property a field, each the JSON of its value.

    Args:
        names: the class names, in the order of the output's columns.
        mean: mean of the training pixels, 0..1; the artifact subtracts it after dividing by 255.
        std: their standard deviation, 0..1; the artifact divides by it.
        dataset: the name of the data set that the model was trained on.
        weights_sha256: `weights_sha256` of the trained parameters.
        test_accuracy: share of the test images read right, 0..1.
        certificate: golden images and the trained module's answers to them.
        description: one sentence.
        toolkit_version: the version of mnistx that exported it.
        license: the model's licence, an SPDX identifier.
        temperature: above 0; what log-probabilities are divided by before they are normalized again and given as
            probabilities, so that these are as often right as they say (Guo and others 2017).
        schema_version: of these fields.
        preprocess_version: of the function that makes the 28x28 image from a picture.
        imgsz: height and width of the input in pixels.
        channels: 1, grey.
        task: "classify".
    """

    names: tuple[str, ...]
    mean: float
    std: float
    dataset: str
    weights_sha256: str
    test_accuracy: float
    certificate: Certificate
    description: str
    toolkit_version: str
    license: str = "MIT"
    temperature: float = 1.0
    schema_version: int = SCHEMA
    preprocess_version: int = PREPROCESS
    imgsz: tuple[int, int] = (SIDE, SIDE)
    channels: int = 1
    task: str = "classify"

    def check(self) -> None:
        """Raise ValueError where the fields don't fit this runtime or each other."""
        if (self.imgsz, self.channels, self.task) != ((SIDE, SIDE), 1, "classify"):
            raise ValueError(f"made for {self.task}, {self.imgsz}, {self.channels} channels")
        own = self.certificate.own
        if own is not None and own.shape != self.certificate.log_probs.shape:
            raise ValueError("answers that don't fit each other")
        if len(self.names) != self.certificate.log_probs.shape[1]:
            raise ValueError(f"{len(self.names)} names for {self.certificate.log_probs.shape[1]} classes")
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"temperature {self.temperature}")
        if self.preprocess_version > PREPROCESS:
            raise ValueError(
                f"made for pictures as preprocess {self.preprocess_version} gives them; update mnistx-runtime"
            )

    def to_props(self) -> dict[str, str]:
        """The fields as string properties, in the order of their names, with a digest of them all."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["certificate"] = self.certificate.to_dict()
        props = {name: json.dumps(value, sort_keys=True) for name, value in values.items()}
        return dict(sorted((props | {DIGEST: props_sha256(props)}).items()))

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values, the certificate by its size and tolerance only."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "certificate"}
        values |= {"names": list(self.names), "imgsz": list(self.imgsz)}
        return values | {"certificate": {"images": len(self.certificate.images), "atol": self.certificate.atol}}

    @classmethod
    def from_props(cls, props: Mapping[str, str], source: str = "the model") -> "Metadata":
        """Read the string properties of an artifact.

        Args:
            props: as `to_props` wrote them; unknown names are ignored, so that other tools may add their own.
            source: how errors name the artifact.

        Raises:
            ArtifactError: the properties are missing, damaged or of a newer schema.
        """
        if "schema_version" not in props:
            raise ArtifactError(f"{source} carries no mnistx metadata; `mnistx export` writes models that do")
        try:
            values = {f.name: json.loads(props[f.name]) for f in fields(cls) if f.name in props}
            if values["schema_version"] > SCHEMA:
                raise ArtifactError(
                    f"{source} has metadata of schema {values['schema_version']}, this mnistx reads up to {SCHEMA}; "
                    "update mnistx-runtime"
                )
            values |= {"names": tuple(values["names"]), "imgsz": tuple(values["imgsz"])}
            values["certificate"] = Certificate.from_dict(values["certificate"])
            found = cls(**values)
            found.check()
            return found
        except (KeyError, ValueError, TypeError, AttributeError, binascii.Error, zlib.error) as error:
            raise ArtifactError(f"{source} carries damaged mnistx metadata ({error}); export it again") from error


def props_sha256(props: Mapping[str, str]) -> str:
    """A digest of the properties that are an artifact's metadata; those of other tools, and itself, don't count."""
    known = sorted({field.name for field in fields(Metadata)} & props.keys())
    return _sha256("".join(f"{name} {props[name]}\n" for name in known).encode())


def weights_sha256(weights: Mapping[str, NDArray[Any]]) -> str:
    """A digest of named parameters that doesn't depend on the file format that holds them.

    Args:
        weights: parameters by name, such as `{"conv1.weight": array}`.

    Returns:
        sha256 over each tensor's name, type, shape and little-endian bytes, in the order of the names.

    >>> weights_sha256({"a": np.zeros(2, np.float32)})[:8]
    'd783eb36'
    """
    parts = []
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name])
        array = array.astype(array.dtype.newbyteorder("<"))
        parts += [f"{name} {array.dtype.name} {list(array.shape)}\n".encode(), array.tobytes()]
    return _sha256(b"".join(parts))


def _sha256(data: bytes) -> str:
    import hashlib  # loads OpenSSL, which predicting doesn't need

    return hashlib.sha256(data).hexdigest()
