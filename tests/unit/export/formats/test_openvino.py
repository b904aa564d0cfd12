import xml.etree.ElementTree as ET

import pytest

from mnistx_export.formats.base import Conversion, format_named


@pytest.mark.slow
def test_the_graph_and_its_weights_are_two_files_in_float32(conversion: Conversion) -> None:
    files = format_named("openvino").write(conversion)
    assert list(files) == [".xml", ".bin"]
    net = ET.fromstring(files[".xml"].decode())
    kinds = {data.get("element_type") for data in net.iter("data")}
    assert "f32" in kinds and "f16" not in kinds
    names = [layer.get("name") or "" for layer in net.iter("layer")]
    assert all(name.rpartition("_")[2] == layer.get("id") for name, layer in zip(names, net.iter("layer"), strict=True)
               if layer.get("type") not in ("Parameter", "Result"))  # fmt: skip
