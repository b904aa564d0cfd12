"""What Prometheus may ask: requests, their time, batches, and what waits."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    from mnistx_runtime.serve.limits import Admission

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_IMAGES = (1, 2, 4, 8, 16, 32, 64)

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics(Collector):
    """The numbers of one server, all beginning at 0.

    Attributes:
        batch: `batch.labels(model).observe(images)` of each run of a model.
    """

    def __init__(self, admission: "Admission") -> None:
        """Keep numbers, and read those of the queue when they are asked for."""
        self._registry = CollectorRegistry()
        kept: Any = {"registry": self._registry}
        self._registry.register(self)
        self._requests: dict[tuple[str, int], list[int]] = {}
        self._seconds: dict[tuple[str, int], float] = {}
        self.batch = Histogram("mnistx_batch_images", "Images in a run.", ("model",), buckets=_IMAGES, **kept)
        requests = Gauge("mnistx_queue_requests", "Requests that are accepted and not yet answered.", **kept)
        memory = Gauge("mnistx_queue_bytes", "Bytes of their bodies.", **kept)
        requests.set_function(lambda: admission.total_requests)
        memory.set_function(lambda: admission.total_memory)

    def observe(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request that was answered.

        Args:
            endpoint: the function that did.
            status: of HTTP.
            seconds: that it took.
        """
        key = endpoint, status
        if key not in self._requests:
            self._requests[key], self._seconds[key] = [0] * (len(_SECONDS) + 1), 0.0
        self._requests[key][bisect_left(_SECONDS, seconds)] += 1
        self._seconds[key] += seconds

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client.registry.Collector`; counting by its own classes takes as long as an endpoint."""
        found = HistogramMetricFamily(
            "mnistx_request_seconds", "Seconds from request to answer.", labels=("endpoint", "status")
        )
        for key, counts in self._requests.items():
            names = (*map(floatToGoString, _SECONDS), "+Inf")
            buckets = list(zip(names, accumulate(counts), strict=True))
            found.add_metric([key[0], str(key[1])], buckets, self._seconds[key])
        yield found

    def text(self) -> bytes:
        """All of them, as Prometheus reads it."""
        return generate_latest(self._registry)
