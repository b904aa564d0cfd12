"""A copy of a convolution's input with zeros around it, so that no window reaches beyond: as its sums take them."""

from dataclasses import dataclass

from mnistx_export.codegen.network import Layer
from mnistx_export.codegen.operators.convolution import Convolution
from mnistx_runtime.artifact.c_text import fill

_SLACK = 4  # numbers behind the copy; the last pair of an odd run reads one
_ALIGNMENT = 16  # bytes

_PAD = """
static void ${name}_pad(const $input *x, $value *padded)
{
    for (int32_t i = 0; i < $size; i++) {
        padded[i] = 0;
    }
    for (int32_t row = 0; row < $copied_rows; row++) {
        const $input *source = x + (row * $row_size);
        $value *target = padded + ((row + $top) * $padded_row_size) + $left_size;
        for (int32_t i = 0; i < $copied_size; i++) {
            target[i] = $element;
        }
    }
}
"""


@dataclass(frozen=True)
class Padding:
    """Where the copy's numbers lie.

    Args:
        height: of the copy: as far as windows reach.
        width: likewise.
        channels: of a pixel.
        needed: whether there's a copy; else the windows read the input itself.
        text: of the function that makes it.
    """

    height: int
    width: int
    channels: int
    needed: bool
    text: str

    @property
    def row_size(self) -> int:
        """Numbers in a row."""
        return self.width * self.channels

    def bytes(self, value_bytes: int) -> int:
        """Of the copy, up to the next whole 16.

        Args:
            value_bytes: of each number.
        """
        return whole_bytes((self.height * self.row_size + _SLACK) * value_bytes) if self.needed else 0


def whole_bytes(size: int) -> int:
    """A size up to the next whole alignment."""
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def padding(layer: Layer, rows: int, columns: int, value: str) -> Padding:
    """The copy for a convolution.

    Args:
        layer: a convolution.
        rows: of its sums, before a pool.
        columns: likewise.
        value: the type of the copy's numbers.
    """
    operator, x = layer.operator, layer.inputs[0]
    assert isinstance(operator, Convolution)
    kernel_height, kernel_width = operator.weights.shape[:2]
    height = (rows - 1) * operator.stride[0] + operator.dilation[0] * (kernel_height - 1) + 1
    width = (columns - 1) * operator.stride[1] + operator.dilation[1] * (kernel_width - 1) + 1
    channels, (top, left) = x.shape[2], operator.pads
    inside = (top, left) == (0, 0) and height <= x.shape[0] and width == x.shape[1]
    if inside and x.quantization is None:
        return Padding(height, width, channels, False, "")
    text = fill(
        _PAD,
        name="${name}",
        input=x.type,
        value=value,
        size=height * width * channels + _SLACK,
        copied_rows=min(x.shape[0], height - top),
        row_size=x.shape[1] * channels,
        top=top,
        padded_row_size=width * channels,
        left_size=left * channels,
        copied_size=min(x.shape[1], width - left) * channels,
        element=f"({value})(source[i] - {x.quantization.zero})" if x.quantization else "source[i]",
    )
    return Padding(height, width, channels, True, text)
