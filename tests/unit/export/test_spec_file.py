from pathlib import Path

import pytest

from mnistx_export.spec_file import LINES, TEMPLATE, read_spec
from mnistx_runtime import BadInput
from own_network import SPEC


def written(folder: Path, text: str) -> Path:
    (folder / "spec.toml").write_text(text)
    return folder / "spec.toml"


def test_what_is_written_to_fill_in_can_be_read(tmp_path: Path) -> None:
    found = read_spec(written(tmp_path, TEMPLATE))
    assert found.names == ("cat", "dog", "owl") and found.spec.shape == (3, 64, 64)
    assert found.resolve(str(found.weights)) == tmp_path / "weights.safetensors"


@pytest.mark.parametrize("name", LINES)
def test_what_is_missing_is_told_with_the_line_to_write(name: str, tmp_path: Path) -> None:
    lines = [line for line in SPEC.splitlines() if not line.startswith((f"{name} ", f"[{name}]"))]
    with pytest.raises(BadInput, match="is not filled in yet; write") as caught:
        read_spec(written(tmp_path, "\n".join(lines)))
    assert LINES[name] in str(caught.value) and "\n" not in str(caught.value)


def test_an_onnx_file_needs_neither_network_nor_weights(tmp_path: Path) -> None:
    lines = [line for line in SPEC.splitlines() if not line.startswith(("network", "weights"))]
    assert read_spec(written(tmp_path, "\n".join(lines)), with_network=False).spec.shape == (3, 24, 32)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("channels = 3", "channels = 2", r"channels must be 1 \(grey\) or 3"),
        ("height = 24", "height = 4", "height must be a whole number from 8"),
        ("height = 24", 'height = "24"', "height must be a whole number"),
        ("mean = [0.4, 0.5, 0.6]", "mean = [0.4, 0.5]", "mean has 2 numbers for 3 channels"),
        ("mean = [0.4, 0.5, 0.6]", "mean = [104, 117, 124]", "mean must be numbers from 0 to 1"),
        ("std = [0.2, 0.2, 0.3]", "std = [0.2, 0.0, 0.3]", "std must be numbers from 1e-06"),
        ('"resize"', '"rezise"', "unknown preprocess 'rezise'; did you mean 'resize'"),
        ("[data]", "[input.parameters]\nmode = 'squeeze'\n[data]", "resize: mode is 'squeeze'"),
        ("[data]", "[date]", "has 'date', which means nothing here; did you mean 'data'"),
        ("pictures =", "picture =", r"has 'picture' in \[data\]"),
        ("channels = 3", "channel = 3\nchannels = 3", r"has 'channel' in \[input\]"),
        ('["circle", "square", "triangle"]', '"circle"', "classes must be a list"),
        ('["circle", "square", "triangle"]', '["circle", "circle"]', "two classes are called 'circle'"),
        ('output = "logits"', "output = 3", "output must be a text"),
        ("[input]", "[input", "is no readable TOML"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(old: str, new: str, why: str, tmp_path: Path) -> None:
    assert old in SPEC
    with pytest.raises(BadInput, match=why) as caught:
        read_spec(written(tmp_path, SPEC.replace(old, new, 1)))
    assert "spec.toml" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["[" * 5000, "{a=" * 5000, "9" * 5000, "a." * 5000 + "b = 1"])
@pytest.mark.parametrize("line", ["channels = 3", 'output = "logits"'])
def test_what_is_nested_deep_or_endless_is_told_in_one_line(line: str, value: str, tmp_path: Path) -> None:
    text = SPEC.replace(line, value if "b = 1" in value else f"{line.partition('=')[0]} = {value}", 1)
    with pytest.raises(BadInput, match=r"is no readable TOML|output must be|is not filled in") as caught:
        read_spec(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_spec_that_is_not_there_names_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no such file; `mnistx spec init .*none.toml` writes one"):
        read_spec(tmp_path / "none.toml")
