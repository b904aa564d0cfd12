import os
import socket
from pathlib import Path

import pytest

from command import mnistx
from mnistx_runtime.errors import UnreadablePicture
from mnistx_runtime.pictures import open_picture
from mnistx_runtime.system.plain_file import SPECIAL, is_special, require_plain


def test_files_folders_and_nothing_are_plain(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    for path in (tmp_path, tmp_path / "a", tmp_path / "none"):
        assert require_plain(path) == path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_a_pipe_a_socket_a_device_and_links_to_them_are_told_and_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        Path("link").symlink_to("pipe")
        for name in ("pipe", "socket", "link", "/dev/zero"):
            assert is_special(Path(name))
            with pytest.raises(OSError, match=SPECIAL):
                require_plain(Path(name))
            with pytest.raises(UnreadablePicture, match=f"{name} can't be read: {SPECIAL}"):
                open_picture(name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
@pytest.mark.parametrize(
    "args",
    [
        ["predict", "pipe"],
        ["predict", "x.png", "--model", "pipe"],
        ["predict", "x.png", "--explain", "pipe"],
        ["predict", "x.png", "--out", "pipe.csv"],
        ["verify", "m.onnx", "--trust", "pipe"],
        ["sign", "m.onnx", "--key", "pipe"],
        ["benchmark", "--assert", "pipe"],
        ["seal", "m.onnx", "--spec", "pipe"],
        ["export", "--format", "onnx", "--spec", "pipe"],
        ["export", "--format", "onnx", "--checkpoint", "pipe"],
        ["train", "--dataset", "pipe.csv"],
        ["train", "--dataset", "pipe.npz"],
        ["train", "--dataset", "digits", "--network", "pipe.py:build"],
    ],
    ids=" ".join,
)
def test_no_command_waits_for_a_pipe(args: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("pipe", "pipe.csv", "pipe.npz", "pipe.py"):
        os.mkfifo(name)
    (tmp_path / "m.onnx").write_bytes(b"")
    found = mnistx(*args)
    assert found.exit_code == 2 and found.stderr.startswith("Error: ") and len(found.stderr.splitlines()) == 1
