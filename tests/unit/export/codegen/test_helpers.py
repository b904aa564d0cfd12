import ctypes
import subprocess
from pathlib import Path

import numpy as np

from generated_c import CC, rescaled
from mnistx_export.codegen.helpers import RESCALE

SOURCE = """
#include <stdint.h>
%s
int32_t call(int32_t sum, int32_t multiplier, int32_t shift);
int32_t call(int32_t sum, int32_t multiplier, int32_t shift) { return rescale(sum, multiplier, shift); }
"""


def test_rescale_rounds_half_up_at_all_sizes(tmp_path: Path) -> None:
    (tmp_path / "r.c").write_text(SOURCE % RESCALE["rescale"])
    call = [CC, "-std=c99", "-fsanitize=undefined", "-fno-sanitize-recover", "-fPIC", "-shared", "r.c", "-o", "r.so"]
    subprocess.run(call, cwd=tmp_path, check=True)
    function = ctypes.CDLL(str(tmp_path / "r.so")).call
    random = np.random.default_rng(0)
    most = 2**31 - 1
    edges = [
        (-1, 1, 1),
        (1, 1, 1),
        (-3, 1, 1),
        (most, most, 31),
        (-most, most, 31),
        (-most - 1, most, 61),
        (0, most, 61),
    ]
    drawn = [
        (int(random.integers(-(2**30), 2**30)), int(random.integers(2**30, 2**31)), int(random.integers(31, 50)))
        for _ in range(500)
    ]
    for sum_, multiplier, shift in [*edges, *drawn]:
        assert function(sum_, multiplier, shift) == rescaled(sum_, multiplier, shift), (sum_, multiplier, shift)
