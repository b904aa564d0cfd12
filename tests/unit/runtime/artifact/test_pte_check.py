from typing import Any

import pytest

from fuzz.flat_files import pte, xnnpack
from mnistx_runtime.artifact.pte_check import ALLOWED, check_pte
from mnistx_runtime.errors import ArtifactError

PLAN = "plans.0"
TENSOR, STEPS = f"{PLAN}.values.0.value.1", f"{PLAN}.chains.0.steps"


def test_a_program_of_layers_passes() -> None:
    check_pte(pte(), "m.pte")


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (f"{STEPS}.0.step", (4, {}), "jumps, .*--allow-foreign"),
        (f"{STEPS}.0", {}, "a step that is none"),
        (f"{PLAN}.kernels.0.name", b"aten::rand", "the operator aten::rand"),
        (f"{PLAN}.kernels.0.name", b"own::op", "the operator own::op"),
        (f"{PLAN}.delegates.0.id", b"Other", "the delegate Other"),
        ("plans", [], "0 methods"),
        ("variables", [{}], "variables that keep a state"),
        (f"{TENSOR}.more", {"where": 1}, "a tensor that lies elsewhere"),
        (f"{TENSOR}.offset", 1, "a tensor that lies elsewhere"),
        (f"{STEPS}.1.step.1.index", 1, "kernel 1 of 1"),
        (f"{STEPS}.0.step.1.index", -1, "delegate -1 of 1"),
        (f"{STEPS}.0.step.1.values", [6], "value 6 of 6"),
        (f"{STEPS}.0.step", (3, {"from": 0, "to": 8}), "value 8 of 6"),
        (f"{STEPS}.0.step", (5, {"value": -1}), "value -1 of 6"),
        (f"{STEPS}.0.step", (9, {}), "step are of kind 9"),
        (f"{PLAN}.chains.0.inputs", [6], "value 6 of 6"),
        (f"{PLAN}.inputs", [6], "value 6 of 6"),
        (f"{PLAN}.outputs", [-1], "value -1 of 6"),
        (f"{PLAN}.values.3.value.1.items", [6], "value 6 of 6"),
        (f"{PLAN}.values.3.value.1.items", [5], "a list of tensors with something else in it"),
        (f"{PLAN}.values.4.value.1.values", [6], "value 6 of 6"),
        (f"{TENSOR}.shape", [1, -4], r"a tensor of shape \[1, -4\]"),
        (f"{TENSOR}.order", [0, 2], "a tensor of shape"),
        (f"{TENSOR}.order", [0], "a tensor of shape"),
        (f"{TENSOR}.type", 9, "a tensor of shape"),
        (f"{TENSOR}.shape", [1, 9], r"shape \[1, 9\] has 32 bytes"),
        (f"{TENSOR}.place", {"memory": 1, "low": 20}, "has 12 bytes"),
        (f"{TENSOR}.place", {"memory": 1, "high": 1}, "has 0 bytes"),
        (f"{TENSOR}.place", {"memory": 2}, "memory 2 of 2"),
        (f"{TENSOR}.place", {"memory": 0}, "memory 0 of 2"),
        (f"{TENSOR}.data", 1, "a tensor of shape"),
        (f"{PLAN}.values.2.value.1.shape", [3], r"shape \[3\] has 8 bytes"),
        (f"{PLAN}.values.2.value.1.data", 2, "constant 2 of 2"),
        (f"{PLAN}.memories", [0, 1 << 40], "memory of 1,099,511,627,776 bytes"),
        (f"{PLAN}.memories", [0, -1], "memory of -1 bytes"),
        ("segments.1", {"offset": 1 << 50, "size": 1}, "a segment of 1 bytes"),
        ("constants.segment", 2, "segment 2 of 2"),
        ("constants.offsets", [0, 25], "a constant outside of its 24 bytes"),
        (f"{PLAN}.delegates.0.blob", {"where": 1, "index": 2}, "delegate 2 of 2"),
        (f"{PLAN}.delegates.0.blob", {"where": 0, "index": 0}, "delegate 0 of 0"),
        (f"{PLAN}.delegates.0.blob", {"where": 1, "index": 1}, "XNNPACK's without a header"),
        ("named", [{"key": b"a", "segment": 3}], "segment 3 of 2"),
    ],
)
def test_what_no_classifier_holds_and_what_is_not_there_is_told(path: str, value: Any, told: str) -> None:
    with pytest.raises(ArtifactError, match=rf"^m\.pte (holds|is damaged).*{told}"):
        check_pte(pte(path, value), "m.pte")


def test_the_graph_of_a_delegate_is_looked_at() -> None:
    with pytest.raises(ArtifactError, match="reads 40 numbers of its filter"):
        check_pte(pte(blob=xnnpack("nodes.0.node.1.outputs", 20)), "m.pte")


@pytest.mark.parametrize("name", ["size", "begin", "room"])
def test_a_header_that_leads_elsewhere_is_told(name: str) -> None:
    with pytest.raises(ArtifactError, match=r"m\.pte is damaged: it declares"):
        check_pte(pte(header={name: 1 << 40}), "m.pte")


def test_cut_off_files_are_told() -> None:
    data = pte()
    for end in range(0, len(data), 11):
        with pytest.raises(ArtifactError, match="is damaged"):
            check_pte(data[:end], "m.pte")


def test_no_kernel_draws_random_numbers_or_reads_beside_a_tensor() -> None:
    assert not {"aten::rand", "aten::randn", "aten::as_strided_copy", "aten::native_dropout"} & ALLOWED
