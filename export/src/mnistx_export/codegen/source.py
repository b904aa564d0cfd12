"""The files of a network in C: names, constants, functions and the calls, put into the templates."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mnistx_export import __version__
from mnistx_export.codegen.kernels import choose_kernel
from mnistx_export.codegen.network import Constant, Kernel, Layer, Network
from mnistx_export.codegen.passes import simplify
from mnistx_export.codegen.templating import environment
from mnistx_export.codegen.workspace import Workspace, plan
from mnistx_runtime.artifact.c_text import array, fill

_TEMPLATES = {
    "{name}.h": "model.h",
    "{name}.c": "model.c",
    "CMakeLists.txt": "CMakeLists.txt",
    "example/main.c": "main.c",
    "examples/serial/serial.ino": "serial.ino",
    "library.properties": "library.properties",
    "library.json": "library.json",
    "README.md": "README.md",
}
"""Files and their templates."""


@dataclass(frozen=True)
class _Call:
    """A layer as it is called."""

    title: str
    function: str
    arguments: str


def c_files(network: Network, name: str, target: str) -> dict[str, bytes]:
    """All files but those that sealing adds.

    Args:
        network: as it was read.
        name: an identifier of C, with which everything begins that other files see.
        target: one of `KERNELS`.

    Returns:
        Paths in the folder, and contents.
    """
    network = simplify(network, target)
    kernels = [choose_kernel(layer, target) for layer in network.layers]
    space = plan(network, kernels)
    functions = _named_functions(kernels)
    channels, height, width = network.image.shape
    constants = list(_constants(network, kernels))
    helpers = _helpers(kernels)
    values = {
        "name": name,
        "upper": name.upper(),
        "target": target,
        "version": __version__,
        "channels": channels,
        "height": height,
        "width": width,
        "classes": network.layers[-1].output.size,
        "workspace_bytes": space.bytes,
        "constants": [array(label, each.values) for label, each in constants],
        "constant_bytes": sum(each.values.nbytes for _, each in constants),
        "helpers": [fill(text, upper=name.upper()) for text in helpers],
        "functions": [text for _, text in functions],
        "calls": _calls(network, kernels, space, [label for label, _ in functions]),
        "tensors": _tensors(network, space),
        "math": any(
            word in text for text in (*helpers, *(kernel.text for kernel in kernels)) for word in ("expf", "logf")
        ),
    }
    values["functions"] = [text for text in dict.fromkeys(text for _, text in functions) if text]
    return {
        path.format(name=name): environment().get_template(template).render(values).encode()
        for path, template in _TEMPLATES.items()
    }


def _named_functions(kernels: Iterable[Kernel]) -> list[tuple[str, str]]:
    """Of each kernel, the name and the text of its function; the same text gets the same name."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    found = []
    for kernel in kernels:
        if kernel.text not in names:
            counts[kernel.name] = counts.get(kernel.name, 0) + 1
            count = counts[kernel.name]
            names[kernel.text] = kernel.name if count == 1 else f"{kernel.name}_{count}"
        name = names[kernel.text]
        found.append((name, fill(kernel.text, name=name, name_at=f"{name}_at") if kernel.text else ""))
    return found


def _constants(network: Network, kernels: Iterable[Kernel]) -> Iterator[tuple[str, Constant]]:
    for layer, kernel in zip(network.layers, kernels, strict=True):
        for each in kernel.constants:
            yield f"{layer.output.name}_{each.name}", each


def _helpers(kernels: Iterable[Kernel]) -> list[str]:
    """The helpers that the kernels' texts, or other helpers of them, mention."""
    known = {name: text for kernel in kernels for name, text in kernel.helpers.items()}
    found: set[str] = set()
    texts = [kernel.text for kernel in kernels]
    while texts:
        words = set(re.findall(r"\w+", texts.pop()))
        found |= (mentioned := words & known.keys() - found)
        texts += [known[name] for name in mentioned]
    return [text for name, text in known.items() if name in found]


def _calls(network: Network, kernels: list[Kernel], space: Workspace, names: list[str]) -> list[_Call]:
    calls = []
    for layer, kernel, function in zip(network.layers, kernels, names, strict=True):
        if not kernel.text:
            continue
        output = layer.output.name
        arguments = [
            *(_variable(network, space, each.name) for each in layer.inputs),
            *(f"{output}_{each.name}" for each in kernel.constants),
            _variable(network, space, output),
            *([f"bytes + {space.scratch[output]}"] if kernel.scratch else []),
        ]
        calls.append(_Call(_title(layer), function, ", ".join(arguments)))
    return calls


def _variable(network: Network, space: Workspace, tensor: str) -> str:
    """What a tensor is called in the function that calls the layers."""
    name, answer = (space.same.get(each, each) for each in (tensor, network.layers[-1].output.name))
    return {network.image.name: "image", answer: "log_probs"}.get(name, f"{name}_out")


def _title(layer: Layer) -> str:
    shapes = ", ".join("x".join(map(str, each.shape)) for each in layer.inputs)
    return f"{layer.name}: {shapes} to {'x'.join(map(str, layer.output.shape))}"


def _tensors(network: Network, space: Workspace) -> list[tuple[str, str, int]]:
    """Types, names and offsets of the tensors in the workspace."""
    outputs = {layer.output.name: layer.output for layer in network.layers}
    return [(outputs[name].type, _variable(network, space, name), offset) for name, offset in space.offsets.items()]
