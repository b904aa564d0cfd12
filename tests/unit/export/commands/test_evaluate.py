import json
from pathlib import Path

import pytest

from command import mnistx
from mnistx_runtime.bundled import BUNDLED
from own_network import write_own_network


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["{run}", "--runtime", "ort"], "only torch runs"),
        (["missing.onnx"], "no such model file"),
        (["missing"], "no runtime reads"),
        (["{run}", "--dataset", "nonsense"], "no data set 'nonsense'"),
    ],
)
def test_bad_input_gets_one_clear_line(args: list[str], told: str, digits_run: Path) -> None:
    found = mnistx("evaluate", *[arg.replace("{run}", str(digits_run)) for arg in args])
    assert found.exit_code == 2 and told in found.stderr and "Traceback" not in found.output


def test_a_folder_of_pictures_is_measured_through_the_preprocess(tmp_path: Path) -> None:
    from PIL import Image

    from mnistx_export.golden import draw_digit

    for digit in (3, 7):
        (tmp_path / "pages" / str(digit)).mkdir(parents=True)
        for seed in range(3):
            Image.fromarray(255 - draw_digit(digit, seed, 120)).save(tmp_path / "pages" / str(digit) / f"{seed}.png")
    Image.new("L", (50, 50), 255).save(tmp_path / "pages" / "3" / "blank.png")
    found = mnistx("evaluate", BUNDLED, tmp_path / "pages", "--json")
    values = json.loads(found.stdout)
    assert found.exit_code == 0 and values["count"] == 6 and values["refused"] == 1 and values["accuracy"] == 1
    found = mnistx("evaluate", BUNDLED, tmp_path / "pages", "--out", tmp_path / "report")
    assert "refused            1 pictures more" in found.stdout and (tmp_path / "report" / "report.html").is_file()
    found = mnistx("evaluate", BUNDLED, tmp_path / "pages", "--data-dir", tmp_path)
    assert found.exit_code == 2 and "leave --dataset and --data-dir out" in found.stderr


@pytest.mark.slow
def test_a_preprocess_that_differs_from_training_shows_as_points_lost(tmp_path: Path) -> None:
    spec = write_own_network(tmp_path, pictures=12)
    assert mnistx("export", "--spec", spec, "--format", "onnx").exit_code == 0
    right = json.loads(mnistx("evaluate", tmp_path / "spec.onnx", tmp_path / "pictures", "--json").stdout)
    spec.write_text(spec.read_text().replace("[data]", "[input.parameters]\nmode = 'shorter'\nsize = 200\n[data]"))
    assert mnistx("export", "--spec", spec, "--format", "onnx").exit_code == 0
    wrong = json.loads(mnistx("evaluate", tmp_path / "spec.onnx", tmp_path / "pictures", "--json").stdout)
    assert wrong["confusion"] != right["confusion"]
