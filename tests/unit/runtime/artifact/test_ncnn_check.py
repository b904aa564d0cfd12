import pytest

from mnistx_runtime.artifact.ncnn_check import check_ncnn
from mnistx_runtime.errors import ArtifactError

LAYERS = (
    "Input in0 0 1 in0",
    "Convolution conv 1 1 in0 1 0=8 1=3 11=3 4=1 5=1 6=72",
    "Split split 1 2 1 2 3",
    "BinaryOp mul 2 1 2 3 4 0=2",
    "Reduction mean 1 1 4 5 0=3 -23303=2,1,2 4=0",
    "InnerProduct fc 1 1 5 6 0=10 1=1 2=80",
    "Clip clip 1 1 6 out0 0=0.0 1=3.402823e+38",
)


def graph(*layers: str, counts: str = "") -> bytes:
    blobs = sum(int(line.split()[3]) for line in layers)
    return "\n".join(["7767517", counts or f"{len(layers)} {blobs}", *layers, ""]).encode()


def replaced(at: int, line: str) -> bytes:
    return graph(*LAYERS[:at], line, *LAYERS[at + 1 :])


def test_what_the_converter_writes_passes() -> None:
    check_ncnn(graph(*LAYERS), 4 * 152, "m")
    check_ncnn(replaced(4, "Slice s 1 1 4 5 -23300=2,116,-233 1=0 -23302=1,2147483647"), 4 * 152, "m")
    check_ncnn(replaced(4, 'Reshape s 1 1 4 5 6="0w,1h,*(1c,2)"'), 4 * 152, "m")
    check_ncnn(replaced(3, "MemoryData c 0 1 4 0=3 1=2"), 4 * 158, "m")


@pytest.mark.parametrize("kind", ["Own", "Tile", "Interp", "Embed", "Proposal", "DetectionOutput"])
def test_other_layers_are_refused(kind: str) -> None:
    with pytest.raises(ArtifactError, match=f"m holds the layer {kind}, which mnistx doesn't run unasked"):
        check_ncnn(replaced(6, f"{kind} x 1 1 6 out0"), 1000, "m")


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"7767517",
        b"7767517\n\xff 1\n",
        b"7767518\n1 1\nInput in0 0 1 in0\n",
        graph(*LAYERS, counts="7 9"),
        graph(*LAYERS, counts="8 8"),
        graph(*LAYERS, counts="7 99999999"),
        graph(*LAYERS, counts="-7 8"),
        replaced(1, "Convolution conv 1 1 in0 1 0=8 1=3 6=99999999"),
        replaced(1, "Convolution conv 1 1 in0 1 0=8 1=3 6=720"),
        replaced(1, "Convolution conv 1 1 in0 1 0=8 1=3 6=-72"),
        replaced(1, "Convolution conv 1 1 in0 1 0=8 1=3 4=100000000 6=72"),
        replaced(1, "Convolution conv 1 1 nothing 1 0=8 1=3 6=72"),
        replaced(1, "Convolution conv 1 1 in0 in0 0=8 1=3 6=72"),
        replaced(1, "Convolution conv 2 1 in0 1"),
        replaced(1, "Convolution conv -1 1 1"),
        replaced(1, "Convolution conv 1 1 in0 1 0=x"),
        replaced(4, 'Reshape s 1 1 4 5 6="$(ls)"'),
        graph(*LAYERS, counts="8 8") + b"Convolution conv\n",
        replaced(2, "Split split 1 2 1 2 2"),
        replaced(3, "MemoryData c 0 1 4 0=1000000 1=1000000"),
        graph("Input in0 0 1 in0", "Input in1 0 0"),
    ],
)
def test_what_does_not_fit_is_told(damaged: bytes) -> None:
    with pytest.raises(ArtifactError, match="m is damaged: "):
        check_ncnn(damaged, 4 * 152, "m")


def test_a_digit_that_crashes_ncnn_is_told() -> None:
    """More weights than there are: ncnn reads on behind the end of what it mapped."""
    with pytest.raises(ArtifactError, match="declares 800,072 weights, and 608 bytes of them are there"):
        check_ncnn(replaced(5, "InnerProduct fc 1 1 5 6 0=10 1=1 2=800000"), 608, "m")
