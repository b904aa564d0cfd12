"""The contract of every exported model: its interface, and the metadata inside it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any

from mnistx_runtime.artifact.digests import sha256
from mnistx_runtime.errors import ArtifactError, BadInput, describe_error
from mnistx_runtime.input_spec import InputSpec

INPUT = "image"  # uint8 (N, channels, height, width), 0..255, RGB
OUTPUT = "log_probs"  # float32 (N, classes)
SCHEMA = 2
DIGEST = "metadata_sha256"
CLASSES = range(2, 1001)

MODULE = "module"  # the certificate's answers are those of the PyTorch module
ITSELF = "itself"  # they are the file's own under ONNX Runtime, when it was sealed


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What travels inside an artifact, one string property a field, each the JSON of its value.

    Args:
        names: the class names, in the order of the output's columns, 2 to 1,000.
        input: what it takes, and what makes that of a picture.
        description: one sentence.
        toolkit_version: the version of mnistx that exported it.
        dataset: the name of the data set that the model was trained on; empty where nobody said.
        weights_sha256: `weights_sha256` of the trained parameters; empty where they are unknown.
        payload_sha256: `payload_sha256` of all that can change an answer; empty in a file of schema 1.
        payload_parts: the digest of each part of the payload, by which `verify` tells what differs.
        reference: whose answers the certificate holds: "module" or "itself".
        test_accuracy: share of the test images read right, 0..1; None where nobody measured it.
        flops: floating-point operations of one image, a multiply-add counted as two; 0 where unknown.
        temperature: above 0; what log-probabilities are divided by before they are normalized again and given as
            probabilities, so that these are as often right as they say (Guo and others 2017).
        license: the model's licence, an SPDX identifier; empty where nobody said.
        requires: the oldest runtime that reads such a file, as pip takes it: "onnxruntime>=1.17"; empty where that is
            unknown.
        schema_version: of these fields.
        task: "classify".

    Raises:
        BadInput: a field isn't of its type, or out of its bounds.
    """

    names: tuple[str, ...]
    input: InputSpec
    description: str
    toolkit_version: str
    dataset: str = ""
    weights_sha256: str = ""
    payload_sha256: str = ""
    payload_parts: Mapping[str, str] = field(default_factory=dict)
    reference: str = MODULE
    test_accuracy: float | None = None
    flops: int = 0
    temperature: float = 1.0
    license: str = ""
    requires: str = ""
    schema_version: int = SCHEMA
    task: str = "classify"

    def __post_init__(self) -> None:
        """Check every field."""
        try:
            self._check()
        except ValueError as error:
            raise BadInput(f"no metadata of a model: {error}") from error

    def _check(self) -> None:
        if not isinstance(self.names, tuple) or not isinstance(self.input, InputSpec):
            raise ValueError("names must be a tuple and input an InputSpec")
        check_names(self.names)
        texts = ("description", "toolkit_version", "dataset", "weights_sha256", "payload_sha256", "license", "task")
        for name in (*texts, "reference", "requires"):
            _check_text(name, getattr(self, name))
        for name in ("temperature", "flops", "test_accuracy"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise ValueError(f"{name} is no number")
        if not 0 < self.temperature < 1e6:
            raise ValueError(f"temperature {self.temperature!r:.60}")
        if not (0 <= self.flops < 1e18 and isfinite(self.flops)):
            raise ValueError(f"flops {self.flops!r:.60}")
        if self.test_accuracy is not None and not 0 <= self.test_accuracy <= 1:
            raise ValueError(f"test_accuracy {self.test_accuracy!r:.60}")
        if not isinstance(self.payload_parts, Mapping):
            raise ValueError("payload_parts is no table")
        if self.task != "classify":
            raise ValueError(f"made for {self.task}")

    def to_props(self) -> dict[str, str]:
        """The fields as string properties; `seal` adds the certificate and a digest of them all."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        values |= {"input": self.input.to_dict(), "payload_parts": dict(self.payload_parts)}
        return {name: json.dumps(value, sort_keys=True) for name, value in values.items()}

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        values |= {"names": list(self.names), "input": self.input.to_dict()}
        return values | {"payload_parts": dict(self.payload_parts)}

    @classmethod
    def from_props(cls, props: Mapping[str, str], source: str = "the model") -> "Metadata":
        """Read the string properties of an artifact, of this schema or of schema 1.

        Args:
            props: as they travel in an artifact; unknown names are ignored, so that other tools may add their own.
            source: how errors name the artifact.

        Raises:
            ArtifactError: the properties are missing, damaged or of a newer schema.
        """
        if not is_ours(props):
            raise ArtifactError(
                f"{source} carries no mnistx metadata; `mnistx export` writes models that do, "
                "and `mnistx seal` adds it to an .onnx file"
            )
        try:
            values = {f.name: json.loads(props[f.name]) for f in fields(cls) if f.name in props}
            schema = values["schema_version"]
            if type(schema) is not int or schema < 1:
                raise ValueError(f"schema {schema!r:.60}")
            if schema > SCHEMA:
                raise ArtifactError(
                    f"{source} has metadata of schema {schema!r:.60}, this mnistx reads up to {SCHEMA}; "
                    "update mnistx-runtime"
                )
            values["input"] = InputSpec.from_dict(values["input"] if schema > 1 else _input_of_schema_1(props))
            if not isinstance(values["names"], list):
                raise ValueError("names is no list")
            return cls(**values | {"names": tuple(values["names"])})
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError, BadInput) as error:
            if isinstance(error, BadInput) and "update mnistx-runtime" in str(error):
                raise ArtifactError(f"{source} was {error}") from error
            raise ArtifactError(
                f"{source} carries damaged mnistx metadata ({describe_error(error)}); export it again"
            ) from error


def is_ours(props: Mapping[str, str]) -> bool:
    """Whether the properties of a file are metadata of mnistx."""
    return "schema_version" in props


def check_names(names: tuple[str, ...]) -> None:
    """Raise ValueError where class names aren't 2 to 1,000 different texts."""
    wrong = [name for name in names if not isinstance(name, str) or not name.strip()]
    if wrong:
        raise ValueError(f"a class name must be a text that isn't empty, not {wrong[0]!r}")
    _check_text("a class name", "".join(names))
    if len(names) not in CLASSES:
        raise ValueError(f"{len(names)} classes; a classifier has {CLASSES[0]} to {CLASSES[-1]:,}")
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise ValueError(f"two classes are called {twice!r}")


def _check_text(what: str, text: object) -> None:
    """Raise ValueError where it's no text, or holds half a character (a lone surrogate), which nothing can print."""
    if not isinstance(text, str):
        raise ValueError(f"{what} is no text")
    text.encode()


def props_sha256(props: Mapping[str, str]) -> str:
    """A digest of the properties that are an artifact's metadata; those of other tools, and itself, don't count."""
    known = sorted((_known(props) | {"certificate"}) & props.keys())
    return sha256("".join(f"{name} {props[name]}\n" for name in known).encode())


_SCHEMA_1 = frozenset({"mean", "std", "preprocess_version", "imgsz", "channels"})


def _known(props: Mapping[str, str]) -> set[str]:
    """The names of the fields; of schema 1, those that were fields then, too."""
    fields_now = {each.name for each in fields(Metadata)}
    return fields_now | _SCHEMA_1 if props.get("schema_version") == "1" else fields_now


def _input_of_schema_1(props: Mapping[str, str]) -> dict[str, Any]:
    """What schema 1 said of the input: always MNIST's."""
    height, width = json.loads(props["imgsz"])
    digits = set(json.loads(props["names"])) <= set("0123456789")
    return {
        "channels": json.loads(props["channels"]),
        "height": height,
        "width": width,
        "mean": json.loads(props["mean"]),
        "std": json.loads(props["std"]),
        "preprocess": "mnist-digit",
        "parameters": {} if digits else {"reject": False},
        "preprocess_version": json.loads(props["preprocess_version"]),
    }
