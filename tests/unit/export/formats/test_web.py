from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mnistx_export import Model, export
from mnistx_export.formats.base import Conversion, format_named
from mnistx_runtime import BadInput, InputSpec
from mnistx_runtime.artifact.verification import verify
from mnistx_runtime.artifact.wasm import read_wasm
from mnistx_runtime.artifact.web_page import SUFFIX

pytest.importorskip("ziglang", reason="ziglang is missing: pip install 'mnistx-export[web]'")
pytest.importorskip("wasmtime", reason="wasmtime is missing: pip install 'mnistx-runtime[web]'")


@pytest.mark.slow
def test_weights_are_those_of_c_int8(conversion: Conversion) -> None:
    page = format_named("web").write(conversion)
    wasm = read_wasm(page, "p")
    assert set(page) == {SUFFIX}
    text = format_named("c-int8").write(replace(conversion, target="speed"))[".c99/model.c"].decode()
    body = text.partition("static const int8_t ")[2].partition("= {")[2].partition("}")[0]
    written = bytes(int(number) & 255 for number in body.split(",") if number.strip())
    assert len(written) > 100 and written in wasm.data


@pytest.mark.parametrize(
    ("parameters", "is_there"),
    [
        ({}, True),
        ({"interpolation": "bicubic"}, True),
        ({"interpolation": "lanczos"}, False),
        ({"antialias": False}, False),
    ],
    ids=str,
)
def test_pictures_are_prepared_or_the_page_is_refused(
    parameters: dict[str, object], is_there: bool, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    spec = InputSpec(
        channels=3, height=8, width=8, mean=(0.5,) * 3, std=(0.5,) * 3, preprocess="resize", parameters=parameters
    )
    model = Model(nn.Sequential(nn.MaxPool2d(4), nn.Flatten(), nn.Linear(12, 2)).eval(), spec, ("a", "b"))
    if is_there:
        assert export(model, "web-fp32", tmp_path / "m-fp32.html").passed
        assert verify(tmp_path / "m-fp32.html").passed
        return
    with pytest.raises(BadInput, match="a page can't prepare pictures by preprocess 'resize' as this spec"):
        export(model, "web-fp32", tmp_path / "m-fp32.html")
    assert list(tmp_path.iterdir()) == []


def test_it_needs_images_to_calibrate_on(conversion: Conversion) -> None:
    with pytest.raises(BadInput, match="int8 is calibrated on images"):
        format_named("web").write(replace(conversion, calibration=None))
