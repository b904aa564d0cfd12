import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnistx_export.golden import draw_digit
from mnistx_export.web.module import NAMES, require_own_module, write_module
from mnistx_runtime import Predictor
from mnistx_runtime.errors import ArtifactError, BadInput
from pages import released_page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("node"), reason="node is missing: apt install nodejs"),
]
pytest.importorskip("ziglang", reason="ziglang is missing: pip install 'mnistx-export[web]'")

SCRIPT = """
import { readFileSync } from "node:fs";
import { load } from "./mnistx.js";
const { images, pictures } = JSON.parse(readFileSync("given.json"));
const model = await load(process.argv[2]);
const answers = images.map((image) => [...model.logProbs(Uint8Array.from(image))]);
const readings = pictures.map(({ width, height, data }) => {
  const { found, reason } = model.read({ width, height, data: Uint8ClampedArray.from(data) });
  const names = found.map((each) => each.answer?.name ?? "?").join("");
  return { names, images: found.map((each) => [...(each.image ?? [])]), reason };
});
let wrong = "";
try {
  model.predict(new Uint8Array(3));
} catch (error) {
  wrong = error.message;
}
console.log(JSON.stringify({ answers, readings, names: model.names, build: model.build, wrong, check: model.check() }));
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("module")
    (folder / "digits.html").write_bytes(released_page())
    write_module(folder / "digits.html")
    (folder / "use.mjs").write_text(SCRIPT)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def rgba(grey: np.ndarray) -> dict[str, object]:
    pixels = np.full((*grey.shape, 4), 255, np.uint8)
    pixels[..., :3] = grey[..., None]
    return {"width": grey.shape[1], "height": grey.shape[0], "data": pixels.ravel().tolist()}


@pytest.mark.parametrize("build", ["simd", "scalar"])
def test_it_answers_as_the_released_model(build: str, folder: Path) -> None:
    predictor = Predictor(threads=1)
    images = np.stack([draw_digit(digit, 3) for digit in range(10)])[:, None]
    page = np.full((120, 300), 250, np.uint8)
    for at, digit in ((10, 4), (110, 7), (205, 1)):
        page[20:104, at : at + 84] = 250 - draw_digit(digit, 1, 84) // 255 * 220
    pictures = [page[:, :100], page, np.full((50, 50), 200, np.uint8)]
    given = {"images": images.reshape(10, -1).tolist(), "pictures": [rgba(each) for each in pictures]}
    (folder / "given.json").write_text(json.dumps(given))
    done = subprocess.run(["node", "use.mjs", build], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["build"] == build and found["names"] == list("0123456789") and found["check"] == ""
    expected = np.array([each.log_probs for each in predictor.predict_batch(images)])
    assert np.abs(np.array(found["answers"]) - expected).max() <= 1e-4
    assert [each["names"] for each in found["readings"]] == ["4", "471", ""]
    assert found["readings"][2]["reason"].startswith("no ink found")
    image = predictor.explain(Image.fromarray(pictures[0]))[0].image
    assert found["readings"][0]["images"][0] == image.ravel().tolist()
    assert found["wrong"] == "an image has 1 x 28 x 28 bytes, not 3"


def test_files_are_named_and_say_nothing_of_a_page(folder: Path) -> None:
    texts = [(folder / name).read_text() for name in NAMES]
    assert "document" not in texts[0] and texts[0].count("\nexport ") == 1
    assert "export function load(" in texts[1]


def test_a_file_that_is_no_page(tmp_path: Path) -> None:
    (tmp_path / "m.html").write_text("<html></html>")
    with pytest.raises(ArtifactError, match="no block"):
        write_module(tmp_path / "m.html")
    assert [each.name for each in tmp_path.iterdir()] == ["m.html"]


@pytest.mark.parametrize("name", NAMES)
def test_files_of_others_are_not_replaced(name: str, folder: Path, tmp_path: Path) -> None:
    require_own_module(folder / "digits.html")
    (tmp_path / name).write_text("export const mine = 1;\n")
    with pytest.raises(BadInput, match=f"{name} is not mnistx's"):
        require_own_module(tmp_path / "digits.html")
