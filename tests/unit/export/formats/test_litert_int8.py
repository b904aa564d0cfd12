from dataclasses import replace

import pytest

from mnistx_export.formats.base import Conversion, format_named
from mnistx_runtime.errors import BadInput


@pytest.mark.slow
def test_weights_take_a_quarter(conversion: Conversion) -> None:
    (int8,) = format_named("litert-int8").write(conversion).values()
    (float32,) = format_named("litert").write(conversion).values()
    assert len(int8) < 0.3 * len(float32)


def test_without_images_to_calibrate_on_it_says_where_they_come_from(conversion: Conversion) -> None:
    with pytest.raises(BadInput, match=r"calibrated on images .* see --data-dir"):
        format_named("litert-int8").write(replace(conversion, calibration=None))
