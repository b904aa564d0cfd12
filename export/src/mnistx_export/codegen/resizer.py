"""The files in C that scale a picture to a model's image, as the preprocess `resize` does."""

from mnistx_export.codegen.reader_pair import LARGEST, fill_pair
from mnistx_runtime.artifact.c_reader import STATUSES
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.preprocess.resize import Resize

_SUPPORT = {"box": 0.5, "bilinear": 1.0, "bicubic": 2.0}
"""By the filters that are written, how far they reach."""

_STEPS = ("head_scaled", "scale", "read_scaled", "reason")


def resizer_files(spec: InputSpec, name: str) -> dict[str, bytes]:
    """The pair of files; none for a filter that is only in Python: nearest, hamming, lanczos, or without antialias.

    Args:
        spec: of the model's input.
        name: of the model; see `c_files`.

    Returns:
        Names, and contents.
    """
    how = Resize.from_dict(spec.parameters)
    if not how.antialias or how.interpolation not in _SUPPORT:
        return {}
    middle = LARGEST * max(spec.height, spec.width) * spec.channels
    values = {
        "bytes": -(-(12 * (LARGEST + 2) + middle) // 16) * 16,
        "middle_bytes": middle,
        "channels": spec.channels,
        "mode": how.mode,
        "size": how.size or max(spec.height, spec.width),
        "interpolation": how.interpolation,
        "support": _SUPPORT[how.interpolation],
    }
    return fill_pair(name, "read_scaled.h", _STEPS, values, [each for each in STATUSES if each.status <= 0])
