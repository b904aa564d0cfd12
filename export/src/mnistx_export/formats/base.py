"""What a format is, and what its file is given to convert."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mnistx_export.formats import FORMATS
from mnistx_runtime.artifact.container import Files
from mnistx_runtime.artifact.parity import FLOAT32, Tolerance
from mnistx_runtime.backends import SUFFIXES, backend
from mnistx_runtime.errors import BackendUnavailable, BadInput
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.registry import look_up
from mnistx_train.inference import DeployedModule

INT8 = Tolerance(atol=2.0, changed=1e-3, own_atol=0.05)


@dataclass(frozen=True, eq=False)
class Conversion:
    """What a format converts.

    Args:
        deployed: from uint8 images `(N, channels, height, width)` to log-probabilities `(N, classes)`.
        spec: of its input.
        opset: the ONNX operator set; None where the user named none.
        calibration: images on which int8 measures its ranges, uint8 `(N, channels, height, width)`; None where there
            are none.
    """

    deployed: DeployedModule
    spec: InputSpec
    opset: int | None = None
    calibration: NDArray[np.uint8] | None = None

    def example(self, batch: int) -> torch.Tensor:
        """Images to trace with: zeros, of their own storage, uint8 `(batch, channels, height, width)`."""
        return torch.zeros(batch, *self.spec.shape, dtype=torch.uint8)


def refuse_opset(opset: int | None) -> None:
    """The check of a format that isn't ONNX's.

    Raises:
        BadInput: an operator set was asked for.
    """
    if opset is not None:
        raise BadInput("--opset is for ONNX; this format has none")


@dataclass(frozen=True)
class Format:
    """One way to write a model.

    Args:
        name: as `--format` takes it; also the extra of mnistx-export that brings what it needs.
        suffix: of the file that is loaded; the runtime's `SUFFIXES` names what runs it.
        write: the payload of a conversion, files without metadata. Same arguments, same bytes, where the converter
            allows it.
        check_opset: raises BadInput for an operator set that the format can't write.
        tolerance: what it promises.
        needs: packages that the conversion imports.
        variant: what tells its files from the float32 ones with the same ending, as in `mnist-cnn-int8.onnx`.
        baseline: of int8, the float32 format that it has to beat.
        folder: it writes a folder.
        unverified: why what it writes can't be run here.
    """

    name: str
    suffix: str
    write: Callable[[Conversion], Files]
    check_opset: Callable[[int | None], None] = refuse_opset
    tolerance: Tolerance = FLOAT32
    needs: tuple[str, ...] = ()
    variant: str = ""
    baseline: str | None = None
    folder: bool = False
    unverified: str = ""

    @property
    def runtime(self) -> str:
        """What runs its files; of an unverified format, nothing here."""
        return SUFFIXES.get(Path(f"m{self.suffix}").suffix, "")

    def require(self) -> None:
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
