import numpy as np

from mnistx_export.codegen.network import Kernel, Layer, Network, Quantization, Tensor
from mnistx_export.codegen.operators.flatten import Flatten
from mnistx_export.codegen.workspace import plan

IMAGE = Tensor("image", (1, 4, 4), Quantization(1.0, 0))


def chain(*sizes: int) -> Network:
    layers, last = [], IMAGE
    for at, size in enumerate(sizes):
        found = Tensor(f"t{at}", (size,), Quantization(1.0, 0))
        layers.append(Layer(f"l{at}", Flatten(), (last,), found))
        last = found
    return Network(IMAGE, tuple(layers))


def test_a_chain_needs_two_neighbours_at_a_time() -> None:
    network = chain(100, 30, 100, 30, 10)
    space = plan(network, [Kernel("k", "text")] * 5)
    assert space.bytes == 112 + 32
    assert "t4" not in space.offsets  # the answer is the caller's
    for at in range(3):
        first, second = f"t{at}", f"t{at + 1}"
        sizes = {"t0": 100, "t1": 30, "t2": 100, "t3": 30}
        start, other = space.offsets[first], space.offsets[second]
        assert start + sizes[first] <= other or other + sizes[second] <= start
    assert all(offset % 16 == 0 for offset in space.offsets.values())


def test_what_is_needed_later_stays() -> None:
    a, b, c = (Tensor(name, (64,), Quantization(1.0, 0)) for name in "abc")
    last = Tensor("last", (64,))
    layers = (
        Layer("a", Flatten(), (IMAGE,), a),
        Layer("b", Flatten(), (a,), b),
        Layer("c", Flatten(), (b,), c),
        Layer("last", Flatten(), (a, c), last),
    )
    space = plan(Network(IMAGE, layers), [Kernel("k", "text")] * 4)
    assert len({space.offsets[name] for name in "abc"}) == 3


def test_layers_that_do_nothing_and_scratch() -> None:
    network = chain(48, 48, 10)
    kernels = [Kernel("k", "text"), Kernel("nothing", ""), Kernel("k", "text", scratch=100)]
    space = plan(network, kernels)
    assert space.same == {"t1": "t0"}
    assert list(space.offsets) == ["t0"]
    assert space.scratch.keys() == {"t2"}
    places = sorted([(space.offsets["t0"], 48), (space.scratch["t2"], 100)])
    assert places[0][0] + places[0][1] <= places[1][0]
    assert space.bytes == int(np.ceil((places[1][0] + places[1][1]) / 16)) * 16
