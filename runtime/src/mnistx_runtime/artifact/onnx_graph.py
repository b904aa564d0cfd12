"""What an .onnx file of any origin is: its interface, its versions and its operators, read without running anything.

The field numbers are those of onnx.proto3.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mnistx_runtime.artifact.onnx_file import external_files, read_fields

RELEASES = (
    ("1.15", 18, 9),
    ("1.16", 19, 9),
    ("1.17", 20, 9),
    ("1.18", 21, 10),
    ("1.21", 22, 10),
    ("1.23", 23, 11),
    ("1.24", 25, 13),
    ("1.25", 26, 13),
    ("1.32", 28, 14),
)
"""Releases of ONNX Runtime, each with the highest opset of ai.onnx and the highest IR version that it reads, wherever
one of them rises; older ones weren't tried. `benchmarks/oldest_onnxruntime.py` tries them all."""

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview.training", "com.microsoft", "com.microsoft.nchwc"})
"""Those whose operators ONNX Runtime has."""

TYPES = (
    *("undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16"),
    *("float64", "uint32", "uint64", "complex64", "complex128", "bfloat16"),
)
"""The names of TensorProto.DataType, by number."""

_KINDS = {4: "sequence", 5: "map", 8: "sparse tensor", 9: "optional"}  # of a TypeProto's other fields


@dataclass(frozen=True)
class Value:
    """An input or an output.

    Args:
        name: as the graph gives it.
        type: of its numbers, such as "float32"; or "sequence", "map", "optional".
        shape: sizes, or names where they are free; "?" where a size has no name. Empty where nothing is said.
    """

    name: str
    type: str
    shape: tuple[int | str, ...]

    def __str__(self) -> str:
        """Such as "image uint8 [batch, 1, 28, 28]"."""
        shape = f" [{', '.join(map(str, self.shape))}]" if self.shape else ""
        return f"{self.name} {self.type}{shape}"


@dataclass(frozen=True)
class OnnxGraph:
    """What a file says of itself.

    Args:
        producer: the program that wrote it, and its version.
        ir_version: of the file format.
        opsets: the version of each domain of operators; "" is ai.onnx.
        inputs: what has to be given: weights that are listed as inputs are left out.
        outputs: what it gives.
        operators: how many there are of each, subgraphs and functions included; of other domains with the domain.
        files: other files in which its weights lie.
        foreign: operators of domains that ONNX Runtime doesn't have, and that no function in the file defines.
    """

    producer: str
    ir_version: int
    opsets: Mapping[str, int]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    operators: Mapping[str, int]
    files: tuple[str, ...]
    foreign: tuple[str, ...]

    @property
    def requires(self) -> str:
        """The oldest ONNX Runtime that reads it; see `required_runtime`."""
        return required_runtime(self.opsets.get("", 0), self.ir_version)

    @property
    def obstacles(self) -> list[str]:
        """What keeps it from being run here, as far as that is seen without running it."""
        found = []
        if self.foreign:
            found.append(f"it needs custom operators, which ONNX Runtime doesn't have: {', '.join(self.foreign)}")
        here = installed_onnxruntime()
        opset = self.opsets.get("", 0)
        oldest = _oldest(opset, self.ir_version)
        if here and (_numbers(here) < _numbers(oldest) if oldest else _numbers(here) <= _numbers(RELEASES[-1][0])):
            versions = f"of opset {opset} and IR version {self.ir_version}"
            found.append(f"{versions}, it needs {self.requires}, and {here} is here")
        return found

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        values = asdict(self) | {"opsets": {name or "ai.onnx": number for name, number in self.opsets.items()}}
        for name in ("inputs", "outputs"):
            values[name] = [str(value) for value in getattr(self, name)]
        values |= {"files": list(self.files), "requires": self.requires, "obstacles": self.obstacles}
        return {name: value for name, value in values.items() if name != "foreign"}


def required_runtime(opset: int, ir_version: int, least: str = RELEASES[0][0]) -> str:
    """The oldest ONNX Runtime that was found to read such a file, as pip takes it.

    Args:
        opset: of ai.onnx.
        ir_version: of the file.
        least: a release in the table, where older ones lack something else.

    >>> required_runtime(20, 9), required_runtime(20, 10), required_runtime(99, 9)
    ('onnxruntime>=1.17', 'onnxruntime>=1.18', 'onnxruntime>1.32')
    """
    oldest = _oldest(opset, ir_version, least)
    return f"onnxruntime>={oldest}" if oldest else f"onnxruntime>{RELEASES[-1][0]}"


def _oldest(opset: int, ir_version: int, least: str = RELEASES[0][0]) -> str | None:
    fitting = (name for name, most, ir in RELEASES if opset <= most and ir_version <= ir)
    return next((name for name in fitting if _numbers(name) >= _numbers(least)), None)


def installed_onnxruntime() -> str | None:
    """The version of the installed ONNX Runtime; None where it goes by another name."""
    try:
        return version("onnxruntime")
    except PackageNotFoundError:
        return None


def read_graph(data: bytes, source: str) -> OnnxGraph:
    """Describe a model.

    Args:
        data: of an .onnx file.
        source: how errors name it.

    Raises:
        ArtifactError: the bytes are no ONNX model, or are cut off.
    """
    ir_version = 0
    texts: dict[int, str] = {}
    opsets: dict[str, int] = {}
    operators: Counter[tuple[str, str]] = Counter()
    own: set[tuple[str, str]] = set()
    inputs: list[Value] = []
    outputs: list[Value] = []
    weights: set[str] = set()
    for field, number, content, _ in read_fields(data, source):
        if field == 1:
            ir_version = number
        elif field in (2, 3):
            texts[field] = _text(content)
        elif field == 8:
            opset = _scalars(content, source)
            found = opset.get(2, 0)
            opsets[_domain(opset.get(1, ""))] = found if isinstance(found, int) else 0
        elif field == 7:
            operators.update(_operators(content, 1, source))
            for inner, _, message, _ in read_fields(content, source):
                if inner == 5:
                    weights.add(str(_scalars(message, source, (8,)).get(8, "")))
                elif inner in (11, 12):
                    (inputs if inner == 11 else outputs).append(_value(message, source))
        elif field == 25:
            operators.update(_operators(content, 7, source))
            function = _scalars(content, source, (1, 10))
            own.add((str(function.get(10, "")), str(function.get(1, ""))))
    named = Counter[str]()
    for (domain, operator), count in operators.items():
        named[_qualified(domain, operator)] += count
    foreign = sorted(_qualified(*each) for each in operators if each[0] not in DOMAINS and each not in own)
    return OnnxGraph(
        producer=" ".join(texts[field] for field in sorted(texts) if texts[field]),
        ir_version=ir_version,
        opsets=opsets,
        inputs=tuple(value for value in inputs if value.name not in weights),
        outputs=tuple(outputs),
        operators=dict(named.most_common()),
        files=tuple(dict.fromkeys(external_files(data, source))),
        foreign=tuple(foreign),
    )


def _operators(graph: memoryview, nodes: int, source: str) -> Iterator[tuple[str, str]]:
    """Domain and name of each node of a graph, or of a function, whose nodes are another field; subgraphs included."""
    waiting = [(graph, nodes)]
    while waiting:
        holder, wanted = waiting.pop()
        for number, _, node, _ in read_fields(holder, source):
            if number != wanted:
                continue
            found = _scalars(node, source, (4, 7))
            yield _domain(found.get(7, "")), str(found.get(4, ""))
            for part, _, attribute, _ in read_fields(node, source):
                inner = read_fields(attribute, source) if part == 5 else ()
                waiting += [(subgraph, 1) for field, _, subgraph, _ in inner if field in (6, 11)]


def _domain(name: object) -> str:
    return "" if name == "ai.onnx" else str(name)


def _value(message: memoryview, source: str) -> Value:
    name, kind, shape = "", "undefined", list[int | str]()
    for field, _, content, _ in read_fields(message, source):
        if field == 1:
            name = _text(content)
        for inner, _, tensor, _ in read_fields(content, source) if field == 2 else ():
            kind = _KINDS.get(inner, kind)
            for part, number, sizes, _ in read_fields(tensor, source) if inner == 1 else ():
                if part == 1:
                    kind = TYPES[number] if number < len(TYPES) else f"type {number}"
                elif part == 2:
                    dims = [_scalars(dim, source) for each, _, dim, _ in read_fields(sizes, source) if each == 1]
                    shape = [dim.get(1, dim.get(2, "?")) for dim in dims]
    return Value(name, kind, tuple(shape))


def _scalars(message: memoryview, source: str, wanted: tuple[int, ...] = (1, 2)) -> dict[int, int | str]:
    """The fields of a message that are numbers or texts."""
    found: dict[int, int | str] = {}
    for field, number, content, whole in read_fields(message, source):
        if field in wanted:
            found[field] = number if whole[0] & 7 == 0 else _text(content)  # wire type 0: a varint
    return found


def _text(content: memoryview) -> str:
    return bytes(content).decode(errors="replace")


def _qualified(domain: str, operator: str) -> str:
    return f"{domain}:{operator}" if domain else operator


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split(".")[:2] if part.isdigit())
