from typing import Any

import pytest

from mnistx_export.codegen.node import Node, unsupported
from mnistx_runtime.errors import BadInput


def node(**attributes: Any) -> Node:
    return Node("stem", "Conv", (), {}, attributes, (), ())


def test_pairs_and_pads_have_onnx_defaults() -> None:
    assert node().pair("strides") == (1, 1)
    assert node(strides=(2, 3)).pair("strides") == (2, 3)
    assert node(strides=(2,)).pair("strides") == (2, 2)
    assert node().pads() == (0, 0, 0, 0)
    assert node(pads=(1, 2, 3, 4), auto_pad=b"NOTSET").pads() == (1, 2, 3, 4)


def test_padding_without_numbers_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match=r"layer 'stem' .Conv.: its padding isn't given in numbers"):
        node(auto_pad=b"SAME_LOWER").pads()
    assert "layer 'x' (Y): z" in str(unsupported("x", "Y", "z"))
