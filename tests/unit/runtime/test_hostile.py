"""Input that once ended in a traceback, or in an answer that no one should trust."""

import io
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from command import PICTURES, json_lines, mnistx
from mnistx_runtime import ArtifactError, BadInput, Predictor, image_from_picture, verify
from mnistx_runtime.pictures import open_picture
from mnistx_runtime.predictor import BUNDLED

LONG = "a" * 300


@pytest.mark.parametrize("name", [LONG, "nul\0byte.png", f"{LONG}/b.png"])
def test_a_name_that_no_file_can_have_stops_no_other_picture(name: str) -> None:
    found = mnistx("predict", name, PICTURES / "three.jpg", "--json")
    assert found.exit_code == 2
    bad, three = json_lines(found)
    assert bad["exit_code"] == 2 and three["label"] == 3


@pytest.mark.parametrize(
    "args", [("verify", f"{LONG}.onnx"), ("inspect", f"{LONG}.onnx"), ("predict", "x", "--model", f"{LONG}.onnx")]
)
def test_names_that_no_model_can_have_get_one_line(args: tuple[str, ...]) -> None:
    found = mnistx(*args)
    assert found.exit_code == 2 and found.stderr.startswith("Error: ") and found.stderr.count("\n") == 1


@pytest.mark.parametrize("form", ["AVIF", "TIFF", "WEBP", "GIF", "JPEG2000", "TGA", "PNG", "JPEG", "BMP", "PPM"])
def test_whatever_a_decoder_raises_on_damaged_data_is_told(form: str) -> None:
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    Image.fromarray(noise).save(file, form)
    data = file.getvalue()
    random = np.random.default_rng(1)
    for _ in range(40):
        damaged = bytearray(data)
        for at in random.integers(0, len(data), 12):
            damaged[at] = random.integers(0, 256)
        try:
            assert open_picture(bytes(damaged)).size
        except BadInput as error:
            assert str(error)


def test_postscript_is_not_run() -> None:
    page = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 30 30\n%%EndComments\nshowpage\n%%EOF\n"
    with pytest.raises(BadInput, match="not a picture in a format"):
        open_picture(page)


@pytest.mark.parametrize("source", [None, 7, io.BytesIO(b"x"), [1, 2]])
def test_what_is_no_picture_at_all_is_told(source: object) -> None:
    with pytest.raises(BadInput, match="a picture is a path"):
        open_picture(source)  # type: ignore[arg-type]


def test_a_picture_that_pillow_has_not_decoded_yet_may_be_cut_off() -> None:
    data = (PICTURES / "three.jpg").read_bytes()
    with pytest.raises(BadInput, match="can't be read"):
        open_picture(Image.open(io.BytesIO(data[:3000])))


def test_threads_leave_no_trace_in_the_warnings_filters() -> None:
    import warnings

    data = (PICTURES / "three.jpg").read_bytes()
    before = list(warnings.filters)
    workers = [threading.Thread(target=open_picture, args=(data,)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert list(warnings.filters) == before


def test_twelve_bits_in_a_sixteen_bit_picture_are_ink_all_the_same() -> None:
    page = np.full((100, 100), 4000, np.uint16)
    page[20:80, 45:55] = 100
    assert image_from_picture(Image.fromarray(page)).max() == 255


def model_of(tmp_path: Path, batch: int | str, fill: float) -> Path:
    """A model of mnistx's interface and metadata that always gives the same number."""
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [batch, 1, 28, 28])
    log_probs = helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, [batch, 10])
    weight = numpy_helper.from_array(np.full((784, 10), fill, np.float32), "w")
    shape = numpy_helper.from_array(np.array([-1, 784]), "shape")
    nodes = [
        helper.make_node("Cast", ["image"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["x", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["log_probs"]),
    ]
    graph = helper.make_graph(nodes, "g", [image], [log_probs], [weight, shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    model.metadata_props.extend(onnx.load(BUNDLED).metadata_props)
    onnx.save(model, tmp_path / "m.onnx")
    return tmp_path / "m.onnx"


def test_an_answer_that_is_no_number_is_refused(tmp_path: Path) -> None:
    path = model_of(tmp_path, "batch", np.nan)
    with pytest.raises(ArtifactError, match="aren't finite"):
        Predictor(path).predict(PICTURES / "three.jpg")
    assert not verify(path).passed


def test_a_model_of_a_fixed_batch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"\[N, 1, 28, 28\]"):
        Predictor(model_of(tmp_path, 1, 0.0))
