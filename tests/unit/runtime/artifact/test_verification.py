from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

from mnistx_runtime import ArtifactError, verify
from mnistx_runtime.predictor import BUNDLED


def changed(path: Path, name: str, index: tuple[int, ...], delta: float) -> Path:
    """The bundled model with one number of it changed."""
    model = onnx.load(BUNDLED)
    tensor = next(i for i in model.graph.initializer if i.name == name)
    values = numpy_helper.to_array(tensor).copy()
    values[index] += delta
    tensor.CopyFrom(numpy_helper.from_array(values, name))
    onnx.save(model, path)
    return path


def test_the_bundled_model_is_the_trained_one() -> None:
    found = verify(BUNDLED)
    assert found.passed and found.weights == "match" and found.runtime == "ort"
    assert found.parity.count == 44 and found.parity.changed == 0


def test_a_weight_that_changes_no_answer_is_caught_by_its_digest(tmp_path: Path) -> None:
    found = verify(changed(tmp_path / "m.onnx", "fc1.weight", (17, 1234), 1e-7))
    assert found.parity.passed and found.weights == "differ" and not found.passed


def test_a_weight_that_changes_answers_is_caught_by_the_golden_images_too(tmp_path: Path) -> None:
    found = verify(changed(tmp_path / "m.onnx", "conv1.weight", (3, 0, 1, 1), 0.01))
    assert not found.parity.passed and not found.passed


def test_a_mean_changed_in_its_third_digit_is_caught(tmp_path: Path) -> None:
    model = onnx.load(BUNDLED)
    subtracted = next(node.input[1] for node in model.graph.node if node.op_type == "Sub")
    found = verify(changed(tmp_path / "m.onnx", subtracted, (), 0.001))
    assert found.weights == "match" and not found.parity.passed


def test_a_normalization_that_was_dropped_is_caught(tmp_path: Path) -> None:
    model = onnx.load(BUNDLED)
    first, sub, last = (n for n in model.graph.node if n.op_type in ("Div", "Sub"))
    assert [first.op_type, sub.op_type, last.op_type] == ["Div", "Sub", "Div"]
    following = next(node for node in model.graph.node if last.output[0] in node.input)
    following.input[0] = first.output[0]
    for node in (sub, last):
        model.graph.node.remove(node)
    onnx.save(model, tmp_path / "m.onnx")
    assert not verify(tmp_path / "m.onnx").passed


def test_class_names_that_were_swapped_are_caught_by_the_metadata_s_digest(tmp_path: Path) -> None:
    model = onnx.load(BUNDLED)
    names = next(entry for entry in model.metadata_props if entry.key == "names")
    names.value = names.value.replace('"3"', '"x"').replace('"8"', '"3"').replace('"x"', '"8"')
    model.metadata_props.add(key="author", value="another tool")
    onnx.save(model, tmp_path / "m.onnx")
    found = verify(tmp_path / "m.onnx")
    assert found.parity.passed and found.weights == "match" and found.metadata == "differ" and not found.passed


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    onnx.save(onnx.load(BUNDLED), tmp_path / "m.onnx", save_as_external_data=True, location="m.bin", size_threshold=100)
    with pytest.raises(ArtifactError, match=r"self-contained|readable"):
        verify(tmp_path / "m.onnx")


def test_a_model_without_certificate_is_told(tmp_path: Path) -> None:
    model = onnx.load(BUNDLED)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(ArtifactError, match="carries no mnistx metadata"):
        verify(tmp_path / "m.onnx")
