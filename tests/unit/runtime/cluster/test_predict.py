"""`mnistx predict --engine ray` on a real cluster of two CPUs: what it writes is what one process writes."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from command import PICTURES, ROOT, mnistx, mnistx_process
from mnistx_export.golden import draw_digit
from mnistx_runtime.cluster.parts import MARK
from mnistx_runtime.cluster.predict import artifact_of, roots_of
from mnistx_runtime.errors import ArtifactError
from ray_cluster import workers

COUNT = 12
SEVEN = PICTURES / "seven.jpg"
Cluster = tuple[dict[str, str], psutil.Process]
Rows = list[tuple[tuple[str, str], ...]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures: the third is damaged, the fifth blank, one's name is no text."""
    found = tmp_path_factory.mktemp("pictures") / "in"
    found.mkdir()
    for number in range(COUNT):
        Image.fromarray(255 - draw_digit(number % 10, number, 56)).save(found / f"{number:03}.png")
    (found / "002.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 40)
    Image.new("L", (90, 90), 255).save(found / "004.png")
    shutil.copy(found / "006.png", found / os.fsdecode(b"\xff.png"))
    return found


def rows(out: Path) -> Rows:
    """All rows of a file or a folder of answers, in one order."""
    found: list[dict[str, Any]] = []
    for path in [out] if out.is_file() else sorted(out.glob("part-*")):
        if path.suffix == ".csv":
            with path.open(newline="") as file:
                found += csv.DictReader(file)
        else:
            found += pq.read_table(path).to_pylist()
    return sorted(tuple((name, str("" if cell is None else cell)) for name, cell in row.items()) for row in found)


def on_ray(cluster: Cluster, *args: str | Path, cwd: Path | None = None) -> tuple[int, str, str]:
    return mnistx_process("predict", "--engine", "ray", *args, cwd=cwd, env=cluster[0])


@pytest.mark.slow
def test_rows_are_those_of_one_process_and_are_gone_on_with(cluster: Cluster, folder: Path, tmp_path: Path) -> None:
    code, _, told = mnistx_process("predict", "in", "no.png", "--out", tmp_path / "one.csv", cwd=folder.parent)
    assert code == 2
    out = tmp_path / "out.csv"
    code, printed, errors = on_ray(cluster, "in", "no.png", "--out", out, cwd=folder.parent)
    assert (code, printed) == (2, "") and sorted(errors.splitlines()) == sorted(told.splitlines())
    assert rows(out) == rows(tmp_path / "one.csv") and len(rows(out)) == COUNT + 2
    head, *lines = b"".join(path.read_bytes() for path in sorted(out.glob("part-*"))).splitlines(keepends=True)
    for path in out.glob("part-*"):
        path.unlink()
    kept = head + b"".join([line for line in lines if line != head][:4])  # a call that was stopped wrote no more
    (out / "part-00000.csv").write_bytes(kept)
    code, printed, errors = on_ray(cluster, "in", "no.png", "--out", out, "--resume", cwd=folder.parent)
    assert (code, printed) == (2, "") and f"4 of {COUNT + 2} pictures are answered already" in errors
    assert rows(out) == rows(tmp_path / "one.csv") and (out / "part-00000.csv").read_bytes() == kept


@pytest.mark.slow
def test_tables_of_paths_and_of_bytes_are_answered_in_parquet(cluster: Cluster, folder: Path, tmp_path: Path) -> None:
    names = sorted(path.name for path in folder.glob("0*.png"))
    assert mnistx("predict", folder, "--many", "--out", tmp_path / "one.csv").exit_code == 2
    usual = {dict(row)["source"]: row[1:] for row in rows(tmp_path / "one.csv")}
    shutil.copytree(folder, tmp_path / "in")
    pq.write_table(pa.table({"path": names}), tmp_path / "in" / "paths.parquet")
    contents = [(folder / name).read_bytes() for name in names]
    pq.write_table(pa.table({"label": range(COUNT), "bytes": contents}), tmp_path / "bytes.parquet", row_group_size=5)
    out = tmp_path / "out"
    code, printed, errors = on_ray(
        cluster, tmp_path / "in" / "paths.parquet", tmp_path / "bytes.parquet", "--many", "--out", out
    )
    assert (code, printed) == (2, ""), errors
    assert {path.suffix for path in out.glob("part-*")} == {".parquet"}
    found = {dict(row)["source"]: dict(row) for row in rows(out)}
    assert len(found) == 2 * COUNT == len(rows(out))
    for at, name in enumerate(names):
        expected = dict(usual[str(folder / name)])
        for source in (str(tmp_path / "in" / name), f"{tmp_path / 'bytes.parquet'}#{at}"):
            told = {key: cell for key, cell in found[source].items() if key not in ("source", "error")}
            assert told == {key: cell for key, cell in expected.items() if key != "error"}
            assert bool(found[source]["error"]) == bool(expected["error"])
            assert found[source]["error"].startswith((source, "")[not expected["error"]])


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of 640 pictures."""
    found = tmp_path_factory.mktemp("many") / "in"
    found.mkdir()
    page = found / "000.png"
    Image.fromarray(255 - draw_digit(6, 1, 100)).save(page)
    for number in range(1, 640):
        os.link(page, found / f"{number:03}.png")
    yield found


@pytest.mark.slow
def test_a_killed_worker_loses_nothing_and_doubles_nothing(cluster: Cluster, many: Path, tmp_path: Path) -> None:
    env, head = cluster
    args = ["predict", "--engine", "ray", str(many), "--out", str(tmp_path / "out.csv")]
    command = [sys.executable, "-m", "mnistx_runtime", *args]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | env) as process:
        killed = 0
        while process.poll() is None and not killed:
            for worker in workers(head)[:1]:
                worker.kill()
                killed += 1
            sleep(0.01)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "") and killed
    assert [dict(row)["source"] for row in rows(tmp_path / "out.csv")] == sorted(map(str, many.iterdir()))


def test_without_ray_the_line_that_installs_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnistx_runtime.registry.find_spec", lambda name: None)
    done = mnistx("predict", SEVEN, "--engine", "ray", "--out", tmp_path / "out")
    assert done.exit_code == 2 and done.stderr == "Error: ray is missing: pip install 'mnistx-runtime[ray]'\n"


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ([SEVEN], "--out"),
        ([SEVEN, "--out", "out", "--top-k", "2"], "one answer a digit"),
        ([SEVEN, "--out", "out", "--show"], "--show"),
        ([SEVEN, "--out", "out.txt"], ".parquet or .csv"),
        ([SEVEN, "--out", "taken"], "--resume"),
        (["-", "--out", "out"], "standard input"),
        (["none.parquet", "--out", "out"], "none.parquet: no such file"),
        ([SEVEN, "--out", "out", "--model", "none.onnx"], "none.onnx"),
        ([SEVEN, "--out", "out", "--runtime", "torch", "--model", "m.safetensors"], "checkpoints stay"),
        ([SEVEN, "--out", "out", "--engine", "spark"], "spark"),
    ],
)
def test_what_can_not_be_done_is_told_in_a_line_before_ray_starts(
    args: list[str | Path], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    done = mnistx("predict", "--engine", "ray", *args)
    assert done.exit_code == 2 and why in done.stderr and len(done.stderr.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["taken"]


def test_a_model_that_nobody_trusted_signed_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from keys import write_pair

    monkeypatch.setenv("MNISTX_TRUST", str(write_pair(tmp_path)[1]))
    model = tmp_path / "m.onnx"
    shutil.copy(ROOT / "artifacts" / "mnist-cnn.onnx", model)
    done = mnistx("predict", "--engine", "ray", SEVEN, "--model", model, "--out", tmp_path / "out")
    assert done.exit_code == 1 and len(done.stderr.splitlines()) == 1 and not (tmp_path / "out").exists()


def test_what_is_all_answered_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mnistx_runtime.answers import Mode, answer_values, made_by
    from mnistx_runtime.cluster.parts import open_parts
    from mnistx_runtime.predictor import Predictor

    predictor, mode = Predictor(), Mode(False, 1, 0.5)
    (answer,) = predictor.predict_files([str(SEVEN)])
    with open_parts(tmp_path / "out", made_by(None, predictor.metadata.input, mode), False) as parts:
        parts.add(answer_values(str(SEVEN), answer, mode))
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    done = mnistx("predict", "--engine", "ray", SEVEN, "--out", tmp_path / "out", "--resume")
    assert (done.exit_code, done.stdout) == (0, "") and "1 of 1 pictures are answered already" in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [MARK, "part-00000.parquet"]


def test_every_machine_is_to_see_the_folders_and_the_tables(tmp_path: Path) -> None:
    assert roots_of([str(tmp_path), "a.png", "b.parquet"]) == (str(tmp_path), str(Path("b.parquet").absolute()))


def test_the_bundled_model_is_sent_as_it_is_here() -> None:
    assert artifact_of(None, "ort", False).metadata.names[7] == "7"
    with pytest.raises(ArtifactError, match="export it"):
        artifact_of(Path("m.safetensors"), "torch", False)
