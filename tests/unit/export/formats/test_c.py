from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mnistx_export import Model, Settings, export
from mnistx_export.formats.base import Conversion, format_named
from mnistx_runtime import BadInput, InputSpec, Predictor
from mnistx_runtime.artifact.verification import verify

SPEC = InputSpec(channels=3, height=16, width=12, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))


def small() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 48, 3)
    ).eval()


@pytest.mark.parametrize("target", ["portable", "speed", "size"])
def test_a_model_of_a_users_is_exported_and_verified(target: str, tmp_path: Path) -> None:
    model = Model(small(), SPEC, ("cat", "dog", "owl"))
    exported = export(model, "c", tmp_path / "my net.c99", Settings(target=target))
    assert exported.passed
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert {"my net.c99/my_net.c", "my net.c99/my_net.h", "my net.c99/my_net_certificate.h"} <= set(names)
    assert verify(tmp_path / "my net.c99").passed
    session = Predictor(tmp_path / "my net.c99", "c")
    assert session.metadata.names == ("cat", "dog", "owl")


@pytest.mark.parametrize("reject", [True, False])
def test_a_digit_model_has_its_reader_beside_it(reject: bool, tmp_path: Path) -> None:
    torch.manual_seed(3)
    module = nn.Sequential(nn.MaxPool2d(4), nn.Flatten(), nn.Linear(49, 10)).eval()
    plain = InputSpec(channels=1, height=28, width=28, mean=(0.1,), std=(0.3,), preprocess="mnist-digit")
    spec = plain if reject else replace(plain, parameters={"reject": False})
    model = Model(module, spec, tuple("0123456789"), temperature=1.5)
    assert export(model, "c", tmp_path / "net.c99").passed
    folder = tmp_path / "net.c99"
    assert verify(folder).passed and Predictor(folder, "c").metadata.temperature == 1.5
    code = (folder / "net_read.c").read_text()
    assert "/ 0x1.8p0f)" in code and ("found->rejected : 0" in code) == reject
    (folder / "net_read.c").write_text(code.replace("return best;", "return 0;").replace("120", "121"))
    assert not verify(folder).passed


@pytest.mark.parametrize(("preprocess", "count"), [("resize", 2), ("none", 0)])
def test_a_model_of_other_pictures(preprocess: str, count: int, conversion: Conversion) -> None:
    spec = replace(conversion.spec, preprocess=preprocess, preprocess_version=0)
    files = format_named("c").write(replace(conversion, spec=spec))
    assert sum("_read." in path for path in files) == count


def test_bytes_are_the_same_again(conversion: Conversion) -> None:
    assert format_named("c").write(conversion) == format_named("c").write(conversion)


def test_what_can_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ELU(), nn.Flatten(), nn.Linear(6 * 140, 3)).eval()
    with pytest.raises(BadInput, match=r"layer '\w+' \(Elu\)"):
        export(Model(module, SPEC, ("cat", "dog", "owl")), "c", tmp_path / "m.c99")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_of_another_model_is_not_left_beside_this_one(tmp_path: Path) -> None:
    (tmp_path / "m.c99").mkdir()
    (tmp_path / "m.c99" / "m_read.c").write_text("int other;")
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 140, 3)).eval()
    with pytest.raises(BadInput, match=r"m_read\.c of another export"):
        export(Model(module, replace(SPEC, preprocess="none"), ("cat", "dog", "owl")), "c", tmp_path / "m.c99")
    assert [each.name for each in (tmp_path / "m.c99").iterdir()] == ["m_read.c"]


def test_nothing_is_allocated_and_nothing_global_written(conversion: Conversion) -> None:
    plain = replace(conversion, target="portable")
    lines = format_named("c").write(plain)[".c99/model.c"].decode().splitlines()
    assert [line for line in lines if line.startswith("#include <")] == ["#include <stddef.h>", "#include <math.h>"]
    held = [line for line in lines if line.startswith("static") and " = {" in line]
    assert len(held) == 8
    assert all(line.startswith("static const ") for line in held)
