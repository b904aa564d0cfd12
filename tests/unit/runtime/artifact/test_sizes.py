import os
from pathlib import Path

import pytest

from mnistx_runtime.artifact.sizes import MOST_BYTES, MOST_METADATA, require_metadata_size, require_size
from mnistx_runtime.errors import ArtifactError


def test_files_too_large_together_are_refused_by_their_size_alone(tmp_path: Path) -> None:
    small, large = tmp_path / "m.bin", tmp_path / "m.xml"
    small.write_bytes(b"0")
    with large.open("wb") as file:
        file.truncate(MOST_BYTES)
    require_size([large])
    with pytest.raises(ArtifactError, match=r"m\.xml: 1,073,741,825 bytes are no small model's"):
        require_size([large, small])
    os.truncate(large, 20 << 30)
    with pytest.raises(ArtifactError, match="21,474,836,480 bytes"):
        require_size([large])


def test_metadata_have_a_limit() -> None:
    require_metadata_size(MOST_METADATA, "m")
    with pytest.raises(ArtifactError, match="m carries 67,108,865 bytes of metadata"):
        require_metadata_size(MOST_METADATA + 1, "m")
