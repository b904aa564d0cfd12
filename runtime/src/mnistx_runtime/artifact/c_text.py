"""Numbers and arrays as C writes them, exactly: floats in hexadecimal."""

import re
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES = {"float32": "float", "int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int32_t"}

KEYWORDS = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while""".split()  # noqa: SIM905
)


def identifier(name: str) -> str:
    """A name as an identifier of C.

    >>> identifier("mnist-cnn"), identifier("3 classes"), identifier("float")
    ('mnist_cnn', 'm3_classes', 'm_float')
    """
    found = re.sub(r"[^0-9A-Za-z]+", "_", name).strip("_").lower() or "model"
    if found[0].isdigit():
        return f"m{found}"
    return f"m_{found}" if found in KEYWORDS else found


def float_literal(value: float) -> str:
    """A float32, exactly.

    >>> float_literal(0.1), float_literal(-3), float_literal(0)
    ('0x1.99999ap-4f', '-3.0f', '0.0f')
    """
    value = float(np.float32(value))
    if value == int(value) and abs(value) < 1 << 20:
        return f"{value:.1f}f"
    mantissa, _, exponent = value.hex().partition("p")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}{'.' if fraction else ''}{fraction}p{int(exponent)}f"


def array(name: str, values: NDArray[Any]) -> str:
    """A constant array.

    >>> print(array("steps", np.array([1, -2], np.int8)))
    static const int8_t steps[2] = {
        1, -2
    };
    """
    return f"static const {TYPES[values.dtype.name]} {name}[{values.size}] = {{\n{array_body(values)}\n}};"


def array_body(values: NDArray[Any]) -> str:
    """The numbers of an array, in rows.

    >>> print(array_body(np.array([0.5, 1], np.float32)))
        0x1p-1f, 1.0f
    """
    each, count = (float_literal, 8) if values.dtype == np.float32 else (str, 20)
    texts = [each(value) for value in values.reshape(-1).tolist()]
    return ",\n".join("    " + ", ".join(texts[at : at + count]) for at in range(0, len(texts), count))


def string(text: str) -> str:
    """A text as a literal of C; what isn't ASCII as the bytes of UTF-8.

    >>> string('a"b'), string("é1")
    ('"a\\\\"b"', '"\\\\303\\\\2511"')
    """
    out = []
    for byte in text.encode():
        character = chr(byte)
        if character in '"\\' or character == "?":
            out.append(f"\\{character}")
        elif 32 <= byte < 127:
            out.append(character)
        else:
            out.append(f"\\{byte:03o}")
    return f'"{"".join(out)}"'


def fill(text: str, **values: object) -> str:
    """A template with its `$names` replaced.

    >>> fill("for (i = 0; i < $count; i++)", count=3)
    'for (i = 0; i < 3; i++)'
    """
    return Template(text).substitute(values).strip("\n")
