"""Networks that nobody made for mnistx, as users write them and of torchvision's, all without weights."""

from collections.abc import Callable
from dataclasses import dataclass

import torchvision
from torch import Tensor, nn
from torch.nn import functional


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

    def __init__(self, channels: int, classes: int, last: int = 48) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.blocks = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2), Block(32, last, 2))
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.head = nn.Linear(last, classes)

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


def plain_colour(channels: int, classes: int) -> nn.Module:
    """Three convolutions of a colour image, and the average of what they see."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((channels, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))


def ds_cnn(channels: int, classes: int) -> nn.Module:
    """The depthwise-separable network for keywords of MLPerf Tiny (Banbury et al., 2021)."""
    layers: list[nn.Module] = [nn.Conv2d(channels, 64, (10, 4), 2, (5, 1), bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    for _ in range(4):
        layers += [nn.Conv2d(64, 64, 3, padding=1, groups=64, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        layers += [nn.Conv2d(64, 64, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))


def narrow_mobilenet(_: int, classes: int) -> nn.Module:
    """torchvision's MobileNetV2, 0.35 times as wide."""
    module: nn.Module = torchvision.models.mobilenet_v2(weights=None, num_classes=classes, width_mult=0.35)
    return module


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


C_NETWORKS = {
    "colour, three classes": Network(plain_colour, (3, 48, 48), 3, steps=200),
    "ResNet-8": Network(lambda channels, classes: Residual(channels, classes, 64), (3, 32, 32), 10, steps=200),
    "DS-CNN": Network(ds_cnn, (1, 49, 10), 10, steps=200),
    "MobileNetV2 0.35": Network(narrow_mobilenet, (3, 96, 96), 10, train_shape=(64, 64), steps=200, lr=0.002),
}
"""Networks of the size that generated C is for, beside the report's."""

NETWORKS = C_NETWORKS | {
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
