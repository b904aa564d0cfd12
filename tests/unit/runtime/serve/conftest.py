"""One server for all tests that don't ask for a special one."""

from collections.abc import Iterator

import pytest

from server_process import Server, serving


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With the bundled model, and limits that tests can reach."""
    with serving(tmp_path_factory.mktemp("server"), "--grace", "0", "--max-body", "4") as running:
        yield running
