import platform
import sys
import sysconfig

import pytest

from mnistx_runtime.artifact.c_library import library_path, own_triple
from mnistx_runtime.errors import BadInput


@pytest.mark.parametrize(
    "triple", ["x86_64-linux-musl", "arm-linux-gnueabihf", "riscv64-linux-gnu", "powerpc64le-linux-gnu"]
)
def test_a_library_lies_in_the_folder_of_its_triple(triple: str) -> None:
    assert library_path(triple, "net") == f"lib/{triple}/net.so"


@pytest.mark.parametrize(
    "triple", ["", "aarch64-macos", "../x-linux-gnu", "x86_64-linux-gnu/..", "-target-linux-gnu\n", "X-linux-gnu"]
)
def test_what_names_no_linux_is_refused(triple: str) -> None:
    with pytest.raises(BadInput, match="names no Linux"):
        library_path(triple, "net")


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are for Linux")
def test_this_machine_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert library_path(own_triple(), "net") == f"lib/{own_triple()}/net.so"
    assert own_triple().startswith(platform.machine().partition("_")[0].rstrip("v7l8"))
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: "x86_64-linux-gnu")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert own_triple() == "x86_64-linux-musl"
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: "darwin")
    assert own_triple() == ""
