import json

import pytest
from torch import Tensor, nn

from mnistx_export.formats.base import Conversion, format_named
from mnistx_runtime import InputSpec
from mnistx_train.evaluation.inference import DeployedModule


@pytest.mark.slow
def test_a_package_holds_a_manifest_a_model_and_its_weights_without_a_date(conversion: Conversion) -> None:
    files = format_named("coreml").write(conversion)
    assert [name.rpartition("/")[2] for name in files] == ["Manifest.json", "model.mlmodel", "weight.bin"]
    manifest = json.loads(files[".mlpackage/Manifest.json"])
    paths = {entry["path"] for entry in manifest["itemInfoEntries"].values()}
    folder = ".mlpackage/Data/"
    assert all(any(name.startswith(folder + path) for name in files) for path in paths)
    assert b"com.github.apple.coremltools" not in files[folder + "com.apple.CoreML/model.mlmodel"]


SPEC = InputSpec(channels=3, height=16, width=20, mean=(0.5,) * 3, std=(0.25,) * 3)


class Sized(nn.Module):
    """Computes its sizes from those of its input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        batch, channels, height, width = x.size()
        x = x.view(batch, 2, channels // 2, height * width).transpose(1, 2)
        return self.fc(x.reshape(batch, channels, height * width).mean(2))  # type: ignore[no-any-return]


@pytest.mark.slow
def test_computed_sizes_are_carried_and_log_softmax_stays_finite() -> None:
    proto = pytest.importorskip("coremltools.proto.Model_pb2")
    deployed = DeployedModule(Sized(), SPEC, "logits").eval()
    files = format_named("coreml").write(Conversion(deployed, SPEC))
    model = proto.Model.FromString(files[".mlpackage/Data/com.apple.CoreML/model.mlmodel"])
    (block,) = model.mlProgram.functions["main"].block_specializations.values()
    kinds = [operation.type for operation in block.operations]
    assert "softmax" not in kinds and kinds.index("reduce_max") < kinds.index("exp") < kinds.index("log")
    (image,) = model.description.input
    assert block.operations[-1].outputs[0].type.tensorType.dimensions[0].WhichOneof("dimension") == "unknown"
    assert [r.upperBound for r in image.type.multiArrayType.shapeRange.sizeRanges] == [1024, 3, 16, 20]
