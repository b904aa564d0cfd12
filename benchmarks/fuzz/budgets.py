"""Budgets that `benchmark --assert` holds rows to."""

import json

from fuzz.target import Target, folder_of
from mnistx_runtime.benchmark.budgets import budgets_from

_SEED = (
    {"measure": "latency_us", "runtime": "ort", "most": 500},
    {"measure": "size", "ending": "-int8.onnx", "most": 5e5, "least": 10},
)


def _read(data: bytes) -> None:
    with folder_of({"b.json": data}) as folder:
        for budget in budgets_from(folder / "b.json"):
            assert budget.violations([])


BUDGETS = Target(lambda: [json.dumps(_SEED).encode(), json.dumps(_SEED[:1], indent=1).encode()], _read)
