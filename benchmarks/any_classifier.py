"""Whether networks that nobody made for mnistx can be exported: `python benchmarks/any_classifier.py FOLDER`.

It writes any_classifier.md and .json into FOLDER, a row a network and a column a format. Cells that exist are kept;
`python benchmarks/any_classifier.py FOLDER resnet18` makes the rows anew that are named. Every export is a process of
its own: a converter may crash, hang or take all the memory, and that is what its cell says then.
"""

import json
import math
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from safetensors.torch import load_file, save_model
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from mnistx_export import Model, export
from mnistx_export.exporter import Exported
from mnistx_export.formats import FORMATS
from mnistx_export.formats.base import format_named
from mnistx_export.model import Reference
from mnistx_runtime import InputSpec
from mnistx_runtime.artifact.certificate import KEY
from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.benchmark.processor import processor
from mnistx_runtime.errors import MnistxError
from mnistx_train.datasets import Split
from mnistx_train.errors import first_line

SEED = 7
TRAIN, CALIBRATION, VALIDATION, TEST, GOLDEN = 1600, 200, 200, 300, 12  # images
BATCH = 32
WHOLE = 4  # of so many steps on small images, one more on whole ones
SMOOTHING = 0.05
SECONDS = 400  # of one export
MEMORY = 14 << 30  # bytes of one export
CERTIFICATE = 300_000  # bytes of one at most
LAYER_SCALE = 0.3  # of ConvNeXt's blocks, which torchvision starts as the identity

Pixels = NDArray[np.floating]

FIGURES: dict[str, Callable[[Pixels, Pixels], NDArray[np.bool_]]] = {
    "disc": lambda x, y: x**2 + y**2 < 1,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) < 0.85,
    "cross": lambda x, y: (np.minimum(abs(x), abs(y)) < 0.25) & (np.maximum(abs(x), abs(y)) < 1),
    "ring": lambda x, y: abs(np.hypot(x, y) - 0.8) < 0.2,
    "frame": lambda x, y: abs(np.maximum(abs(x), abs(y)) - 0.75) < 0.15,
    "rows": lambda x, y: (np.maximum(abs(x), abs(y)) < 1) & (np.sin(8 * y) > 0),
    "columns": lambda x, y: (np.maximum(abs(x), abs(y)) < 1) & (np.sin(8 * x) > 0),
    "board": lambda x, y: (np.maximum(abs(x), abs(y)) < 1) & (np.sin(5 * x) * np.sin(5 * y) > 0),
    "triangle": lambda x, y: (abs(x) < (y + 1) / 2) & (y < 1),
    "half": lambda x, y: (x**2 + y**2 < 1) & (x > 0),
}
"""What the pictures show, by coordinates in which a figure reaches from -1 to 1."""


class Functional(nn.Module):
    """Layers in the constructor, everything else in `forward`."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(32)
        self.conv3 = nn.Conv2d(32, 48, 3, padding=1)
        self.fc = nn.Linear(48, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        x = functional.relu(self.norm(self.conv2(x)))
        x = functional.relu(self.conv3(x))
        x = functional.adaptive_avg_pool2d(x, 1).flatten(1)
        answers: Tensor = self.fc(functional.dropout(x, 0.1, self.training))
        return answers


class Block(nn.Module):
    """A residual block."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        answers: Tensor = self.relu(out)
        return answers


class Residual(nn.Module):
    """A small ResNet."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.blocks = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, 48, 2))
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.head = nn.Linear(48, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.blocks(self.stem(x)))
        answers: Tensor = self.head(x.view(x.size(0), -1))
        return answers


class SqueezeExcite(nn.Module):
    """Scales each channel by what all of them say."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(channels, channels // 4), nn.Linear(channels // 4, channels)

    def forward(self, x: Tensor) -> Tensor:
        scale = functional.relu(self.fc1(x.mean((2, 3))))
        scale = functional.hardsigmoid(self.fc2(scale))
        return x * scale[:, :, None, None]


class Separable(nn.Module):
    """Depthwise-separable convolutions with hard-swish and squeeze-and-excite."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.Hardswish()]
        for inputs, outputs, stride in ((16, 32, 1), (32, 48, 2), (48, 64, 2)):
            layers += [
                nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
                nn.BatchNorm2d(inputs),
                nn.Hardswish(),
                SqueezeExcite(inputs),
                nn.Conv2d(inputs, outputs, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.Hardswish(),
            ]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        answers: Tensor = self.classifier(self.features(x).mean([2, 3]))
        return answers


class Probabilities(nn.Module):
    """A LeNet for one channel that ends in a softmax."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 12, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(12, 24, 5), nn.Tanh(), nn.AvgPool2d(2)
        )
        self.classifier = nn.Sequential(nn.Linear(24 * 5 * 5, 84), nn.Tanh(), nn.Linear(84, classes))

    def forward(self, x: Tensor) -> Tensor:
        return functional.softmax(self.classifier(self.features(x).reshape(len(x), -1)), dim=1)


def three_classes(channels: int, classes: int) -> nn.Module:
    """A plain Sequential with a batch norm on the pixels."""
    return nn.Sequential(
        nn.BatchNorm2d(channels),
        nn.Conv2d(channels, 24, 5, stride=2, padding=2),
        nn.LeakyReLU(0.1),
        nn.MaxPool2d(2),
        nn.Conv2d(24, 48, 3, padding="same"),
        nn.GELU(),
        nn.AdaptiveMaxPool2d((2, 3)),
        nn.Flatten(),
        nn.Linear(288, 64),
        nn.ReLU6(),
        nn.Linear(64, classes),
    )


def small_vit(channels: int, classes: int) -> nn.Module:
    """torchvision's vision transformer, smaller than vit_b_16 and its 86 million parameters."""
    module: nn.Module = torchvision.models.VisionTransformer(
        image_size=96, patch_size=16, num_layers=6, num_heads=6, hidden_dim=192, mlp_dim=768, num_classes=classes
    )
    return module


@dataclass(frozen=True)
class Network:
    """A row of the table.

    Args:
        build: from channels and classes, without weights.
        shape: channels, height, width of its images.
        classes: how many; of the drawn figures it learns as many as there are.
        output: what it gives, see `Model`.
        train_shape: height and width of the smaller images that it is trained on first, where whole ones take long.
        steps: of training.
        lr: the highest learning rate.
    """

    build: Callable[[int, int], nn.Module]
    shape: tuple[int, int, int]
    classes: int
    output: str = "logits"
    train_shape: tuple[int, int] | None = None
    steps: int = 400
    lr: float = 0.006


def of_torchvision(name: str, side: int, classes: int, train_side: int, lr: float = 0.002) -> Network:
    """A network of torchvision."""
    return Network(
        lambda _, classes: torchvision.models.get_model(name, weights=None, num_classes=classes),
        (3, side, side),
        classes,
        train_shape=(train_side, train_side),
        steps=200,
        lr=lr,
    )


NETWORKS = {
    "functional": Network(Functional, (3, 48, 48), 10),
    "residual": Network(Residual, (3, 32, 32), 10),
    "separable": Network(Separable, (3, 64, 64), 5),
    "one channel": Network(Probabilities, (1, 32, 32), 10, "probabilities"),
    "three classes": Network(three_classes, (3, 40, 48), 3),
    "shufflenet_v2_x0_5": of_torchvision("shufflenet_v2_x0_5", 224, 1000, 112, 0.004),
    "mobilenet_v3_small": of_torchvision("mobilenet_v3_small", 160, 1000, 80, 0.004),
    "mnasnet0_5": of_torchvision("mnasnet0_5", 96, 100, 64, 0.004),
    "squeezenet1_1": of_torchvision("squeezenet1_1", 96, 200, 64, 0.001),
    "mobilenet_v2": of_torchvision("mobilenet_v2", 96, 100, 64),
    "regnet_y_400mf": of_torchvision("regnet_y_400mf", 96, 37, 64),
    "efficientnet_b0": of_torchvision("efficientnet_b0", 96, 101, 64),
    "resnet18": of_torchvision("resnet18", 96, 10, 64),
    "convnext_tiny": of_torchvision("convnext_tiny", 96, 20, 32),
    "vision transformer": Network(small_vit, (3, 96, 96), 50, steps=300, lr=0.0005),
}
"""The rows, small networks first."""


def draw(random: np.random.Generator, figure: str, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A bright figure of one colour before a darker gradient, with noise: uint8 `(channels, height, width)`."""
    channels, height, width = shape
    row, column = np.mgrid[0:height, 0:width].astype(np.float32)
    radius = min(height, width) * random.uniform(0.28, 0.45)
    centre = [random.uniform(radius, side - radius) for side in (height, width)]
    inside = FIGURES[figure]((column - centre[1]) / radius, (row - centre[0]) / radius)
    colours = random.uniform(0, 0.4, (2, channels, 1, 1))
    angle = random.uniform(0, 2 * math.pi)
    ramp = (math.cos(angle) * row / height + math.sin(angle) * column / width + 1.5) / 3
    ground = colours[0] * ramp + colours[1] * (1 - ramp)
    pixels = np.where(inside, random.uniform(0.6, 1, (channels, 1, 1)), ground)
    pixels = pixels + random.normal(0, random.uniform(0, 0.04), shape)
    return (pixels.clip(0, 1) * 255).round().astype(np.uint8)


def pictures(seed: int, count: int, network: Network, size: tuple[int, int] | None = None) -> Split:
    """Pictures of figures, as many of each, and which it is; of another height and width where `size` gives one."""
    random = np.random.default_rng([SEED, seed])
    figures = list(FIGURES)[: network.classes]
    labels = np.arange(count) % len(figures)
    shape = (network.shape[0], *(size or network.shape[1:]))
    return Split(np.stack([draw(random, figures[label], shape) for label in labels]), labels)


def spec_of(network: Network) -> InputSpec:
    """What its images are."""
    channels, height, width = network.shape
    numbers: tuple[Any, Any] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)) if channels == 3 else (0.3, 0.3)
    return InputSpec(
        channels=channels, height=height, width=width, mean=numbers[0], std=numbers[1], preprocess="resize"
    )


def normalized(images: NDArray[np.uint8], spec: InputSpec) -> Tensor:
    """What a network takes."""
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (spec.mean, spec.std))
    return (torch.from_numpy(images).float() / 255 - mean) / std


def train(module: nn.Module, network: Network) -> None:
    """Train for some seconds, on small images first where it says so, and take the batch statistics of whole ones."""
    for name, values in module.named_parameters():
        if name.endswith("layer_scale"):
            nn.init.constant_(values, LAYER_SCALE)
    phases: list[tuple[tuple[int, int] | None, int]] = [(network.train_shape, network.steps)]
    phases = phases if network.train_shape else []
    phases.append((None, network.steps // WHOLE if phases else network.steps))
    optimizer = torch.optim.AdamW(module.parameters(), lr=network.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, network.lr, total_steps=sum(each[1] for each in phases))
    module.train()
    for seed, (size, steps) in enumerate(phases):
        data = pictures(seed, min(TRAIN, steps * BATCH), network, size)
        inputs, labels = normalized(data.images, spec_of(network)), torch.from_numpy(data.labels)
        order = torch.cat([torch.randperm(len(data)) for _ in range(math.ceil(steps * BATCH / len(data)))])
        for at in range(0, steps * BATCH, BATCH):
            chosen = order[at : at + BATCH]
            answers = module(inputs[chosen])
            answers = answers.clamp(min=1e-9).log() if network.output == "probabilities" else answers
            optimizer.zero_grad()
            torch.autograd.backward(functional.cross_entropy(answers, labels[chosen], label_smoothing=SMOOTHING))
            optimizer.step()
            schedule.step()
    module.eval()
    for each in module.modules():
        if isinstance(each, _BatchNorm):
            each.reset_running_stats()
            each.momentum = None  # the plain mean of all batches
            each.train()
    inputs = normalized(pictures(5, 4 * BATCH, network).images, spec_of(network))
    with torch.no_grad():
        for at in range(0, len(inputs), BATCH):
            module(inputs[at : at + BATCH])
    module.eval()


def prepare(name: str, folder: Path) -> dict[str, Any]:
    """Train a network, and write its weights and its answers to the test images into a folder; say what it is."""
    network = NETWORKS[name]
    torch.manual_seed(SEED)
    module = network.build(network.shape[0], network.classes)
    train(module, network)
    save_model(module, str(folder / "network.safetensors"))
    test = pictures(3, TEST, network)
    model = Model(module, spec_of(network), class_names(network), network.output)
    float32, float64 = (model.log_probs(test.images, dtype) for dtype in (torch.float32, torch.float64))
    np.savez(folder / "answers", float32=float32, float64=float64)
    return {
        "input": "x".join(map(str, network.shape)),
        "classes": network.classes,
        "parameters": sum(values.numel() for values in module.parameters()),
        "flops": model.flops,
        "accuracy": float((float64.argmax(1) == test.labels).mean()),
        "torch_float32": float(np.abs(float32 - float64).max()),
    }


def class_names(network: Network) -> tuple[str, ...]:
    """The figures, and numbers for classes that no figure has."""
    return (*FIGURES, *map(str, range(len(FIGURES), network.classes)))[: network.classes]


def prepared(name: str, folder: Path) -> Model:
    """The model that `prepare` wrote."""
    network = NETWORKS[name]
    module = network.build(network.shape[0], network.classes)
    state = module.state_dict()
    for key, values in load_file(folder / "network.safetensors").items():
        state[key].copy_(values)  # MNASNet refuses a state dict without a version, which safetensors doesn't keep
    test = pictures(3, TEST, network)
    model = Model(
        module.eval(),
        spec_of(network),
        class_names(network),
        network.output,
        golden=pictures(4, GOLDEN, network).images,
        calibration=pictures(6, CALIBRATION, network).images,
        validation=pictures(2, VALIDATION, network),
        test=test,
    )
    vars(model)["reference"] = Reference(test, **np.load(folder / "answers.npz"))  # in float64, it takes its time
    return model


def export_one(name: str, format: str, folder: Path) -> dict[str, Any]:
    """A cell: what was exported, or why nothing was."""
    target = format_named(format)
    try:
        found = export(prepared(name, folder), target, folder / f"model{target.variant}{target.suffix}")
    except MnistxError as error:
        return {"reason": " ".join(str(error).split()), "kind": type(error).__name__}
    except Exception as error:
        return {"reason": f"{type(error).__name__}: {first_line(error)}", "kind": "Escaped"}
    return cell_of(found)


def cell_of(found: Exported) -> dict[str, Any]:
    """The figures of an artifact."""
    cell: dict[str, Any] = {"size": found.size, "certificate": len(open_artifact(found.path).props[KEY])}
    if found.float32 and found.float64:
        cell |= {
            "max_abs": max(found.float32.max_abs, found.float64.max_abs),
            "changed": max(found.float32.changed, found.float64.changed),
            "count": found.float32.count,
            "accuracy": found.accuracy,
        }
    if found.int8:
        cell |= {"drop": found.int8.drop, "smaller": found.int8.smaller, "faster": round(found.int8.faster, 2)}
    return cell | {"unverified": found.unverified} if found.unverified else cell


def in_a_process(function: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    """What a function returns, run in a process of its own; a reason where it crashed, or took too much."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["torchvision", "mnistx_export.exporter"])
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=answer, args=(sender, function, *args))
    began = time.monotonic()
    process.start()
    sender.close()
    found: dict[str, Any] = {"reason": f"no end after {SECONDS} seconds", "kind": "Timeout"}
    if receiver.poll(SECONDS):
        try:
            found = receiver.recv()
        except EOFError:
            process.join()
            assert process.exitcode is not None
            how = signal.Signals(-process.exitcode).name if process.exitcode < 0 else f"exit code {process.exitcode}"
            found = {"reason": f"the process ended without an answer: {how}", "kind": "Crash"}
    if process.is_alive():
        assert process.pid
        process.join(5)
        if process.is_alive():
            os.killpg(process.pid, signal.SIGKILL)
            process.join()
    return found | {"seconds": round(time.monotonic() - began, 1)}


def answer(sender: Connection, function: Callable[..., dict[str, Any]], *args: Any) -> None:
    """The child's side of `in_a_process`."""
    os.setsid()
    torch.set_num_threads(1)  # on a machine that does other work too, two threads wait for each other
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        sender.send(function(*args))
    except MemoryError:
        sender.send({"reason": f"it takes more than {MEMORY >> 30} GiB of memory", "kind": "Memory"})


def short(cell: dict[str, Any], number: int) -> str:
    """A cell of the table; `number` is its reason's in the list below."""
    if "reason" not in cell:
        if "max_abs" not in cell:
            return "written, unverified"
        changed = f", {cell['changed']} of {cell['count']} changed" if cell["changed"] else ""
        return f"verified, {cell['max_abs']:.1e}{changed}"
    reason, kind = cell["reason"], cell["kind"]
    if "points of accuracy" in reason:
        told = f"loses {reason.partition('loses ')[2].partition(' ')[0]} points"
    elif "neither smaller nor faster" in reason:
        told = "no smaller, no faster"
    elif kind == "VerificationFailed":
        told = "refused: differs"
    else:
        told = {"Crash": "crashes", "Timeout": "no end", "Memory": "too much memory"}.get(kind, "not carried")
    return f"{told} [{number}]"


HEAD = """# Any classifier: networks that nobody made for mnistx

`python benchmarks/any_classifier.py FOLDER` made this table: {verified} of {all} exports were written and verified,
{unverified} more were written and can't be run here, and {reasons} stopped for the reason that the list below gives.

- *verified*: the largest difference of log-probabilities from PyTorch's in float32 and in float64, whichever is larger,
  on {test} drawn pictures; not one prediction changed, but where it says so. Every export is judged as a user's is:
  float32 formats by 1e-4; fp16 by 0.05; int8 by 2, by at most 0.05 points of accuracy lost on {validation} other
  pictures, and by being smaller or faster than float32. fp16 and int8 may change one prediction.
- *PyTorch's own*: the largest difference of PyTorch's float32 answers from its float64 ones, for scale.
- The first five networks are in the script, as users write them. The others are torchvision's, without weights. All
  are trained for some seconds on drawn pictures of {figures} figures; *accuracy* is PyTorch's, on the test pictures.
  With more classes than figures, the other classes are learnt to be improbable. Weights as they are first drawn would
  not do: what is rounded in a first layer grows from layer to layer, until PyTorch's own float32 answers are 3e-4 from
  its float64 ones.
- *vision transformer* is torchvision's `VisionTransformer` with 6 layers of 192; vit_b_16 has 86 million parameters.
- The largest certificate has {certificate:,} bytes; the script fails at {limit:,}.
- {minutes:.0f} minutes in all on {machine}.
"""


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The rows as Markdown, in the order of `NETWORKS`."""
    names = [name for name in NETWORKS if name in rows]
    cells = [cell for name in names for cell in rows[name]["cells"].values()]
    reasons: dict[str, int] = {}
    lines = []
    for name in names:
        row = rows[name]
        told = [name, row["input"], str(row["classes"]), f"{row['parameters']:,}", f"{row['accuracy']:.1%}"]
        told.append(f"{row['torch_float32']:.1e}")
        for format in FORMATS:
            cell = row["cells"].get(format)
            if cell and "reason" in cell:
                reasons.setdefault(f"{format}: {cell['reason']}", len(reasons) + 1)
            told.append(short(cell, reasons.get(f"{format}: {cell.get('reason')}", 0)) if cell else "")
        lines.append(f"| {' | '.join(told)} |")
    columns = ["network", "input", "classes", "parameters", "accuracy", "PyTorch's own", *FORMATS]
    minutes = sum(row["seconds"] + sum(cell["seconds"] for cell in row["cells"].values()) for row in rows.values()) / 60
    head = HEAD.format(
        verified=sum("max_abs" in cell for cell in cells),
        unverified=sum("unverified" in cell for cell in cells),
        reasons=sum("reason" in cell for cell in cells),
        all=len(cells),
        test=TEST,
        validation=VALIDATION,
        figures=len(FIGURES),
        certificate=max((cell.get("certificate", 0) for cell in cells), default=0),
        limit=CERTIFICATE,
        minutes=minutes,
        machine=" and ".join(dict.fromkeys(row["machine"] for row in rows.values())),
    )
    told = [f"{number}. {reason}" for reason, number in reasons.items()]
    rule = f"|{'---|' * len(columns)}"
    return "\n".join([head, f"| {' | '.join(columns)} |", rule, *lines, "", "## Why not", "", *told, ""])


def main(folder: Path, chosen: list[str]) -> None:
    """Fill the table; of the networks that are named, or of all that lack a cell."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "any_classifier.json"
    rows: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}
    rows = {name: row for name, row in rows.items() if name not in chosen}
    for name in chosen or NETWORKS:
        cells: dict[str, Any] = rows[name]["cells"] if name in rows else {}
        missing = [format for format in FORMATS if format not in cells]
        if not missing:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            found = in_a_process(prepare, name, Path(scratch))
            if "reason" in found:
                raise SystemExit(f"{name}: {found['reason']}")
            print(name, found, file=sys.stderr, flush=True)
            rows[name] = found | {"machine": f"{os.cpu_count()} cores of {processor()}", "cells": cells}
            for format in missing:
                cells[format] = in_a_process(export_one, name, format, Path(scratch))
                print(f"  {format}: {cells[format]}", file=sys.stderr, flush=True)
                assert cells[format].get("certificate", 0) < CERTIFICATE, f"{name}, {format}: too large a certificate"
                file.write_text(json.dumps(rows, indent=1) + "\n")
                (folder / "any_classifier.md").write_text(table(rows))
    print(table(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
