from generated_c import float_network
from mnistx_export.codegen.clamp import Clamp
from mnistx_export.codegen.kernels import KERNELS, choose_kernel
from mnistx_export.codegen.operators.activation import bounds
from mnistx_export.formats import TARGETS


def test_each_target_has_its_kernels() -> None:
    assert KERNELS.keys() == TARGETS.keys()
    assert KERNELS["portable"] == ()


def test_what_no_kernel_fits_gets_the_plain_one() -> None:
    layer = float_network((1, 2, 2), (bounds(Clamp(0)), (2, 2, 1))).layers[1]
    for target in TARGETS:
        assert choose_kernel(layer, target).text == layer.operator.kernel(layer).text
