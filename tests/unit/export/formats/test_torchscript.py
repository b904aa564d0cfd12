import io
import zipfile
from pathlib import Path

import numpy as np
import torch

from mnistx_export.formats.base import Conversion, format_named
from mnistx_export.model import Model
from mnistx_runtime import Tolerance
from mnistx_runtime.artifact.container import seal
from mnistx_runtime.backends import backend


def test_a_torchscript_file_holds_no_debug_files_and_its_batch_is_free(conversion: Conversion, tmp_path: Path) -> None:
    data = format_named("torchscript").write(conversion)[".torchscript"]
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert not [name for name in names if "debug" in name or "serialization_id" in name]
    path = tmp_path / "m.torchscript"
    model = Model(conversion.deployed.module, conversion.spec, tuple("abcdefg"), "log-probabilities")
    path.write_bytes(
        seal(".torchscript", {".torchscript": data}, model.metadata, model.certificate(Tolerance()))[".torchscript"]
    )
    session = backend("torchscript").load(path, 1)
    for batch in (1, 3):
        images = torch.randint(0, 256, (batch, 1, 28, 28), dtype=torch.uint8)
        np.testing.assert_allclose(session.run(images.numpy()), conversion.deployed(images), atol=1e-5)
