import numpy as np

from mnistx_export.codegen.clamp import Clamp
from mnistx_export.codegen.kernels.arithmetic import arithmetic
from mnistx_export.codegen.kernels.vector_output import VectorWriter, vector_writer
from vector_kernels import Shape, convolutions


def writer_of(shape: Shape, quantized: bool) -> VectorWriter:
    layer = convolutions((3, 7, 6), quantized, {"layer": shape}).layers[1]
    return vector_writer(layer, arithmetic(layer.inputs[0], shape.outputs))


def test_floats_are_bounded_and_stored() -> None:
    written = writer_of(Shape(16, clamp=Clamp(0)), False).write("s", "y + o", 1)
    assert written == "floats16_store(y + o + (1 * LANES16), floats16_maximum(s, floats16_splat(0.0f)));"


def test_bytes_are_rescaled_by_the_multipliers_of_their_outputs() -> None:
    found = writer_of(Shape(16), True)
    assert [each.name for each in found.constants] == ["multiplier"]
    assert "ints16_rescale(s, ints16_load(multiplier + o + (1 * LANES16))," in found.write("s", "y", 1)
    assert found.write("s", "y").startswith("ints16_store_uint8(y + (0 * LANES16), ")


def test_sums_of_bytes_become_real_numbers_by_their_step() -> None:
    found = writer_of(Shape(16, real=True), True)
    (step,) = found.constants
    assert step.name == "step"
    assert step.values.dtype == np.float32
    assert "floats16_multiply(floats16_of_ints(s), floats16_load(step + o + (0 * LANES16)))" in found.write("s", "y")


def test_no_more_outputs_are_written_than_there_are() -> None:
    found = writer_of(Shape(6), True)
    assert found.constants[0].values.shape == (8,)
    assert "((o + (0 * LANES8) + l) < 6)" in found.write("s", "y")
