import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from command import mnistx
from hostile_onnx import REFUSED, STOPPED, seal_hostile
from mnistx_runtime.bundled import BUNDLED
from mnistx_runtime.registry import missing as missing_extra
from server_process import serving


def refused(*args: str | Path) -> str:
    done = mnistx("serve", *args)
    assert done.exit_code == 2 and done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    return done.stderr


def test_bad_options_and_models_are_one_line(tmp_path: Path) -> None:
    assert "--port" in refused("--port", "99999") and "--grace" in refused("--grace", "nan")
    assert "--queue" in refused("--queue", "0") and "--max-body" in refused("--max-body", "0")
    assert "can't be read" in refused("--token-file", tmp_path / "none")
    (tmp_path / "empty").write_text("")
    assert "must hold a token" in refused("--token-file", tmp_path / "empty")
    assert "no such model file" in refused(tmp_path / "none.onnx", "--port", "0")
    assert "two models are called mnist-cnn" in refused(BUNDLED, BUNDLED, "--port", "0")
    assert "can't listen on no.such.host.invalid" in refused("--host", "no.such.host.invalid")


def test_a_port_in_use_is_told_before_a_model_is_loaded() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "Address already in use" in refused("--port", str(taken.getsockname()[1]))


def test_what_is_missing_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(extra: str, *_: str) -> str | None:
        return missing_extra(extra, "no_such_package")

    monkeypatch.setattr("mnistx_runtime.registry.missing", missing)
    assert "pip install 'mnistx-runtime[serve]'" in refused()


def test_a_model_that_was_changed_is_not_served(tmp_path: Path) -> None:
    data = BUNDLED.read_bytes()
    changed = data.replace(b'"mnist"', b'"MNIST"', 1)
    assert changed != data
    (tmp_path / "m.onnx").write_bytes(changed)
    done = mnistx("serve", tmp_path / "m.onnx", "--port", "0")
    assert done.exit_code == 1 and "IS NOT WHAT WAS EXPORTED" in done.stderr


def damaged(folder: Path) -> Iterator[Path]:
    """Models of nobody's, and damaged ones, by name."""
    data = BUNDLED.read_bytes()
    for name, content in {
        "cut.onnx": data[: len(data) // 2],
        "text.onnx": b"no model",
        "empty.onnx": b"",
        "text.pt2": b"no model",
        "text.html": b"<p>no model</p>",
        "text.c99": b"no folder",
    }.items():
        (folder / name).write_bytes(content)
        yield folder / name
    (folder / "empty.triton").mkdir()
    yield folder / "empty.triton"


@pytest.mark.slow
def test_hostile_and_damaged_models_are_one_line_and_not_served(tmp_path: Path) -> None:
    attacks = [seal_hostile(attack, tmp_path / f"{attack.__name__}.onnx") for attack in (*REFUSED, *STOPPED)]
    for path in (*attacks, *damaged(tmp_path)):
        command = [sys.executable, "-m", "mnistx_runtime", "serve", str(path), "--port", "0"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode in (1, 2) and not done.stdout, path
        assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1, done.stderr


def test_several_models_and_the_page_beside_the_first(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / f"{name}.onnx").write_bytes(BUNDLED.read_bytes())
    (tmp_path / "first.html").write_bytes(b"<p>the web format's</p>")
    with serving(tmp_path, tmp_path / "first.onnx", tmp_path / "second.onnx", "--grace", "0") as server:
        assert server.get("/").body == b"<p>the web format's</p>"
        assert {server.get(f"/v2/models/{name}").json()["name"] for name in ("first", "second")} == {"first", "second"}
