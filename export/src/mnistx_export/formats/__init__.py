"""The formats: one table, and one file each that turns the module to deploy into files."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from torch import nn

from mnistx_runtime.backends import SUFFIXES, backend
from mnistx_runtime.errors import BackendUnavailable, BadInput
from mnistx_runtime.registry import look_up
from mnistx_train.datasets import TrainingData

FORMATS = {
    "onnx": "mnistx_export.formats.onnx:ONNX",
    "onnx-fp16": "mnistx_export.formats.onnx_fp16:ONNX_FP16",
    "onnx-int8": "mnistx_export.formats.onnx_int8:ONNX_INT8",
    "ort": "mnistx_export.formats.ort:ORT",
    "torchscript": "mnistx_export.formats.torchscript:TORCHSCRIPT",
    "pt2": "mnistx_export.formats.pt2:PT2",
    "openvino": "mnistx_export.formats.openvino:OPENVINO",
    "litert": "mnistx_export.formats.litert:LITERT",
    "litert-int8": "mnistx_export.formats.litert_int8:LITERT_INT8",
    "executorch": "mnistx_export.formats.executorch:EXECUTORCH",
    "ncnn": "mnistx_export.formats.ncnn:NCNN",
    "coreml": "mnistx_export.formats.coreml:COREML",
}

DEFAULT_OPSET = 20

Files = dict[str, bytes]
"""What a format writes: endings and contents, the file that is loaded first, its companions after it."""


@dataclass(frozen=True, eq=False)
class Options:
    """What the formats can be given beside the module.

    Args:
        opset: the ONNX operator set; None where the user named none.
        training: what int8 measures its ranges on, and what it is judged by; None where it isn't at hand.
    """

    opset: int | None = None
    training: TrainingData | None = None


@dataclass(frozen=True)
class Tolerance:
    """What a format promises.

    Args:
        atol: largest absolute difference of log-probabilities from PyTorch.
        changed: share of predictions that may differ from PyTorch's, 0..1.
        own_atol: of reduced precision, how far the same file may answer from itself on another machine: the narrow
            tolerance that shows a changed weight, where `atol` is too wide to. None for float32, whose `atol` does.
    """

    atol: float
    changed: float = 0.0
    own_atol: float | None = None


FLOAT32 = Tolerance(1e-4)


def no_opset(options: Options) -> None:
    """The check of a format that isn't ONNX's.

    Raises:
        BadInput: an operator set was asked for.
    """
    if options.opset is not None:
        raise BadInput("--opset is for ONNX; this format has none")


@dataclass(frozen=True)
class Format:
    """One way to write a model.

    Args:
        name: as `--format` takes it; also the extra of mnistx-export that brings what it needs.
        suffix: of the file that is loaded; the runtime's `SUFFIXES` names what runs it.
        write: `(module, string properties, options)` to files that hold both. Same arguments, same bytes, where the
            converter allows it.
        check: raises BadInput for options that the format can't fulfil.
        tolerance: what it promises.
        needs: packages that the conversion imports.
        variant: what tells its files from the float32 ones with the same ending, as in `mnist-cnn-int8.onnx`.
        beats: of int8, the float32 format that it has to beat.
        folder: it writes a folder.
        unverified: why what it writes can't be run here.
    """

    name: str
    suffix: str
    write: Callable[[nn.Sequential, dict[str, str], Options], Files]
    check: Callable[[Options], None] = no_opset
    tolerance: Tolerance = FLOAT32
    needs: tuple[str, ...] = ()
    variant: str = ""
    beats: str | None = None
    folder: bool = False
    unverified: str = ""

    @property
    def runtime(self) -> str:
        """What runs its files; of an unverified format, nothing here."""
        return SUFFIXES.get(Path(f"m{self.suffix}").suffix, "")

    def available(self) -> None:
        """Whether it can be written and run here.

        Raises:
            BackendUnavailable: it can't; the text names the line that installs what is missing.
        """
        absent = next((package for package in self.needs if not find_spec(package)), None)
        if absent:
            line = f"pip install 'mnistx-export[{self.name}]'"
            raise BackendUnavailable(f"format {self.name!r} can't be written here: {absent} is missing: {line}")
        if self.runtime:
            backend(self.runtime)


def format_named(name: str) -> Format:
    """The format of that name.

    Raises:
        BadInput: there's none; the text gives the nearest.
    """
    found: Format = look_up(FORMATS, name, "format")
    return found
