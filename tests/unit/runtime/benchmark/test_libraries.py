from importlib.metadata import requires

import pytest

from mnistx_runtime.backends import BACKENDS
from mnistx_runtime.benchmark.libraries import LIBRARIES, installed_bytes


def test_every_runtime_has_a_library() -> None:
    assert BACKENDS.keys() <= LIBRARIES.keys()


def test_the_installed_size_counts_what_a_library_needs() -> None:
    assert installed_bytes("onnxruntime") > installed_bytes("numpy") > 10_000_000
    assert installed_bytes("no-such-distribution") == 0


@pytest.mark.parametrize("name", ["onnxruntime", "numpy"])
def test_a_name_is_found_however_it_is_written(name: str) -> None:
    assert installed_bytes(name.upper()) == installed_bytes(name) > 0


def test_what_only_an_extra_needs_does_not_count() -> None:
    optional = [line for line in requires("click") or () if "extra ==" in line]
    assert installed_bytes("click") < 2_000_000, optional
