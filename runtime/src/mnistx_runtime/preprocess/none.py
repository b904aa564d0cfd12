"""No preprocess: a picture must already be the image that the model reads."""

import numpy as np
from PIL import Image

from mnistx_runtime.errors import BadInput
from mnistx_runtime.input_spec import InputSpec
from mnistx_runtime.preprocess import Prepared, one_image_only


class NoPreprocess:
    """Takes pictures of the model's own size, and changes none of their pixels.

    Args:
        spec: of the model's input.

    Raises:
        BadInput: it has parameters.
    """

    version = 1
    draft = None

    def __init__(self, spec: InputSpec) -> None:
        """Keep the spec; see the class."""
        if spec.parameters:
            raise BadInput(f"preprocess 'none' takes no parameters, not {', '.join(spec.parameters)}")
        self._spec = spec

    def prepare(self, picture: Image.Image) -> Prepared:
        """The picture's own pixels.

        Raises:
            BadInput: it has another size.
        """
        _, height, width = self._spec.shape
        if picture.size != (width, height):
            raise BadInput(
                f"the picture is {picture.width}x{picture.height}; this model takes {width}x{height} and names no "
                "preprocess that would scale it"
            )
        shown = picture.convert("L" if self._spec.channels == 1 else "RGB")
        image = np.asarray(shown, np.uint8).reshape(height, width, -1).transpose(2, 0, 1)
        return Prepared(shown, (0, 0, width, height), np.ascontiguousarray(image))

    def prepare_many(self, picture: Image.Image) -> list[list[Prepared]]:  # noqa: ARG002
        """See `Preprocess.prepare_many`."""
        raise one_image_only(self._spec)
