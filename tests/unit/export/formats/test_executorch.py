from pathlib import Path

import numpy as np
import pytest

from mnistx_export.formats.base import Conversion, format_named
from mnistx_export.formats.executorch import MAX_BATCH


@pytest.mark.slow
def test_the_batch_is_free_up_to_its_bound(conversion: Conversion, tmp_path: Path) -> None:
    from executorch.runtime import Runtime

    (data,) = format_named("executorch").write(conversion).values()
    method = Runtime.get().load_program(data).load_method("forward")
    assert method.metadata.input_tensor_meta(0).sizes()[0] == MAX_BATCH
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 28, 28), dtype=np.uint8)
    import torch

    found = method.execute([torch.from_numpy(images)])[0]
    assert found.shape == (3, 7)
    assert torch.allclose(found, conversion.deployed(torch.from_numpy(images)), atol=1e-4)
