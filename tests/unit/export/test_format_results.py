import shutil
from pathlib import Path

from mnistx_export.checkpoint_model import model_with_data
from mnistx_export.exporter import Exported
from mnistx_export.format_results import draw_changed, format_lines, format_row
from mnistx_export.int8_gate import ChangedPrediction


def test_changed_predictions_are_drawn_in_the_run_folder_and_nowhere_else(digits_run: Path, tmp_path: Path) -> None:
    model, _ = model_with_data(digits_run / "model.safetensors", None, with_training=True)
    change = ChangedPrediction("validation", 3, "7", "7", "1")
    found = Exported(tmp_path, "onnx-int8", 1, {}, None, changed=(change,))
    shutil.copytree(digits_run, tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    for folder in ("run", "elsewhere"):
        draw_changed(tmp_path / folder, found, model)
    assert (tmp_path / "run" / "changed-onnx-int8.png").is_file()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert "validation image 3, a 7: 7 became 1" in "\n".join(format_lines(found))


def test_a_row_of_what_nothing_here_can_run_says_so(tmp_path: Path) -> None:
    found = Exported(tmp_path, "coreml", 1234, {}, None, unverified="only Apple's systems run Core ML")
    assert format_row(found) == "coreml           1,234  written, unverified: only Apple's systems run Core ML"
