"""Which library is behind each runtime, and how much room it takes."""

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution


@dataclass(frozen=True)
class Library:
    """What a runtime brings with it.

    Args:
        module: what is imported.
        distribution: what is installed.
    """

    module: str
    distribution: str


_TORCH = Library("torch", "torch")
LIBRARIES = {
    "ort": Library("onnxruntime", "onnxruntime"),
    "torchscript": _TORCH,
    "pt2": _TORCH,
    "torch": _TORCH,
    "openvino": Library("openvino", "openvino"),
    "litert": Library("ai_edge_litert.interpreter", "ai-edge-litert"),
    "executorch": Library("executorch.runtime", "executorch"),
    "ncnn": Library("ncnn", "ncnn"),
    "web": Library("wasmtime", "wasmtime"),
    "c": Library("ctypes", "ziglang"),  # Python's own, and a compiler for where there is none
}


def installed_bytes(name: str) -> int:
    """What a distribution takes on the disk with all that it needs, extras left out.

    Args:
        name: of the distribution; one that isn't there counts nothing.
    """
    waiting, seen, total = [name], set[str](), 0
    while waiting:
        key = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if key in seen:
            continue
        seen.add(key)
        try:
            found = distribution(key)
        except PackageNotFoundError:
            continue
        for file in found.files or ():
            path = found.locate_file(file)
            total += path.stat().st_size if path.is_file() else 0  # type: ignore[attr-defined]
        for needed in found.requires or ():
            wanted, _, condition = needed.partition(";")
            if "extra" not in condition:
                waiting.append(re.split(r"[^A-Za-z0-9._-]", wanted.strip(), maxsplit=1)[0])
    return total
