from prometheus_client.parser import text_string_to_metric_families

from mnistx_runtime.serve.limits import Admission, Limits
from mnistx_runtime.serve.metrics import Metrics


def test_prometheus_reads_what_was_counted() -> None:
    admission = Admission(Limits())
    metrics = Metrics(admission)
    admission.enter("a", 7)
    for seconds in (0.0005, 0.001, 0.3, 99.0):
        metrics.observe("infer", 200, seconds)
    metrics.observe("infer", 429, 0.001)
    metrics.batch.labels("m").observe(3)
    samples = {
        (sample.name, *(sample.labels.get(name) for name in ("endpoint", "status", "model", "le"))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }

    def value(name: str, *labels: str | None) -> float:
        return samples[f"mnistx_{name}", *labels, *[None] * (4 - len(labels))]

    assert value("request_seconds_count", "infer", "200") == 4
    assert value("request_seconds_count", "infer", "429") == 1
    assert abs(value("request_seconds_sum", "infer", "200") - 99.3015) < 1e-6
    at_most = [value("request_seconds_bucket", "infer", "200", None, le) for le in ("0.001", "0.2", "0.5", "+Inf")]
    assert at_most == [2, 2, 3, 4]
    assert value("batch_images_sum", None, None, "m") == 3
    assert value("queue_requests") == 1 and value("queue_bytes") == 7
