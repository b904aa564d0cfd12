import pytest

from mnistx_runtime.artifact.openvino_check import MOST_LAYERS, check_openvino, require_plain_xml
from mnistx_runtime.errors import ArtifactError

START = '<?xml version="1.0"?>\n'


def layer(kind: str, version: str = "opset1", inner: str = "") -> str:
    return f'<layer id="0" name="l" type="{kind}" version="{version}">{inner}</layer>'


def network(*layers: str, before: str = START) -> bytes:
    return f'{before}<net name="n" version="11"><layers>{"".join(layers)}</layers></net>'.encode()


def weights(offset: str = "0", size: str = "8", shape: str = "2") -> str:
    data = f'<data element_type="f32" shape="{shape}" offset="{offset}" size="{size}" />'
    return layer("Const", inner=data)


def test_layers_that_compute_pass() -> None:
    check_openvino(network(layer("Parameter"), layer("Convolution"), weights(), layer("SoftMax", "opset8")), 8, "m")
    check_openvino(network(weights(shape="")), 8, "m")


@pytest.mark.parametrize(
    "refused",
    [layer("Loop", "opset5"), layer("TensorIterator"), layer("If", "opset8"), layer("RandomUniform", "opset8"),
     layer("ReLU", "extension"), layer("ReLU", ""), layer("Own", "opset1"), layer("StringTensorPack", "opset15")],
)  # fmt: skip
def test_others_are_refused(refused: str) -> None:
    with pytest.raises(ArtifactError, match=r"m holds the layer .*--allow-foreign"):
        check_openvino(network(layer("Parameter"), refused), 8, "m")


def test_a_graph_inside_a_layer_is_refused() -> None:
    with pytest.raises(ArtifactError, match="a graph inside its graph"):
        check_openvino(network(layer("ReLU", inner="<body><layers /></body>")), 8, "m")


@pytest.mark.parametrize(
    "wrong",
    [weights(offset="1"), weights(size="9"), weights(offset="-1"), weights(size="-8"), weights(shape="65"),
     weights(shape="1048576,1048576"), weights(offset="x"), weights(shape="?"), weights(offset="9" * 5000)],
)  # fmt: skip
def test_weights_that_are_not_there_are_told(wrong: str) -> None:
    with pytest.raises(ArtifactError, match=r"m is damaged"):
        check_openvino(network(wrong), 8, "m")


LAUGHS = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 12))


@pytest.mark.parametrize(
    "xml",
    [
        network(before=f'{START}<!DOCTYPE n [<!ENTITY l0 "ha">{LAUGHS}]>'),
        network(before=f'{START}<!DOCTYPE n SYSTEM "file:///etc/passwd">'),
        network("<!-- <layer/> -->"),
        network("<![CDATA[<layer/>]]>"),
        network("<?own thing?>"),
        network(before='<?xml version="1.0" encoding="utf-7"?>'),
        network().decode().encode("utf-16"),
        network(layer("ReLU", inner="<a>" * 10_000 + "</a>" * 10_000)),
        b"<net>",
        b"",
        b"\0" * 100,
        network("\0"),
    ],
)
def test_what_two_readers_may_read_in_two_ways_is_refused(xml: bytes) -> None:
    with pytest.raises(ArtifactError, match="m is not a readable OpenVINO model"):
        check_openvino(xml, 8, "m")
    with pytest.raises(ArtifactError, match="m is not a readable OpenVINO model"):
        require_plain_xml(xml, "m")


def test_more_layers_than_any_network_has_are_refused() -> None:
    with pytest.raises(ArtifactError, match=r"more than 20,000 layers"):
        check_openvino(network(*[layer("ReLU")] * (MOST_LAYERS + 1)), 8, "m")
