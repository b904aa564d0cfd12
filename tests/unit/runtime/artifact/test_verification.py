from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mnistx_runtime import ArtifactError, verify
from mnistx_runtime.artifact.certificate import Certificate
from mnistx_runtime.artifact.container import Artifact, open_artifact, seal
from mnistx_runtime.artifact.metadata import ITSELF, Metadata
from mnistx_runtime.artifact.onnx_file import write_props
from mnistx_runtime.artifact.parity import Parity, Tolerance
from mnistx_runtime.artifact.verification import Verification, verify_loaded
from mnistx_runtime.backends import backend
from seal_bundled import seal_bundled


def golden_parity(path: Path) -> Parity:
    """What the golden images alone would say."""
    opened = open_artifact(path)
    found = verify_loaded(opened, backend("ort").load(opened, 1)).parity
    assert found is not None
    return found


def change_weight(path: Path, name: str, index: tuple[int, ...], delta: float) -> Path:
    """Change one number of a model."""
    model = onnx.load(path)
    tensor = next(i for i in model.graph.initializer if i.name == name)
    values = numpy_helper.to_array(tensor).copy()
    values[index] += delta
    tensor.CopyFrom(numpy_helper.from_array(values, name))
    onnx.save(model, path)
    return path


@pytest.fixture(params=[1, 2])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The bundled model, with metadata of either schema."""
    return seal_bundled(tmp_path / "m.onnx", request.param)


def is_of_schema_1(path: Path) -> bool:
    return open_artifact(path).metadata.schema_version == 1


def test_the_bundled_model_is_the_exported_one(path: Path) -> None:
    found = verify(path)
    assert found.passed and found.parts["weights"] == found.parts["metadata"] == "match" and found.runtime == "ort"
    assert found.parity is not None and found.parity.count == 44 and found.parity.changed == 0
    assert found.parts["graph"] == ("unseen" if is_of_schema_1(path) else "match")
    assert found.schema == (1 if is_of_schema_1(path) else 2)
    assert found.lines()[0] == f"{path}: matches its certificate (ort)"
    assert ("can't show a changed graph" in "\n".join(found.lines())) == is_of_schema_1(path)


def test_a_weight_that_changes_no_answer_is_caught_by_its_digest(path: Path) -> None:
    found = verify(change_weight(path, "fc1.weight", (17, 1234), 1e-7))
    assert golden_parity(path).passed
    assert found.parts["weights"] == "differ" and found.differences == ["weights"] and not found.passed
    assert found.lines()[0].endswith("IS NOT WHAT WAS EXPORTED: weights differ (ort)")


def test_a_weight_that_changes_answers_is_caught_by_the_golden_images_too(path: Path) -> None:
    found = verify(change_weight(path, "conv1.weight", (3, 0, 1, 1), 0.01))
    assert not golden_parity(path).passed and not found.passed


def test_what_is_not_what_was_exported_is_not_run(tmp_path: Path) -> None:
    path = seal_bundled(tmp_path / "m.onnx")
    found = verify(change_weight(path, "conv1.weight", (3, 0, 1, 1), 0.01))
    assert found.parity is None and found.own is None and found.to_dict()["parity"] is None
    assert "not asked" in "\n".join(found.lines())
    broken = write_props(b"\x3a\x02\x0a\x00", open_artifact(path).props)  # ONNX Runtime can't load it
    path.write_bytes(broken)
    assert set(verify(path).differences) == {"graph", "weights"}


def test_a_mean_changed_in_its_third_digit_is_caught(path: Path) -> None:
    model = onnx.load(path)
    subtracted = next(node.input[1] for node in model.graph.node if node.op_type == "Sub")
    found = verify(change_weight(path, subtracted, (), 0.001))
    assert not golden_parity(path).passed and not found.passed
    assert found.parts["weights"] == ("match" if is_of_schema_1(path) else "differ")
    assert found.differences == (["answers"] if is_of_schema_1(path) else ["weights"])


def test_a_normalization_that_was_dropped_is_caught(path: Path) -> None:
    model = onnx.load(path)
    first, sub, last = (n for n in model.graph.node if n.op_type in ("Div", "Sub"))
    assert [first.op_type, sub.op_type, last.op_type] == ["Div", "Sub", "Div"]
    following = next(node for node in model.graph.node if last.output[0] in node.input)
    following.input[0] = first.output[0]
    for node in (sub, last):
        model.graph.node.remove(node)
    onnx.save(model, path)
    found = verify(path)
    assert not found.passed
    assert found.differences == (["answers"] if is_of_schema_1(path) else ["graph"])


def test_class_names_that_were_swapped_are_caught_by_the_metadata_s_digest(path: Path) -> None:
    model = onnx.load(path)
    names = next(entry for entry in model.metadata_props if entry.key == "names")
    names.value = names.value.replace('"3"', '"x"').replace('"8"', '"3"').replace('"x"', '"8"')
    model.metadata_props.add(key="author", value="another tool")
    onnx.save(model, path)
    found = verify(path)
    assert found.parity is not None and found.parity.passed
    assert found.parts["weights"] == "match" and found.parts["metadata"] == "differ" and not found.passed
    assert found.differences == ["metadata"]


def test_metadata_of_other_tools_may_be_added(path: Path) -> None:
    path.write_bytes(write_props(path.read_bytes(), open_artifact(path).props | {"author": "another tool"}))
    assert verify(path).passed


def test_weights_in_another_file_are_refused(path: Path) -> None:
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="m.bin", size_threshold=100)
    with pytest.raises(ArtifactError, match=r"self-contained"):
        verify(path)


def test_a_model_without_certificate_is_told(path: Path) -> None:
    opened = open_artifact(path)
    path.write_bytes(write_props(path.read_bytes(), {}))
    with pytest.raises(ArtifactError, match="carries no mnistx metadata"):
        verify(path)
    del opened.props["certificate"]
    path.write_bytes(write_props(path.read_bytes(), opened.props))
    with pytest.raises(ArtifactError, match="damaged certificate"):
        verify(path)


def test_a_checkpoint_and_a_foreign_ending_are_told() -> None:
    with pytest.raises(ArtifactError, match="mnistx compare"):
        verify("m.safetensors")
    with pytest.raises(ArtifactError, match="no runtime reads"):
        verify("m.h5")


def reseal(
    path: Path, certificate: Callable[[Certificate], Certificate], change: Callable[[Metadata], Metadata] = lambda m: m
) -> Path:
    opened = open_artifact(path)
    files = seal(".onnx", opened.files, change(opened.metadata), certificate(opened.certificate))
    path.write_bytes(files[".onnx"])
    return path


def test_a_file_that_is_its_own_reference_says_so(tmp_path: Path) -> None:
    path = seal_bundled(tmp_path / "m.onnx")
    assert "never compared" not in "\n".join(verify(path).lines())
    reseal(path, lambda c: c, lambda m: replace(m, reference=ITSELF))
    found = verify(path)
    assert found.passed and found.reference == ITSELF and "never compared" in "\n".join(found.lines())


WIDE = Tolerance(5.0, changed=1.0, own_atol=1e-3)


def test_reduced_precision_is_held_to_its_own_answers_far_more_narrowly(tmp_path: Path) -> None:
    path = seal_bundled(tmp_path / "m.onnx")
    reseal(path, lambda c: replace(c, tolerance=WIDE, own=c.log_probs, log_probs=c.log_probs + 1))
    found = verify(path)
    assert found.passed and found.own is not None and found.own.max_abs < 1e-4 and found.own.atol == 1e-3
    assert found.parity is not None and found.parity.max_abs > 0.9
    reseal(path, lambda c: replace(c, own=c.log_probs))
    found = verify(path)
    assert found.own is not None and not found.own.passed and found.differences == ["answers"]


def test_of_reduced_precision_only_images_like_those_it_was_trained_on_are_promised(tmp_path: Path) -> None:
    path = seal_bundled(tmp_path / "m.onnx")

    def spoiled(count: int) -> Callable[[Certificate], Certificate]:
        def change(certificate: Certificate) -> Certificate:
            answers = certificate.log_probs.copy()
            answers[30:] -= np.float32(20)
            return replace(certificate, log_probs=answers, tolerance=WIDE, in_distribution=count)

        return change

    assert verify(reseal(path, spoiled(30))).passed
    assert verify(reseal(seal_bundled(path), spoiled(31))).differences == ["answers"]
    found = verify(reseal(seal_bundled(path), spoiled(0)))
    assert found.passed and not found.enforced and "nothing is promised" in "\n".join(found.lines())


def test_answers_are_asked_alone_and_together_and_the_worse_counts(tmp_path: Path) -> None:
    opened = open_artifact(seal_bundled(tmp_path / "m.onnx"))
    session = backend("ort").load(opened, 1)

    class WrongTogether:
        metadata, certificate = opened.metadata, opened.certificate

        def run(self, images: np.ndarray) -> np.ndarray:
            return session.run(images) + np.float32(0.5 * (len(images) > 1))

    found = verify_loaded(opened, WrongTogether())
    assert found.differences == ["answers"] and found.parity is not None and found.parity.max_abs > 0.4


def test_digests_of_parts_that_the_payload_s_digest_does_not_vouch_for_do_not_count(tmp_path: Path) -> None:
    """Else a part's digest could be exchanged with the part, and name it as matching."""
    path = change_weight(seal_bundled(tmp_path / "m.onnx"), "fc1.weight", (17, 1234), 1e-7)
    opened = open_artifact(path)
    forged = replace(opened.metadata, payload_parts=opened.part_digests)
    artifact = Artifact(path, {".onnx": write_props(path.read_bytes(), opened.props | forged.to_props())})
    path.write_bytes(artifact.files[".onnx"])
    assert set(verify(path).differences) == {"graph", "weights", "metadata"}


def test_the_json_says_what_the_lines_say() -> None:
    found = Verification("m", "ort", 2, "module", {"graph": "differ", "weights": "match", "metadata": "differ"})
    values = found.to_dict()
    assert values["passed"] is False and values["differences"] == ["graph", "metadata"]
    assert values["parts"]["weights"] == "match" and values["parity"] is None
    assert "graph and metadata differ" in found.lines()[0]
