from pathlib import Path
from xml.sax.saxutils import quoteattr

import onnxruntime
import pytest

from mnistx_runtime import verify
from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.artifact.schema_1 import read_openvino_props, read_ort_props
from mnistx_runtime.errors import ArtifactError
from seal_bundled import props_of_schema_1, seal_bundled


def old_ort(folder: Path, schema: int = 1) -> Path:
    """The bundled model in ONNX Runtime's format, metadata inside it, as the first mnistx wrote it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(folder / "old.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    source = seal_bundled(folder / "old.onnx", schema)
    onnxruntime.InferenceSession(source.read_bytes(), options, providers=["CPUExecutionProvider"])
    return folder / "old.ort"


def test_an_ort_file_of_schema_1_still_loads_and_says_what_it_can_not_show(tmp_path: Path) -> None:
    found = verify(old_ort(tmp_path))
    assert found.passed and found.schema == 1 and found.parts == {"model": "unseen", "metadata": "match"}
    assert "can't show a changed graph" in "\n".join(found.lines())


def test_an_ort_file_of_todays_schema_needs_its_metadata_behind_it(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="carries no mnistx metadata"):
        verify(old_ort(tmp_path, schema=2))
    (tmp_path / "old.ort").write_bytes(b"no model")
    with pytest.raises(ArtifactError, match="foreign, damaged or cut off"):
        read_ort_props((tmp_path / "old.ort").read_bytes(), "old.ort")


@pytest.mark.parametrize("data", [b"", bytes(100), b"\0\0\0\0ORTM" + bytes(100), b"\0\0\0\0TFL3schema_version"])
def test_what_can_be_no_ort_file_of_schema_1_is_not_given_to_the_runtime(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *_, **__: pytest.fail("it was loaded"))
    with pytest.raises(ArtifactError, match="foreign, damaged or cut off"):
        read_ort_props(data, "old.ort")


def test_openvino_s_metadata_of_schema_1_is_read_inside_the_graph(tmp_path: Path) -> None:
    props = props_of_schema_1()
    values = "".join(f"<{name} value={quoteattr(value)} />" for name, value in props.items())
    xml = f"<net><layers /><rt_info><mnistx>{values}</mnistx></rt_info></net>".encode()
    assert read_openvino_props(xml, "m.xml") == props
    (tmp_path / "m.xml").write_bytes(xml)
    (tmp_path / "m.bin").write_bytes(b"weights")
    opened = open_artifact(tmp_path / "m.xml")
    assert opened.metadata.schema_version == 1 and len(opened.certificate.images) == 44


@pytest.mark.parametrize(
    "xml", [b"<net />", b"<net", b"", b"<net><rt_info><mnistx><a value='1' /></mnistx></rt_info></net>"]
)
def test_openvino_without_metadata_names_the_file_that_is_missing(xml: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"its metadata is missing, the \.json file|is not a readable OpenVINO"):
        read_openvino_props(xml, "m.xml")
