"""What is exported: a trained module of any kind, with all that belongs to it."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mnistx_export import __version__
from mnistx_export.golden import GoldenImages, golden_images
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.digests import weights_sha256
from mnistx_runtime.artifact.metadata import Metadata, check_names
from mnistx_runtime.artifact.parity import Tolerance
from mnistx_runtime.errors import BadInput
from mnistx_runtime.input_spec import InputSpec
from mnistx_train.datasets import Split
from mnistx_train.errors import first_line
from mnistx_train.evaluation.inference import (
    LOGITS,
    OUTPUTS,
    PROBABILITIES,
    SUM_ATOL,
    DeployedModule,
    count_flops,
    log_probs,
)

_SAME_ATOL = 1e-3  # of an image's answer alone and beside others


@dataclass(frozen=True, eq=False)
class Model:
    """A trained module, and what is known of it. All is checked against the module when it is made.

    Args:
        module: of any kind, in evaluation mode, from normalized images `(N, channels, height, width)` to what `output`
            says, `(N, classes)`.
        spec: of its input.
        names: the class names, in the order of the output's columns.
        output: "logits", "probabilities" or "log-probabilities".
        golden: images of the kind that it was trained on, uint8 `(G, channels, height, width)`, for the certificate;
            they travel with every artifact, so they must be free to give away. None: only drawn ones.
        calibration: images on which int8 measures its ranges, uint8 `(N, channels, height, width)`.
        validation: labelled images by which int8 is judged; none of them in `calibration`.
        test: labelled images on which every artifact is compared with the module.
        dataset: what it was trained on.
        description: one sentence.
        license: of the model, an SPDX identifier.
        temperature: see `Metadata`.
        test_accuracy: share of the test images read right, 0..1, where it was measured.

    Raises:
        BadInput: something isn't as declared; the text says what, and what to write instead.

    >>> spec = InputSpec(channels=3, height=8, width=9, mean=0.5, std=0.5)
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(216, 2)).eval()
    >>> Model(net, spec, ("cat", "dog", "owl"))
    Traceback (most recent call last):
        ...
    mnistx_runtime.errors.BadInput: the module gives 2 numbers an image, and 3 classes are named: cat, dog, owl
    """

    module: nn.Module
    spec: InputSpec
    names: tuple[str, ...]
    output: str = LOGITS
    _: KW_ONLY
    golden: NDArray[np.uint8] | None = None
    calibration: NDArray[np.uint8] | None = None
    validation: Split | None = None
    test: Split | None = None
    dataset: str = ""
    description: str = ""
    license: str = ""
    temperature: float = 1.0
    test_accuracy: float | None = None

    def __post_init__(self) -> None:
        """Check what was given."""
        if isinstance(self.names, str):
            raise BadInput(f"names are several class names, not one text: {self.names!r}")
        object.__setattr__(self, "names", tuple(self.names))
        if self.output not in OUTPUTS:
            raise BadInput(f"output must be one of {', '.join(OUTPUTS)}, not {self.output!r}")
        try:
            check_names(self.names)
        except ValueError as error:
            raise BadInput(str(error)) from error
        check_images(self.golden, self.spec, "golden")
        check_images(self.calibration, self.spec, "calibration")
        for split, what in ((self.validation, "validation"), (self.test, "test")):
            if split is not None:
                check_split(split, self.spec, len(self.names), what)
        check_module(self)

    @cached_property
    def deployed(self) -> DeployedModule:
        """What is deployed: uint8 images in, log-probabilities out; in the mode that the module is in."""
        return DeployedModule(self.module, self.spec, self.output)

    def log_probs(self, images: NDArray[np.uint8], dtype: torch.dtype = torch.float32) -> NDArray[np.floating]:
        """The module's answers to images uint8 `(N, channels, height, width)`: log-probabilities `(N, classes)`.

        Raises:
            BadInput: the module can't compute in this type.
        """
        try:
            return log_probs(self.module, images, self.spec, dtype, self.output)
        except RuntimeError as error:
            raise BadInput(f"the module can't compute in {dtype}: {first_line(error)}") from error

    @cached_property
    def reference(self) -> "Reference | None":
        """Its answers to the test images, computed once for all formats; None without test images."""
        if self.test is None:
            return None
        answers = [self.log_probs(self.test.images, dtype) for dtype in (torch.float32, torch.float64)]
        return Reference(self.test, *answers)

    @cached_property
    def parameters(self) -> Mapping[str, NDArray[np.generic]]:
        """Parameters and buffers by name."""
        return {name: _numbers(tensor) for name, tensor in self.module.state_dict().items()}

    @cached_property
    def flops(self) -> int:
        """See `count_flops`."""
        return count_flops(self.module, self.spec)

    @cached_property
    def metadata(self) -> Metadata:
        """What travels inside its artifacts, but the payload's digest."""
        channels, height, width = self.spec.shape
        kind = "grey" if channels == 1 else "colour"
        on = f", trained on {self.dataset}" if self.dataset else ""
        return Metadata(
            names=self.names,
            input=self.spec,
            description=self.description or f"Image classifier of {width}x{height} {kind} images{on}",
            toolkit_version=__version__,
            dataset=self.dataset,
            weights_sha256=weights_sha256(self.parameters),
            test_accuracy=self.test_accuracy,
            flops=self.flops,
            temperature=self.temperature,
            license=self.license,
        )

    @cached_property
    def golden_answers(self) -> tuple[GoldenImages, NDArray[np.float32]]:
        """The golden images, and the module's answers to them, computed in float64 and rounded to float32."""
        found = golden_images(self.spec, self.names, self.golden)
        return found, self.log_probs(found.images, torch.float64).astype(np.float32)

    def certificate(self, tolerance: Tolerance) -> Certificate:
        """The certificate of an artifact that promises this tolerance."""
        golden, answers = self.golden_answers
        return Certificate(golden.images, answers, tolerance, golden.in_distribution if tolerance.reduced else None)


@dataclass(frozen=True, eq=False)
class Reference:
    """The trained module's answers to the test images.

    Args:
        test: the images and labels.
        float32: PyTorch's answers, `(N, classes)`.
        float64: the same computed in float64: the truth that float32 rounds.
    """

    test: Split
    float32: NDArray[np.floating]
    float64: NDArray[np.floating]


def check_images(images: NDArray[np.uint8] | None, spec: InputSpec, what: str) -> None:
    """Raise BadInput where images aren't as the model reads them."""
    if images is None:
        return
    if images.dtype != np.uint8 or images.shape[1:] != spec.shape or not len(images):
        raise BadInput(f"{what} images must be uint8 (N, {', '.join(map(str, spec.shape))}), not {images.dtype} "
                       f"{images.shape}")  # fmt: skip


def check_split(split: Split, spec: InputSpec, classes: int, what: str) -> None:
    """Raise BadInput where labelled images aren't as the model reads them, or a label has no name."""
    check_images(split.images, spec, what)
    if len(split.labels) != len(split.images):
        raise BadInput(f"{len(split.images):,} {what} images have {len(split.labels):,} labels")
    if split.labels.min() < 0 or split.labels.max() >= classes:
        raise BadInput(f"a {what} label is {int(split.labels.max())}, and only {classes} classes are named")


def check_module(model: Model) -> None:
    """Ask the module for answers to a few images, and hold them to what was declared.

    Raises:
        BadInput: it is in training mode, can't take such images, or gives something else.
    """
    training = [name or "the module itself" for name, each in model.module.named_modules() if each.training]
    if training:
        raise BadInput(f"the module is in training mode ({training[0]}): call module.eval() before exporting it")
    images = golden_images(model.spec, model.names, None).images[:4]
    pixels = torch.from_numpy(images).float() / 255
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (model.spec.mean, model.spec.std))
    probe = (pixels - mean) / std
    shape = ", ".join(map(str, probe.shape))
    with torch.no_grad():
        try:
            found, again = model.module(probe), model.module(probe)
            alone = model.module(probe[:1])
        except Exception as error:
            raise BadInput(f"the module can't take images ({shape}): {first_line(error)}") from error
    if not isinstance(found, torch.Tensor):
        raise BadInput(f"the module gives a {type(found).__name__}; wrap it in one that gives a tensor (N, classes)")
    if found.ndim != 2 or found.shape[0] != len(probe):
        raise BadInput(f"the module gives {tuple(found.shape)} for images ({shape}), not (N, classes)")
    if found.shape[1] != len(model.names):
        shown = ", ".join(model.names[:5]) + (", ..." if len(model.names) > 5 else "")
        raise BadInput(
            f"the module gives {found.shape[1]} numbers an image, and {len(model.names)} classes are named: {shown}"
        )
    if not torch.isfinite(found).all():
        raise BadInput("the module gives NaN or infinite numbers; are its weights damaged?")
    if not torch.equal(found, again):
        raise BadInput("the module gives other answers to the same images the second time; is a dropout left on?")
    if (found[:1] - alone).abs().max() > _SAME_ATOL * max(1.0, float(found.abs().max())):
        raise BadInput("the module's answer to an image depends on the others in its batch")
    _check_output(found, model.output)


def _check_output(found: torch.Tensor, output: str) -> None:
    sums = found.sum(1)
    probabilities = bool((found >= 0).all() and (sums - 1).abs().max() < SUM_ATOL)
    logs = bool((found.exp().sum(1) - 1).abs().max() < SUM_ATOL)
    like = "probabilities" if probabilities else "log-probabilities" if logs else "logits"
    if output == LOGITS and not probabilities:
        return
    if output != like:
        total = found.exp().sum(1) if output not in (PROBABILITIES, LOGITS) else sums
        raise BadInput(
            f"output is declared as {output}, and the module's rows look like {like} (they sum to {total[0]:.4g}): "
            f'write output = "{like}"'
        )


def _numbers(tensor: torch.Tensor) -> NDArray[np.generic]:
    """A tensor's numbers; of bfloat16, which numpy doesn't know, the bits."""
    tensor = tensor.detach().cpu()
    found: NDArray[np.generic] = (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return found
