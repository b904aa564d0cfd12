"""Models made to hang a machine or to fill it: one line, at once, and little memory, as a user's command sees them."""

import io
import json
import os
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from onnx import ModelProto

from command import PICTURES, mnistx
from hostile_onnx import REFUSED, STOPPED, loop_for_ever, plain, seal_hostile
from mnistx_runtime import ArtifactError, BackendUnavailable, Predictor, verify
from mnistx_runtime.artifact.archive import read_archive
from mnistx_runtime.artifact.certificate import KEY
from mnistx_runtime.artifact.container import open_artifact
from mnistx_runtime.artifact.metadata import DIGEST, props_sha256
from mnistx_runtime.artifact.onnx_file import write_props
from mnistx_runtime.artifact.sidecar import ENTRY
from mnistx_runtime.artifact.trailer import split
from mnistx_runtime.benchmark import selection
from mnistx_runtime.benchmark.measure import _Worker
from mnistx_runtime.bundled import BUNDLED

PICTURE = PICTURES / "seven.jpg"

LIMITED = """
import resource, sys
from mnistx_runtime import cli
import mnistx_runtime.system.memory
limit = 400 << 20
import mnistx_runtime.backends.ort as ort
ort.available_memory = lambda: 2 * limit
sys.argv[0] = "mnistx"
try:
    cli.main(sys.argv[1:])
finally:
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    print("peak", peak // 1024, file=sys.stderr)
"""


def run_limited(*args: str | Path) -> tuple[int, list[str], int]:
    """A command on a machine of 800 MB: exit code, lines of its errors, and the most memory it took, in MiB."""
    command = [sys.executable, "-c", LIMITED, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    *lines, peak = done.stderr.splitlines()
    return done.returncode, lines, int(peak.split()[1])


class NotReached:
    def __init__(self, *_: object, **__: object) -> None:
        raise AssertionError("ONNX Runtime was given the file")


@pytest.mark.parametrize("attack", REFUSED, ids=lambda attack: attack.__name__)
def test_an_onnx_file_is_refused_in_one_line_before_it_is_loaded(
    attack: Callable[[ModelProto], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onnxruntime.InferenceSession", NotReached)
    path = seal_hostile(attack, tmp_path / "m.onnx")
    found = mnistx("predict", PICTURE, "--model", path)
    assert found.exit_code == 2 and REFUSED[attack] in found.stderr and len(found.stderr.splitlines()) == 1
    with pytest.raises(ArtifactError, match=f"{REFUSED[attack]}|carries no mnistx metadata"):
        verify(path)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
@pytest.mark.parametrize("attack", STOPPED, ids=lambda attack: attack.__name__)
def test_what_asks_for_all_the_memory_gets_a_part_of_it(attack: Callable[[ModelProto], None], tmp_path: Path) -> None:
    path = seal_hostile(attack, tmp_path / "m.onnx")
    code, (line,), peak = run_limited("predict", PICTURE, "--model", path)
    assert code == 2 and "bytes of memory, with what it has more than half of what there is" in line
    assert peak < 400 + 200, "of ONNX Runtime, and of Python"


def test_who_trusts_the_maker_runs_it_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def loop_once(model: ModelProto) -> None:
        loop_for_ever(model)
        model.graph.node[-2].input[1] = "false"
        false = model.graph.initializer.add()
        false.CopyFrom(model.graph.initializer[-2])
        false.name, false.raw_data = "false", b"\0"

    path = seal_hostile(loop_once, tmp_path / "m.onnx")
    with pytest.raises(ArtifactError, match=r"the operator Loop.*--allow-foreign"):
        Predictor(path)
    assert Predictor(open_artifact(path, allow_foreign=True)).metadata.names
    assert mnistx("predict", PICTURE, "--model", path, "--min-confidence", "0", "--allow-foreign").exit_code == 0
    found = mnistx("verify", path, "--allow-foreign")
    assert found.exit_code == 1 and "answers differ" in found.stdout
    assert mnistx("verify", path).exit_code == 2
    assert mnistx("inspect", path).exit_code == 0
    evaluate = ("evaluate", path, "--dataset", "digits")
    assert mnistx(*evaluate, "--allow-foreign").exit_code == 0 and mnistx(*evaluate).exit_code == 2
    worker = _Worker(str(path), "ort", "1", "--allow-foreign")
    assert worker.started["load_ms"] > 0 and worker.ask(do="overhead", seconds=0.01)["bare_us"]
    worker.close()
    with pytest.raises(BackendUnavailable, match="the operator Loop"):
        _Worker(str(path), "ort", "1")
    monkeypatch.setattr(selection, "_checkpoint_of", lambda *_: None)
    assert selection.images_for((path, "ort"), None, allow_foreign=True).labels is None


@pytest.mark.parametrize("ending", [".onnx", ".ort", ".torchscript", ".pt2", ".tflite", ".pte", ".xml", ".ncnn.param"])
def test_a_sparse_file_of_20_gb_is_not_read(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"m{ending}"
    with path.open("wb") as file:
        file.truncate(20 << 30)
    for companion in (path.with_suffix(".bin"), path.with_suffix(".json")):
        companion.write_bytes(b"{}")
    with pytest.raises(ArtifactError, match=r"21,474,836,\d+ bytes are no small model's"):
        open_artifact(path)
    found = mnistx("inspect", path)
    assert found.exit_code == 2 and len(found.stderr.splitlines()) == 1


def bomb(name: str, size: int, claimed: int) -> bytes:
    """An archive with an entry of zeros that says it is of another size."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(size))
    data = file.getvalue()
    return data.replace(size.to_bytes(4, "little"), claimed.to_bytes(4, "little"))


@pytest.mark.parametrize("claimed", [1000, 1 << 28])
def test_an_archive_unpacks_to_what_it_says_at_most(claimed: int) -> None:
    archive, trailer = bomb("m/a", 1 << 28, claimed), b"model" + bomb(ENTRY, 1 << 28, claimed)
    tracemalloc.start()
    with pytest.raises(ArtifactError):
        read_archive(archive, "m.pt2")
    with pytest.raises(ArtifactError):
        split(trailer, "m.tflite")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20


@pytest.mark.parametrize(
    "values",
    [
        {"count": 1_000_000},
        {"count": 1024, "images_zlib": b64encode(zlib.compress(bytes(1 << 24))).decode()},
        {"count": 10**400},
        {"count": float("inf")},
        {"tolerance": {"atol": 1e999, "changed": 0, "own_atol": None}},
        {"log_probs": "A" * 1_000_000},
    ],
)
def test_a_certificate_declares_no_more_than_there_is(values: dict[str, object], tmp_path: Path) -> None:
    opened = open_artifact(BUNDLED)
    certificate = json.loads(opened.props[KEY]) | values
    props = opened.props | {KEY: json.dumps(certificate)}
    props[DIGEST] = props_sha256(props)
    path = tmp_path / "m.onnx"
    path.write_bytes(write_props(opened.files[".onnx"], props))
    found = mnistx("verify", path)
    assert found.exit_code == 2 and "carries a damaged certificate" in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_one_byte_that_is_no_text_does_not_stop_the_files_after_it(tmp_path: Path) -> None:
    data = plain().SerializeToString()
    damaged = tmp_path / "m.onnx"
    damaged.write_bytes(data + b"\x72\x06\x0a\x01a\x12\x01\xff")
    found = mnistx("verify", damaged, BUNDLED)
    assert found.exit_code == 2 and "metadata that is no text" in found.stderr and "matches" in found.stdout


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_fifo_is_no_model(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.onnx")
    assert mnistx("verify", tmp_path / "m.onnx").exit_code == 2
