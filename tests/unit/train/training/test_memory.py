import ctypes
import subprocess
import sys

import pytest

from mnistx_train.training.memory import keep_freed_memory

CODE = """
import resource, sys
from mnistx_train.training.memory import keep_freed_memory
import numpy as np

if "keep" in sys.argv:
    keep_freed_memory()
for step in range(30):
    if step == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    parts = [np.ones(2**22, np.uint8) for _ in range(12)]
    del parts
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*args: str) -> int:
    done = subprocess.run([sys.executable, "-c", CODE, *args], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library isn't glibc")
def test_freed_memory_is_used_again_without_asking_the_kernel() -> None:
    assert faults("keep") < 100 < faults()


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())

    keep_freed_memory()
