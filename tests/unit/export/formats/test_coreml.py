import json

import pytest

from mnistx_export.formats.base import Conversion, format_named


@pytest.mark.slow
def test_a_package_holds_a_manifest_a_model_and_its_weights_without_a_date(conversion: Conversion) -> None:
    files = format_named("coreml").write(conversion)
    assert [name.rpartition("/")[2] for name in files] == ["Manifest.json", "model.mlmodel", "weight.bin"]
    manifest = json.loads(files[".mlpackage/Manifest.json"])
    paths = {entry["path"] for entry in manifest["itemInfoEntries"].values()}
    folder = ".mlpackage/Data/"
    assert all(any(name.startswith(folder + path) for name in files) for path in paths)
    assert b"com.github.apple.coremltools" not in files[folder + "com.apple.CoreML/model.mlmodel"]
