from pathlib import Path
from typing import Any

import pytest

from mnistx_runtime.backends import backend
from mnistx_runtime.errors import ArtifactError, BackendUnavailable


class Entry:
    """An entry point that gives back what it is given."""

    def load(self) -> Any:
        return lambda path, threads: ("session", path, threads)


def offer(monkeypatch: pytest.MonkeyPatch, *entries: Entry) -> list[dict[str, str]]:
    asked: list[dict[str, str]] = []

    def entry_points(**names: str) -> tuple[Entry, ...]:
        asked.append(names)
        return entries

    monkeypatch.setattr("mnistx_runtime.backends.checkpoint.entry_points", entry_points)
    return asked


def test_a_sibling_package_brings_the_session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = offer(monkeypatch, Entry())
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"x")
    session: object = backend("torch").load(str(path), 3)
    assert session == ("session", path, 3)
    assert asked[0] == {"group": "mnistx.runtimes", "name": "torch"}


def test_without_one_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch)
    with pytest.raises(
        BackendUnavailable, match=r"mnistx-export is missing: .* pip install \./runtime \./train \./export"
    ):
        backend("torch")


def test_only_checkpoints_are_given_to_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offer(monkeypatch, Entry())
    with pytest.raises(ArtifactError, match="no such model file"):
        backend("torch").load(tmp_path / "m.safetensors", 1)
    (tmp_path / "m.onnx").write_bytes(b"x")
    with pytest.raises(ArtifactError, match="use --runtime ort"):
        backend("torch").load(tmp_path / "m.onnx", 1)
