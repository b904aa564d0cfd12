from typing import Any

import pytest

from fuzz.flat_files import xnnpack
from mnistx_runtime.artifact.xnnpack_check import check_xnnpack
from mnistx_runtime.errors import ArtifactError

CONVOLUTION = "nodes.0.node.1"


def check(blob: bytes, **named: int) -> None:
    check_xnnpack(memoryview(blob), {name.encode(): size for name, size in named.items()}, "m.pte")


def test_a_graph_of_layers_passes() -> None:
    check(xnnpack())
    check(xnnpack("constants.1", {"offset": (1 << 64) - 1, "size": 32, "key": b"fc"}), fc=32)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("nodes.0.node", (99, {}), "node are of kind 99"),
        ("nodes.0", {}, "takes or gives what isn't there"),
        (f"{CONVOLUTION}.id15", 9, "takes or gives what isn't there"),
        (f"{CONVOLUTION}.id17", 9, "takes or gives what isn't there"),
        (f"{CONVOLUTION}.outputs", 5, "reads 10 numbers of its filter"),
        (f"{CONVOLUTION}.height", 1 << 20, "reads 8,388,608 numbers of its filter"),
        (f"{CONVOLUTION}.groups", 0, "reads 0 numbers of its filter"),
        (f"{CONVOLUTION}.id16", 0xFFFFFFFF, "reads 8 numbers of its filter"),
        (f"{CONVOLUTION}.id17", 0, ""),
        ("nodes.1.node.1.sides", [1] * 7, "more than 6 sides"),
        ("inputs", [7], "takes or gives what isn't there"),
        ("values.0.value.1.external", 2, "value 2 of 2"),
        ("values.0.value.1.shape", [1, 3, 3], r"shape \[1, 3, 3\]"),
        ("values.0.value.1.type", 0, "shape"),
        ("values.0.value.1.dynamic_type", 99, "shape"),
        ("values.2.value.1.shape", [1 << 10, 1 << 10, 1 << 10, 1], "has 0 bytes"),
        ("values.2.value.1.constant", 1, "has 32 bytes"),
        ("values.2.value.1.constant", 5, "constant 5 of 2"),
        ("values.1.value.1.tensor.shape", [4, 1, 1, 3], "has 32 bytes"),
        ("values.1.value.1.scales", (1, {"scale": [1.0] * 3}), r"3 scales of a tensor of shape \[4, 1, 1, 2\]"),
        ("values.1.value.1.scales", (1, {"scale": [1.0], "side": 4}), "1 scales"),
        ("values.1.value.1.scales", (1, {"buffer": 1, "scales": 3}), "3 scales"),
        ("values.1.value.1.scales", (1, {"buffer": 8, "scales": 4}), "constant 8 of 2"),
        ("values.0", {}, "a value of XNNPACK's that is none"),
        ("constants.1", {"offset": 48, "size": 32}, "32 bytes at 48 of 64"),
        ("constants.1", {"offset": (1 << 64) - 1, "size": 32, "key": b"no"}, "that isn't there"),
    ],
)
def test_what_is_not_there_is_told(path: str, value: Any, told: str) -> None:
    if not told:
        check(xnnpack(path, value))
        return
    with pytest.raises(ArtifactError, match=rf"^m\.pte is damaged: .*{told}"):
        check(xnnpack(path, value))


def test_a_header_that_leads_elsewhere_is_told() -> None:
    data = xnnpack()
    for at in (10, 14, 18, 22):
        with pytest.raises(ArtifactError, match="isn't where its header says"):
            check(data[:at] + b"\xff\xff\xff\x7f" + data[at + 4 :])
    for blob in (b"", data[:20], b"XN01" + data):
        with pytest.raises(ArtifactError, match="without a header"):
            check(blob)
