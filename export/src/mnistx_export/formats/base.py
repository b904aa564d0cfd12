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
from mnistx_train.evaluation.inference import DeployedModule

NOT_FREE = (
    "this module can't take a batch of any size: what it does must not depend on how many images it is given, as a "
    "loop over them does"
)

FLOAT16 = Tolerance(atol=0.05, changed=1e-4, own_atol=0.02)
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
        name: the artifact's, without its ending; of generated code, what its names begin with.
        target: of generated code, what it is for.
        temperature: of the model; see `Metadata`.
    """

    deployed: DeployedModule
    spec: InputSpec
    opset: int | None = None
    calibration: NDArray[np.uint8] | None = None
    name: str = "model"
    target: str = "speed"
    temperature: float = 1.0

    def example(self, batch: int) -> torch.Tensor:
        """Images to trace with: zeros, of their own storage, uint8 `(batch, channels, height, width)`."""
        return torch.zeros(batch, *self.spec.shape, dtype=torch.uint8)

    def program(self, most: int | None = None, strict: bool | None = None) -> torch.export.ExportedProgram:
        """What torch.export makes of it, its batch free.

        Args:
            most: images in a batch; None for any number.
            strict: how it is traced: False runs the code, True reads it, which keeps the batch free where the code asks
                for `len(x)`. None for True where False doesn't do.

        Raises:
            BadInput: the batch can't be free.
            Exception: torch.export's, which says what else it can't export.
        """
        if strict is None:
            try:
                return self.program(most, strict=False)
            except Exception as error:
                try:
                    return self.program(most, strict=True)
                except Exception:
                    if "Constraints violated" in str(error):
                        raise BadInput(NOT_FREE) from error
                    raise error from None
        batch = torch.export.Dim("batch", min=1, max=most)
        return torch.export.export(self.deployed, (self.example(2),), dynamic_shapes=({0: batch},), strict=strict)


def fix_pools(program: torch.export.ExportedProgram) -> torch.export.ExportedProgram:
    """Make pools of adaptive ones, which converters lack, where all parts of the image are equally large.

    Args:
        program: it is changed.
    """
    aten = torch.ops.aten
    graph = program.graph_module.graph
    pools = {aten.adaptive_avg_pool2d.default: aten.avg_pool2d.default, aten.adaptive_max_pool2d.default: None}
    for node in [node for node in graph.nodes if node.target in pools]:
        given, wanted = node.args[0].meta["val"].shape[-2:], node.args[1]
        if tuple(wanted) == (1, 1) or any(side % count for side, count in zip(given, wanted, strict=True)):
            continue
        kernel = [side // count for side, count in zip(given, wanted, strict=True)]
        replaced = [node] if pools[node.target] else [user for user in node.users if user.args[1] == 0]
        for each in replaced:
            with graph.inserting_before(each):
                pool = graph.call_function(
                    pools[node.target] or aten.max_pool2d.default, (node.args[0], kernel, kernel)
                )
            pool.meta = dict(each.meta)
            each.replace_all_uses_with(pool)
            graph.erase_node(each)
    graph.eliminate_dead_code()
    program.graph_module.recompile()
    return program


def traceable(program: torch.export.ExportedProgram) -> torch.fx.GraphModule:
    """A program as a module that can be traced, and whose batch stays free then.

    Tracing follows a size from a tensor's method to another's; on the way through `torch.ops` it becomes a number.
    """
    module = program.module(check_guards=False)
    graph = module.graph
    for node in graph.nodes:
        sizes = [each for each in node.all_input_nodes if isinstance(each.meta.get("val"), torch.SymInt)]
        if node.target == torch.ops.aten.sym_size.int:
            node.op, node.target = "call_method", "size"
        elif sizes and isinstance(node.target, torch._ops.OpOverload):
            name = node.target._schema.name.partition("::")[2]
            if isinstance(node.args[0], torch.fx.Node) and hasattr(torch.Tensor, name):
                node.op, node.target = "call_method", name
    return torch.fx.GraphModule(module, graph).eval()


def require_calibration(images: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """The images that int8 is calibrated on.

    Raises:
        BadInput: there are none.
    """
    if images is None:
        raise BadInput(
            "int8 is calibrated on images of the kind that the model was trained on, and there are none: "
            "see --data-dir, [data] in the spec, or Model(calibration=...)"
        )
    return images


def refuse_opset(opset: int | None) -> None:
    """The check of a format that isn't ONNX's.

    Raises:
        BadInput: an operator set was asked for.
    """
    if opset is not None:
        raise BadInput("--opset is for ONNX; this format has none")


def no_requirement(opset: int | None) -> str:  # noqa: ARG001
    """Of a format whose oldest runtime is unknown."""
    return ""


@dataclass(frozen=True)
class Format:
    """One way to write a model.

    Args:
        name: as `--format` takes it; also the extra of mnistx-export that brings what it needs.
        suffix: of the file that is loaded; the runtime's `SUFFIXES` names what runs it.
        write: the payload of a conversion, files without metadata. Same arguments, same bytes, where the converter
            allows it.
        check_opset: raises BadInput for an operator set that the format can't write.
        requires: the oldest runtime that reads what it writes with an operator set, see `Metadata`; "" where that is
            unknown.
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
    requires: Callable[[int | None], str] = no_requirement
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
