import os
import sys
import warnings
from pathlib import Path

import pytest

from bad.pictures import tiff
from command import mnistx
from mnistx_runtime.errors import UnreadablePicture
from mnistx_runtime.pictures import open_picture
from mnistx_runtime.system.quiet import quiet


def test_quiet_drops_what_is_written_below_python_too(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet():
        os.write(1, b"one")
        os.write(2, b"two")
        print("three")
        print("four", file=sys.stderr)
        warnings.warn("five", stacklevel=1)
    print("six")
    found = capfd.readouterr()
    assert (found.out, found.err) == ("six\n", "")


def test_an_error_passes_and_the_terminal_is_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), quiet():
        raise ZeroDivisionError
    os.write(1, b"after")
    assert capfd.readouterr().out == "after"


def test_no_file_stays_open() -> None:
    def opened() -> int:
        descriptor = os.open(os.devnull, os.O_RDONLY)
        os.close(descriptor)
        return descriptor

    before = opened()
    for _ in range(5):
        with quiet():
            pass
    assert opened() == before


def test_what_libtiff_writes_is_kept_from_a_command_and_left_to_a_caller(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = tiff("tiff_deflate")
    for at in range(40):
        (tmp_path / f"{at}.tif").write_bytes(data)
    for args in ([tmp_path / "0.tif"], [tmp_path, "--threads", "2"]):
        found = mnistx("predict", *args)
        assert found.exit_code == 2 and capfd.readouterr().err == ""
        assert all("its pixels are damaged" in line for line in found.stderr.splitlines())
    with pytest.raises(UnreadablePicture):
        open_picture(data)
    assert "ZIPDecode" in capfd.readouterr().err
