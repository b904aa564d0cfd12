"""Metadata where schema 1 kept it, and today's doesn't: inside OpenVINO's XML, and inside ONNX Runtime's own format."""

from pathlib import Path

from mnistx_runtime.artifact.sizes import MOST_BYTES
from mnistx_runtime.errors import ArtifactError


def is_inside(xml: Path) -> bool:
    """Whether an OpenVINO graph seems to hold metadata, so that none need lie beside it."""
    return xml.is_file() and xml.stat().st_size <= MOST_BYTES and b"<mnistx>" in xml.read_bytes()


def read_openvino_props(xml: bytes, source: str) -> dict[str, str]:
    """The metadata in the rt_info of an .xml file.

    Raises:
        ArtifactError: it's no XML, or has none of schema 1.

    >>> xml = b'<net><rt_info><mnistx><schema_version value="1" /></mnistx></rt_info></net>'
    >>> read_openvino_props(xml, "m.xml")
    {'schema_version': '1'}
    """
    from xml.etree import ElementTree

    from mnistx_runtime.artifact.openvino_check import require_plain_xml

    require_plain_xml(xml, source)
    try:
        section = ElementTree.fromstring(xml).find("rt_info/mnistx")
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise ArtifactError(f"{source} is not a readable OpenVINO model of mnistx's (foreign or damaged)") from error
    found = [] if section is None else list(section)
    props = {each.tag: each.get("value", "") for each in found}
    if not _is_schema_1(props):
        raise ArtifactError(f"{source}: its metadata is missing, the .json file beside it")
    return props


def read_ort_props(data: bytes, source: str) -> dict[str, str]:
    """The metadata in an .ort file, as ONNX Runtime reads it; the model is loaded for that, and not run.

    Raises:
        ArtifactError: it can't be loaded, or has none of schema 1.
    """
    try:
        if data[4:8] != b"ORTM" or b"schema_version" not in data:
            raise ValueError("nothing to load: no file of this kind, or none with metadata inside")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.add_session_config_entry("session.load_model_format", "ORT")
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ArtifactError(f"{source} is not a readable model of mnistx's (foreign, damaged or cut off)") from error
    props = dict(session.get_modelmeta().custom_metadata_map)
    if not _is_schema_1(props):
        raise ArtifactError(f"{source} carries no mnistx metadata; `mnistx export` writes models that do")
    return props


def _is_schema_1(props: dict[str, str]) -> bool:
    """Today's metadata lie elsewhere."""
    return props.get("schema_version") == "1"
