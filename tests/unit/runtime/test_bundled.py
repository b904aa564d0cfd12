from command import ROOT
from mnistx_runtime.artifact.digests import sha256
from mnistx_runtime.bundled import BUNDLED, BUNDLED_SHA256


def test_the_bundled_model_is_the_released_one_and_the_one_that_is_published() -> None:
    assert sha256(BUNDLED.read_bytes()) == BUNDLED_SHA256
    assert BUNDLED.read_bytes() == (ROOT / "artifacts" / "mnist-cnn.onnx").read_bytes()
    assert BUNDLED_SHA256 in (ROOT / "SECURITY.md").read_text()
