import numpy as np
import pytest

from mnistx_runtime.artifact.c_text import KEYWORDS, array, array_body, fill, float_literal, identifier, string


@pytest.mark.parametrize("value", [0.1, -1e-38, 1e-45, 3.4028235e38, 2**20, 2**20 - 1, 7, -0.5, 1 / 3])
def test_a_float_is_written_exactly(value: float) -> None:
    text = float_literal(value)
    assert text.endswith("f")
    read = float.fromhex(text[:-1]) if "x" in text else float(text[:-1])
    assert np.float32(read) == np.float32(value)


def test_identifiers_are_no_keywords_and_begin_with_a_letter() -> None:
    assert identifier("Mnist CNN (v2).best") == "mnist_cnn_v2_best"
    assert identifier("--") == "model"
    assert not {identifier(word) for word in KEYWORDS} & KEYWORDS


def test_arrays_have_their_type_and_count() -> None:
    assert array("w", np.array([[1, -2], [3, 4]], np.int32)).startswith(
        "static const int32_t w[4] = {\n    1, -2, 3, 4\n"
    )
    assert len(array_body(np.zeros(41, np.int8)).splitlines()) == 3


def test_strings_survive_quotes_and_trigraphs() -> None:
    assert string('??/ "x" \\ \n') == r'"\?\?/ \"x\" \\ \012"'


def test_a_template_without_a_value_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        fill("$there $missing", there=1)
