"""The parity certificate: golden images and the trained model's answers to them, inside the artifact."""

import json
import zlib
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistx_runtime.artifact.parity import FLOAT32, Tolerance
from mnistx_runtime.errors import ArtifactError, describe_error

KEY = "certificate"
MOST_IMAGES = 1024
MOST_PIXELS = 1 << 27  # of all images; numbers of all channels


@dataclass(frozen=True, eq=False)
class Certificate:
    """What a device needs to check itself without torch.

    Args:
        images: golden images, uint8 `(G, channels, height, width)`.
        log_probs: the trained module's answers to them, computed in float64 and rounded to float32 `(G, classes)`.
        tolerance: how far the artifact may be from them, and of reduced precision from `own`.
        in_distribution: how many of the images, the first ones, look like what the model was trained on. Reduced
            precision keeps its tolerance for these only, as other images lie far outside the ranges that it was
            calibrated to. None: the tolerance is for all images.
        own: of reduced precision, whose tolerance is too wide to show a fault: this very artifact's answers to the
            golden images when it was exported `(G, classes)`.
    """

    images: NDArray[np.uint8]
    log_probs: NDArray[np.float32]
    tolerance: Tolerance = FLOAT32
    in_distribution: int | None = None
    own: NDArray[np.float32] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The certificate as JSON-ready values, arrays as base64 of their little-endian bytes, the images deflated."""
        values = {
            "tolerance": asdict(self.tolerance),
            "count": len(self.images),
            "images_zlib": b2a_base64(zlib.compress(self.images.tobytes(), 9), newline=False).decode(),
            "log_probs": _encode(self.log_probs),
        }
        if self.in_distribution is not None:
            values["in_distribution"] = self.in_distribution
        if self.own is not None:
            values["own"] = _encode(self.own)
        return values

    @classmethod
    def from_props(
        cls, props: Mapping[str, str], shape: tuple[int, int, int], classes: int, source: str = "the model"
    ) -> "Certificate":
        """Read the certificate among an artifact's string properties.

        Args:
            props: of the artifact.
            shape: channels, height, width of its images.
            classes: columns of its answers.
            source: how errors name the artifact.

        Raises:
            ArtifactError: there's none, or it is damaged.
        """
        try:
            values = json.loads(props[KEY])
            count = int(values["count"])
            whole = count * int(np.prod(shape))
            if not 1 <= count <= MOST_IMAGES or whole > MOST_PIXELS:
                raise ValueError(f"{count} golden images")
            if "images_zlib" in values:
                pixels = zlib.decompressobj().decompress(a2b_base64(values["images_zlib"]), whole)
            else:
                pixels = a2b_base64(values["images"])
            known = values.get("in_distribution", values.get("drawn") or None)  # "drawn" in schema 1
            if known is not None and not 0 <= int(known) <= count:
                raise ValueError(f"{known} of {count} images in distribution")
            return cls(
                np.frombuffer(pixels, np.uint8).reshape(count, *shape).copy(),
                _decode(values["log_probs"], count, classes),
                _tolerance(values),
                None if known is None else int(known),
                _decode(values["own"], count, classes) if "own" in values else None,
            )
        except (
            LookupError,
            ValueError,
            TypeError,
            AttributeError,
            ArithmeticError,
            RecursionError,
            zlib.error,
        ) as error:
            raise ArtifactError(
                f"{source} carries a damaged certificate ({describe_error(error)}); export it again"
            ) from error


def _tolerance(values: Mapping[str, Any]) -> Tolerance:
    """Of schema 1, whose number of changed images was one in a thousand, rounded up."""
    if "tolerance" in values:
        given = values["tolerance"]
        own_atol = given["own_atol"]
        found = Tolerance(float(given["atol"]), float(given["changed"]), None if own_atol is None else float(own_atol))
    else:
        own = float(values["own_atol"]) if "own" in values else None
        found = Tolerance(float(values["atol"]), 1e-3 if values.get("changed") else 0.0, own)
    if not all(isfinite(atol) and atol >= 0 for atol in (found.atol, found.own_atol or 0.0)):
        raise ValueError(f"tolerance {found.atol}, {found.own_atol}")
    if not 0 <= found.changed <= 1:
        raise ValueError(f"{found.changed} of the predictions may change")
    return found


def _encode(answers: NDArray[np.float32]) -> str:
    return b2a_base64(answers.astype("<f4").tobytes(), newline=False).decode()


def _decode(text: str, count: int, classes: int) -> NDArray[np.float32]:
    return np.frombuffer(a2b_base64(text), "<f4").astype(np.float32).reshape(count, classes)
