import onnx

from mnistx_export.formats.base import Conversion, format_named


def test_weights_are_halved_and_the_interface_keeps_its_types(conversion: Conversion) -> None:
    (data,) = format_named("onnx-fp16").write(conversion).values()
    model = onnx.load_from_string(data)
    kinds = {tensor.data_type for tensor in model.graph.initializer if "weight" in tensor.name}
    assert kinds == {onnx.TensorProto.FLOAT16}
    (image,), (log_probs,) = model.graph.input, model.graph.output
    assert image.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert log_probs.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert len(data) < 0.6 * len(next(iter(format_named("onnx").write(conversion).values())))
