"""What Prometheus may ask: requests, their time, batches, and what waits."""

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from mnistx_runtime.serve.limits import Admission

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_IMAGES = (1, 2, 4, 8, 16, 32, 64)

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The numbers of one server, all beginning at 0.

    Attributes:
        batch: `batch.labels(model).observe(images)` of each run of a model.
    """

    def __init__(self, admission: "Admission") -> None:
        """Keep numbers, and read those of the queue when they are asked for."""
        self._registry = CollectorRegistry(auto_describe=True)
        kept: Any = {"registry": self._registry}
        self._requests = Counter("mnistx_requests", "Requests that were answered.", ("endpoint", "status"), **kept)
        self._seconds = Histogram(
            "mnistx_request_seconds", "Seconds from request to answer.", ("endpoint",), buckets=_SECONDS, **kept
        )
        self.batch = Histogram("mnistx_batch_images", "Images in a run.", ("model",), buckets=_IMAGES, **kept)
        requests = Gauge("mnistx_queue_requests", "Requests that are accepted and not yet answered.", **kept)
        memory = Gauge("mnistx_queue_bytes", "Bytes of their bodies.", **kept)
        requests.set_function(lambda: admission.total_requests)
        memory.set_function(lambda: admission.total_memory)
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def observe(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request that was answered.

        Args:
            endpoint: the function that did.
            status: of HTTP.
            seconds: that it took.
        """
        found = self._children.get((endpoint, status))
        if found is None:
            found = self._requests.labels(endpoint, status), self._seconds.labels(endpoint)
            self._children[endpoint, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def text(self) -> bytes:
        """All of them, as Prometheus reads it."""
        return generate_latest(self._registry)
