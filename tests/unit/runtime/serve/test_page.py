from pathlib import Path

import pytest

from mnistx_runtime.errors import BadInput
from mnistx_runtime.serve import page
from mnistx_runtime.serve.limits import Limits
from mnistx_runtime.serve.models import load_models
from mnistx_runtime.serve.openapi import describe_service


def test_the_page_beside_the_first_model_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert page.find_page([]) is None and page.find_page([tmp_path / "m.onnx"]) is None
    (tmp_path / "m.html").write_bytes(b"<p>web</p>")
    assert page.find_page([tmp_path / "m.onnx", tmp_path / "n.onnx"]) == b"<p>web</p>"
    monkeypatch.setattr(page, "_LARGEST", 3)
    with pytest.raises(BadInput, match="so it is no page"):
        page.find_page([tmp_path / "m.onnx"])


def test_the_plain_pages_say_what_is_served_and_escape_it() -> None:
    models = load_models([])
    assert b"<b>mnist-cnn</b>" in page.start_page(models)
    models["mnist-cnn"].name = "<script>"
    assert b"<script>" not in page.start_page({"<script>": models["mnist-cnn"]})
    shown = page.docs_page(describe_service(models, Limits()))
    assert b"POST /predict" in shown and b"/v2/models/{model}/infer" in shown
