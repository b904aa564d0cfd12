"""From the image, uint8 channel by channel, to what the first layer reads: normalized, pixel by pixel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistx_export.codegen.network import Constant, Kernel, Layer, Quantization, as_float32
from mnistx_export.codegen.scales import to_byte
from mnistx_runtime.artifact.c_text import fill, float_literal

_NORMALIZE = """
static void $name(const uint8_t *x, $parameters$output *y)
{
    for (int32_t c = 0; c < $channels; c++) {
        for (int32_t i = 0; i < $pixels; i++) {
            y[(i * $channels) + c] = $written;
        }
        x += $pixels;
    }
}
"""


@dataclass(frozen=True, eq=False)
class Normalize:
    """(x / 255 - mean) / std, in this order and in float32, as PyTorch does it.

    Args:
        mean: one a channel.
        std: likewise.
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]

    def kernel(self, layer: Layer) -> Kernel:
        """See `Operator.kernel`."""
        channels, height, width = layer.inputs[0].shape
        quantization = layer.output.quantization
        sizes = {"channels": channels, "pixels": height * width}
        if quantization:
            table = Constant("table", self._table(quantization))
            written = f"table[{256 if channels > 1 else 0} * c + x[i]]" if channels > 1 else "table[x[i]]"
            parameters = "const uint8_t *table, "
            text = fill(_NORMALIZE, **sizes, output="uint8_t", parameters=parameters, written=written, name="$name")
            return Kernel("normalize", text, (table,))
        if len({*self.mean.tolist()}) == len({*self.std.tolist()}) == 1:
            mean, std = float_literal(self.mean[0]), float_literal(self.std[0])
            written = f"(((float)x[i] / 255.0f) - {mean}) / {std}"
            text = fill(_NORMALIZE, **sizes, output="float", parameters="", written=written, name="$name")
            return Kernel("normalize", text)
        constants = Constant("mean", as_float32(self.mean)), Constant("deviation", as_float32(self.std))
        parameters = "const float *mean, const float *deviation, "
        written = "(((float)x[i] / 255.0f) - mean[c]) / deviation[c]"
        text = fill(_NORMALIZE, **sizes, output="float", parameters=parameters, written=written, name="$name")
        return Kernel("normalize", text, constants)

    def _table(self, quantization: Quantization) -> NDArray[np.uint8]:
        """Bytes by channel and pixel, uint8 `(channels, 256)`."""
        pixels = np.arange(256, dtype=np.float32) / np.float32(255)
        real = (pixels - self.mean[:, None]) / self.std[:, None]
        return np.array([[to_byte(float(value), quantization) for value in row] for row in real], np.uint8)


@dataclass(frozen=True)
class Interleave:
    """Pixels as they are, where their scale and zero point hold the normalization; channel by channel no more."""

    def kernel(self, layer: Layer) -> Kernel:
        """See `Operator.kernel`."""
        channels, height, width = layer.inputs[0].shape
        if channels == 1:
            return Kernel("interleave", "")
        pixels = height * width
        text = fill(
            _NORMALIZE, channels=channels, pixels=pixels, output="uint8_t", parameters="", written="x[i]", name="$name"
        )
        return Kernel("interleave", text)
