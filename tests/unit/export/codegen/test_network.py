from mnistx_export.codegen.network import Layer, Network, Quantization, Tensor
from mnistx_export.codegen.operators.flatten import Flatten


def test_a_tensor_knows_its_size() -> None:
    real, whole = Tensor("x", (2, 3, 4)), Tensor("y", (5,), Quantization(0.1, 3))
    assert (real.size, real.type, real.bytes) == (24, "float", 96)
    assert (whole.size, whole.type, whole.bytes) == (5, "uint8_t", 5)


def test_readers_are_found_by_name() -> None:
    image, flat, again = Tensor("image", (1, 2, 2)), Tensor("flat", (4,)), Tensor("again", (4,))
    layers = (Layer("a", Flatten(), (image,), flat), Layer("b", Flatten(), (flat,), again))
    network = Network(image, layers)
    assert network.readers(flat) == [layers[1]]
    assert network.readers(again) == []
