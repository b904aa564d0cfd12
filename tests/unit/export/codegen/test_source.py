import subprocess
from pathlib import Path

import numpy as np
import pytest

from generated_c import CC, WARNINGS, answer, compile_c, float_network, normalized
from mnistx_export.codegen.clamp import Clamp
from mnistx_export.codegen.network import Layer, Network, Quantization, Tensor
from mnistx_export.codegen.operators.activation import bounds
from mnistx_export.codegen.operators.flatten import Flatten
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.source import c_files
from mnistx_export.formats import TARGETS


def tiny(names: tuple[str, str] = ("fc", "relu")) -> Network:
    """The image, a fully connected layer, and its numbers above 0."""
    image = Tensor("image", (1, 2, 3), Quantization(1.0, 0))
    plain = float_network((1, 2, 3))
    hidden, last = Tensor(names[0], (4,)), Tensor(names[1], (4,))
    weights = np.arange(24, dtype=np.float32).reshape(6, 4) / 10 - 1
    flat = Tensor("flat", (6,))
    layers = (
        plain.layers[0],
        Layer("flatten", Flatten(), (plain.layers[0].output,), flat),
        Layer("fc", Linear(weights, np.zeros(4, np.float32), None), (flat,), hidden),
        Layer("relu", bounds(Clamp(0)), (hidden,), last),
    )
    return Network(image, layers)


def test_the_folder_holds_all_that_a_project_needs() -> None:
    files = c_files(tiny(), "tiny", "portable")
    assert list(files) == [
        "tiny.h",
        "tiny.c",
        "CMakeLists.txt",
        "example/main.c",
        "examples/serial/serial.ino",
        "library.properties",
        "library.json",
        "README.md",
    ]
    assert b"#define TINY_CLASSES 4\n" in files["tiny.h"]
    assert all(data.endswith(b"\n") and b"\n\n\n" not in data and b" \n" not in data for data in files.values())


def test_the_same_network_gives_the_same_bytes() -> None:
    assert c_files(tiny(), "tiny", "portable") == c_files(tiny(), "tiny", "portable")


@pytest.mark.parametrize("names", [("connect", "minimum"), ("log_probs", "bytes"), ("workspace", "weights")])
def test_no_layer_name_gets_in_the_way(names: tuple[str, str], tmp_path: Path) -> None:
    network = tiny(names)
    images = np.arange(12, dtype=np.uint8).reshape(2, 1, 2, 3)
    got = answer(compile_c({"tiny": network}, tmp_path), "tiny", network, images)
    weights = np.arange(24).reshape(6, 4) / 10 - 1
    assert np.abs(got - (normalized(images).reshape(2, 6) @ weights).clip(0)).max() < 1e-6


@pytest.mark.parametrize("target", TARGETS)
def test_it_is_c_plus_plus_too_and_two_models_link_together(target: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        for path, data in c_files(tiny(), name, target).items():
            if path.startswith(name):
                (tmp_path / path).write_bytes(data)
        (tmp_path / f"{name}_certificate.h").write_text("")
    options = ["-x", "c++", "-std=c++17", *WARNINGS, "-DONE_NO_SELFTEST", "-DTWO_NO_SELFTEST", "-fPIC", "-shared"]
    call = [CC, *options, "one.c", "two.c", "-o", "both.so"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_bad_arguments_are_said(tmp_path: Path) -> None:
    import ctypes

    network = tiny()
    predict = compile_c({"tiny": network}, tmp_path).tiny_predict
    memory = np.zeros(4096, np.uint8)
    place = memory.ctypes.data + -memory.ctypes.data % 16
    good = [ctypes.c_void_p(place), ctypes.c_void_p(place + 1024), ctypes.c_void_p(place + 2048)]
    assert predict(*good) == 0
    for at in range(3):
        assert predict(*[None if at == each else pointer for each, pointer in enumerate(good)]) == -1
    assert predict(good[0], good[1], ctypes.c_void_p(place + 2049)) == -1
