"""A network of the user's, as a TOML file describes it: where its code, weights and pictures lie, and what it reads."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mnistx_runtime.artifact.metadata import check_names
from mnistx_runtime.errors import BadInput, describe_error
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.registry import nearest
from mnistx_runtime.system.plain_file import require_plain

TEMPLATE = """\
# What `mnistx export --spec` and `mnistx seal --spec` are told of a network. Paths are relative to this file.

network = "net.py:build"        # a file, and the function in it that gives the nn.Module
weights = "weights.safetensors" # .safetensors, or a state dict that torch.save wrote (.pt, .pth)
classes = ["cat", "dog", "owl"] # in the order of the network's outputs
output = "logits"               # what the network gives: logits, probabilities or log-probabilities

[input]
channels = 3                    # 1: grey, 3: RGB
height = 64
width = 64
mean = [0.485, 0.456, 0.406]    # of pixels scaled to 0..1, one a channel
std = [0.229, 0.224, 0.225]
preprocess = "resize"           # resize, mnist-digit, or none

[input.parameters]              # of resize, as torchvision does it
mode = "exact"                  # exact: Resize((height, width)); shorter: Resize(size), then CenterCrop
interpolation = "bilinear"

# [data]                        # to compare on, and to calibrate int8 on
# pictures = "pictures"         # one subfolder a class, or an .npz with the arrays images and labels
# golden = "giveaway"           # pictures that may travel inside every artifact, for its certificate

# [about]
# dataset = "my pictures"
# description = "Tells cats from dogs from owls"
# license = "MIT"
"""

LINES = {
    "network": 'network = "net.py:build"',
    "weights": 'weights = "weights.safetensors"',
    "classes": 'classes = ["cat", "dog", "owl"]',
    "output": 'output = "logits"',
    "input": "[input]",
    "channels": "channels = 3",
    "height": "height = 64",
    "width": "width = 64",
    "mean": "mean = [0.485, 0.456, 0.406]",
    "std": "std = [0.229, 0.224, 0.225]",
}
"""The line to write for what is missing."""

_MOST_TEXT = 1 << 20  # characters of a spec
_TOP = ("network", "weights", "classes", "output", "input", "data", "about")
_INPUT = ("channels", "height", "width", "mean", "std", "preprocess", "parameters")
_DATA = ("pictures", "golden")
_ABOUT = ("dataset", "description", "license")


@dataclass(frozen=True)
class SpecFile:
    """What a spec file says, checked as far as it can be without its network.

    Args:
        path: of the file.
        names: class names.
        output: what the network gives: "logits", "probabilities" or "log-probabilities".
        spec: of its input.
        network: "file.py:factory"; empty for a file that only describes an ONNX model.
        weights: "file"; False: the factory loads them itself.
        data: "pictures" and "golden", where they are named.
        about: "dataset", "description" and "license", where they are named.
    """

    path: Path
    names: tuple[str, ...]
    output: str
    spec: InputSpec
    network: str = ""
    weights: str | bool = ""
    data: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, name: str) -> Path:
        """The path that a name in the file means."""
        return self.path.parent / name


def read_spec(path: Path, with_network: bool = True) -> SpecFile:
    """Read a spec file.

    Args:
        path: of the TOML.
        with_network: whether it must name a network and its weights.

    Raises:
        BadInput: it can't be read, something in it is missing, unknown or out of its bounds; the text shows the line
            to write.
    """
    try:
        with require_plain(path).open(encoding="utf-8") as file:
            values = tomllib.loads(file.read(_MOST_TEXT))
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such file; `mnistx spec init {path}` writes one to fill in") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path} is no readable TOML: {describe_error(error)}") from error
    given = values.get("input", {})
    if not isinstance(given, dict):
        raise BadInput(f"{path}: [input] must be a table, not {given!r}")
    wanted = [name for name in ("network", "weights") if with_network] + ["classes", "output"]
    missing = [LINES[name] for name in wanted if name not in values]
    inside = [LINES[name] for name in ("channels", "height", "width", "mean", "std") if name not in given]
    if missing or inside:
        lines = [*missing, *(["[input]", *inside] if inside else [])]
        raise BadInput(f"{path} is not filled in yet; write, with your values: {'; '.join(lines)}")
    for table, known, where in ((values, _TOP, ""), (given, _INPUT, " in [input]")):
        _refuse_unknown(path, table, known, where)
    names = values["classes"]
    if not isinstance(names, list):
        raise BadInput(f"{path}: classes must be a list of names such as {LINES['classes']}, not {names!r}")
    try:
        check_names(tuple(names))
        spec = InputSpec(**given)
    except (ValueError, BadInput) as error:
        raise BadInput(f"{path}: {error}") from error
    return SpecFile(
        path=path,
        names=tuple(names),
        output=_text(path, values, "output"),
        spec=spec,
        network=_text(path, values, "network") if with_network else "",
        weights=values["weights"] if values.get("weights") is False else _text(path, values, "weights", ""),
        data=_texts(path, values, "data", _DATA),
        about=_texts(path, values, "about", _ABOUT),
    )


def _refuse_unknown(path: Path, table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    unknown = next((name for name in table if name not in known), None)
    if unknown is not None:
        raise BadInput(f"{path} has {unknown!r}{where}, which means nothing here; {nearest(unknown, known)}")


def _text(path: Path, values: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = values.get(name, default)
    if not isinstance(value, str):
        raise BadInput(f"{path}: {name} must be a text, not {value!r}")
    return value


def _texts(path: Path, values: Mapping[str, Any], name: str, known: tuple[str, ...]) -> dict[str, str]:
    table = values.get(name, {})
    if not isinstance(table, dict):
        raise BadInput(f"{path}: [{name}] must be a table, not {table!r}")
    _refuse_unknown(path, table, known, f" in [{name}]")
    return {key: _text(path, table, key) for key in table}
