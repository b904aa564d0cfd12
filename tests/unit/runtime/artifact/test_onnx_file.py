import onnx
import pytest
from onnx import numpy_helper

from mnistx_runtime.artifact.onnx_file import props_and_weights
from mnistx_runtime.errors import ArtifactError
from mnistx_runtime.predictor import BUNDLED


def test_it_reads_what_the_onnx_package_reads() -> None:
    model = onnx.load(BUNDLED)
    props, weights = props_and_weights(BUNDLED.read_bytes(), "m")
    assert props == {entry.key: entry.value for entry in model.metadata_props}
    parameters = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer if "." in i.name}
    assert weights.keys() == parameters.keys() and len(weights) == 8
    for name, array in parameters.items():
        assert weights[name].shape == array.shape
        assert (weights[name] == array).all()


def test_a_file_cut_off_anywhere_is_told_or_lacks_its_end() -> None:
    data = BUNDLED.read_bytes()
    whole, _ = props_and_weights(data, "m")
    told = 0
    for size in range(0, len(data) - 1, 15_013):
        try:
            props, _ = props_and_weights(data[:size], "m")
        except ArtifactError:
            told += 1
        else:
            assert props != whole
    assert told > 100


@pytest.mark.parametrize("data", [b"not a model at all", b"\x3a\xff\xff\xff\xff", b"\x3b\x00", b"\xff" * 40])
def test_what_is_no_model_is_told(data: bytes) -> None:
    with pytest.raises(ArtifactError, match="m is not a readable ONNX model"):
        props_and_weights(data, "m")
