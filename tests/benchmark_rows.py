"""Measured rows, made up."""

from mnistx_runtime.benchmark.measure import Row


def row(artifact: str = "m.onnx", runtime: str = "ort", p50: float = 100.0, changed: int = 0, size: int = 100) -> Row:
    return Row(
        artifact=artifact,
        runtime=runtime,
        file_bytes=1_700_000,
        installed_bytes=size * 1_000_000,
        import_ms=90,
        load_ms=10,
        first_ms=1,
        p50_us=p50,
        p95_us=p50 * 1.5,
        p99_us=p50 * 2,
        beside_first=1,
        beside_first_low=0.9,
        beside_first_high=1.1,
        images_per_second={64: 11_000.0},
        sgemm_share=0.8,
        peak_mib=size,
        idle_ms=0.1,
        overhead_us=5.0 if runtime == "ort" else None,
        overhead_share=0.05 if runtime == "ort" else None,
        accuracy=0.99,
        max_abs=1e-5,
        changed=changed,
        compared=10_000,
    )
