from pathlib import Path

import pytest
import torch
from torch import nn

from mnistx_export import Model, export
from mnistx_runtime import InputSpec
from mnistx_runtime.artifact.verification import verify

pytest.importorskip("ziglang", reason="ziglang is missing: pip install 'mnistx-export[web]'")
pytest.importorskip("wasmtime", reason="wasmtime is missing: pip install 'mnistx-runtime[web]'")

SPEC = InputSpec(channels=3, height=16, width=12, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))


def test_a_model_of_a_users_is_the_same_again_and_a_changed_byte_is_seen(tmp_path: Path) -> None:
    torch.manual_seed(3)
    module = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 48, 3)
    ).eval()
    paths = [tmp_path / name / "own-fp32.html" for name in ("one", "two")]
    for path in paths:
        found = export(Model(module, SPEC, ("</script>", "<!--", "owl")), "web-fp32", path)
        assert found.passed and found.golden and found.golden.passed
        assert [each.name for each in path.parent.iterdir()] == [path.name]
    page = paths[0].read_bytes()
    assert page == paths[1].read_bytes()
    for old, new in (
        (b"Undo", b"Redo"),
        (b"default-src 'none'", b"default-src *     "),
        (b'{"code":', b'{"Code":'),
    ):
        assert page.count(old) == 1
        paths[0].write_bytes(page.replace(old, new))
        assert not verify(paths[0]).passed
