import numpy as np
import pytest

from mnistx_export.formats.base import Conversion, format_named


@pytest.mark.slow
def test_input_and_output_keep_their_names_and_types(conversion: Conversion) -> None:
    from ai_edge_litert.interpreter import Interpreter

    (data,) = format_named("litert").write(conversion).values()
    signature = Interpreter(model_content=data).get_signature_runner()
    (image,), (answers,) = signature.get_input_details().items(), signature.get_output_details().items()
    assert (image[0], image[1]["dtype"], [*image[1]["shape"]]) == ("image", np.uint8, [1, 1, 28, 28])
    assert (answers[0], answers[1]["dtype"]) == ("log_probs", np.float32)
