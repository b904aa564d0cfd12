import io
import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mnistx_runtime import ArtifactError, Predictor, verify
from mnistx_runtime.artifact.archive import read_archive, write_archive
from mnistx_runtime.artifact.container import open_artifact, seal
from mnistx_runtime.artifact.torch_archive import EFFECTS, check_pt2, check_torchscript
from torch_archives import plain_archive, write_torch

Entries = dict[str, bytes]
MODEL, SAMPLES = "archive/models/model.json", "archive/data/sample_inputs/model.pt"
WEIGHTS = "archive/data/weights/model_weights_config.json"


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.file,)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_torch(tmp_path_factory.mktemp("archives") / "m.pt2")


def reseal(path: Path, entries: Entries, folder: Path) -> Path:
    """The same model with other entries and a certificate that fits them, as who made them would write it."""
    opened = open_artifact(path)
    bare = {name: data for name, data in entries.items() if "/extra/" not in name}
    resealed = folder / path.name
    files = seal(path.suffix, {path.suffix: write_archive(bare)}, opened.metadata, opened.certificate)
    resealed.write_bytes(files[path.suffix])
    return resealed


def pickle_samples(entries: Entries, file: Path) -> Entries:
    return entries | {SAMPLES: pickle.dumps(((Touch(file),), {}))}


def pickle_weight(entries: Entries, file: Path) -> Entries:
    config = json.loads(entries[WEIGHTS])
    first = next(iter(config["config"].values()))
    first["use_pickle"] = True
    return entries | {f"archive/data/weights/{first['path_name']}": pickle.dumps(Touch(file)),
                      WEIGHTS: json.dumps(config).encode()}  # fmt: skip


def write_expression(entries: Entries, file: Path) -> Entries:
    code = f"__import__('pathlib').Path({str(file)!r}).touch() or 1"
    model = entries[MODEL].decode()
    start = model.index('"expr_str": "') + len('"expr_str": "')
    return entries | {MODEL: (model[:start] + code + model[model.index('"', start) :]).encode()}


@pytest.mark.parametrize("attack", [pickle_samples, pickle_weight, write_expression])
def test_a_program_that_runs_something_is_not_read_by_torch(
    attack: Callable[[Entries, Path], Entries], program: Path, tmp_path: Path
) -> None:
    file = tmp_path / "made"
    made = reseal(program, attack(read_archive(program.read_bytes(), "m"), file), tmp_path)
    assert open_artifact(made).is_as_exported
    for look in (verify, lambda path: Predictor(path, "pt2")):
        with pytest.raises(ArtifactError, match="which mnistx never writes: it is not run"):
            look(made)
    assert not file.exists()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("attack", [pickle_samples, pickle_weight, write_expression])
def test_these_programs_would_run_something_if_torch_read_them(
    attack: Callable[[Entries, Path], Entries], program: Path, tmp_path: Path
) -> None:
    file = tmp_path / "made"
    made = reseal(program, attack(read_archive(program.read_bytes(), "m"), file), tmp_path)
    try:
        torch.export.load(io.BytesIO(made.read_bytes()))
    except Exception as error:
        assert file.exists(), error
    assert file.exists()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("torch.ops.aten.linear.default", "torch.hub.load", "the operator torch.hub.load"),
        ("torch.ops.aten.linear.default", "torch.ops.aten.from_file.default", "the operator torch.ops.aten.from_file"),
        ("torch.ops.aten.linear.default", "#custom:op", "the operator #custom:op"),
        ('\\"builtins.tuple\\"', '\\"collections.defaultdict\\"', "a tree of collections.defaultdict"),
        ('"p_fc_weight"', '"x\\");exit(\\""', "the name"),
        ("Symbol('", "Pow(9, '", "the expression"),
    ],
)
def test_what_a_graph_may_not_say(old: str, new: str, what: str, program: Path) -> None:
    entries = read_archive(program.read_bytes(), "m")
    check_pt2(entries, "m.pt2")
    assert old in entries[MODEL].decode()
    changed = entries | {MODEL: entries[MODEL].decode().replace(old, new).encode()}
    with pytest.raises(ArtifactError, match=what.replace("(", r"\(")):
        check_pt2(changed, "m.pt2")


@pytest.mark.parametrize("name", ["archive/data/aotinductor/model/m.so", "archive/data/constants/custom_obj_0", "x"])
def test_files_that_mnistx_never_writes_are_not_read(name: str, program: Path) -> None:
    with pytest.raises(ArtifactError, match=f"m.pt2 holds the file '{name}'"):
        check_pt2(read_archive(program.read_bytes(), "m") | {name: b""}, "m.pt2")


@pytest.mark.parametrize("data", [b"{", b"[" * 100_000, b"\xff"])
def test_a_graph_that_is_no_json_is_damaged(data: bytes, program: Path) -> None:
    with pytest.raises(ArtifactError, match=r"m\.pt2 is damaged"):
        check_pt2(read_archive(program.read_bytes(), "m") | {MODEL: data}, "m.pt2")


class Saves(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        torch.save(x, "made")
        return x


class Loops(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        while bool(x.sum() >= 0):
            x = x + 1
        return x


class Branches(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if bool(x.sum() > 0):
            return x
        return -x


class Prints(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        print("\033[2J")
        return x


@pytest.mark.parametrize(
    ("module", "what"),
    [(Saves, "torch.save"), (Loops, "a while"), (Branches, "an? if"), (Prints, "print")],
)
def test_code_that_does_more_than_compute_is_not_read_by_torch(
    module: type[nn.Module], what: str, tmp_path: Path
) -> None:
    path = write_torch(tmp_path / "m.torchscript")
    check_torchscript(read_archive(path.read_bytes(), "m"), "m.torchscript")
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.freeze(torch.jit.script(module().eval())), file)
    entries = read_archive(plain_archive(file.getvalue()), "m")
    made = reseal(path, entries, tmp_path)
    with pytest.raises(ArtifactError, match=rf"holds .*{what}.*it is not run"):
        verify(made)


def test_a_pickle_of_something_else_is_not_read_by_torch(tmp_path: Path) -> None:
    entries = read_archive(write_torch(tmp_path / "m.torchscript").read_bytes(), "m")
    name = next(name for name in entries if name.endswith("/data.pkl"))
    for data, what in (
        (pickle.dumps(Touch(tmp_path), 0), "a pickle of __builtin__ getattr"),
        (pickle.dumps(Touch(tmp_path)), "a pickle of an object"),
        (b"\xff", "is damaged"),
    ):
        with pytest.raises(ArtifactError, match=what):
            check_torchscript(entries | {name: data}, "m")


def test_every_operator_of_torch_that_takes_a_file_or_writes_to_the_terminal_is_among_those_refused() -> None:
    names = set()
    for schema in torch._C._jit_get_all_schemas():
        texts = {argument.name for argument in schema.arguments if str(argument.type) == "str"}
        if schema.name.startswith("aten::") and texts & {"filename", "path", "message"}:
            names.add(schema.name.removeprefix("aten::"))
    assert {"from_file", "save", "warn"} <= names <= EFFECTS
