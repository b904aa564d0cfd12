from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ray_cluster import ray_cluster

if TYPE_CHECKING:
    import psutil


@pytest.fixture(scope="session")
def cluster() -> "Iterator[tuple[dict[str, str], psutil.Process]]":
    """See `ray_cluster`."""
    with ray_cluster() as found:
        yield found
