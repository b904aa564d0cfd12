"""The page as people use it, in Chromium."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from mnistx_export import Model, export
from mnistx_export.golden import draw_digit
from mnistx_runtime import InputSpec, Predictor
from pages import released_page, with_wasm, with_weights_changed
from photos import DISTURBANCES, photograph
from strokes import DIGITS, strokes_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
POSTAL_CODE = ROOT / "artifacts" / "postal-code.jpg"
THREE = ROOT / "artifacts" / "pictures" / "three.jpg"
NO_SIMD = "WebAssembly.validate = () => false;"
HAND_OVER = """async ([text, kind, type]) => {
  const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "picture", { type }));
  const of = { bubbles: true, cancelable: true, dataTransfer: transfer, clipboardData: transfer };
  for (const name of kind === "paste" ? ["paste"] : ["dragover", "drop"]) {
    const event = name === "paste" ? new ClipboardEvent(name, of) : new DragEvent(name, of);
    document.querySelector("#stage").dispatchEvent(event);
  }
}"""
Opened = Callable[..., Any]


def draw(page: Any, digit: str, left: float = 0.5, size: float = 0.8) -> None:
    """A digit on the board, in a square that begins so far from the left, in heights of the board."""
    box = page.locator("#board").bounding_box()
    side, top = size * box["height"], (1 - size) / 2 * box["height"]
    for stroke in strokes_of(digit):
        points = [(box["x"] + left * box["height"] + x * side, box["y"] + top + y * side) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points:
            page.mouse.move(*point, steps=4)
        page.mouse.up()


def answer(page: Any) -> str:
    text: str = page.inner_text("#answer")
    return text


def wait_for(page: Any, selector: str, text: str) -> None:
    """Until an element holds just this text; the page's policy forbids to ask it by a script."""
    page.wait_for_selector(f"{selector}:text-is('{text}')")


def hand_over(page: Any, data: bytes, kind: str, type_: str = "image/jpeg") -> None:
    page.evaluate(HAND_OVER, [base64.b64encode(data).decode(), kind, type_])


@pytest.mark.parametrize("before", ["", NO_SIMD], ids=["simd", "scalar"])
def test_each_digit_drawn(before: str, opened: Opened, digits_page: Path) -> None:
    page = opened(digits_page, before)
    assert page.inner_text("#check") == "Self-check passed: 44 golden images"
    assert f"WebAssembly {'without' if before else 'with'} vectors" in page.inner_text("#facts")
    assert page.is_disabled("#undo") and page.is_disabled("#clear") and page.is_visible("#hint")
    for digit in DIGITS:
        draw(page, digit)
        assert answer(page) == digit
        assert page.inner_text("#announcement").startswith(f"{digit}, ")
        assert page.locator("#bars tr[data-best=true] th").inner_text() == digit
        page.click("#clear")
        assert answer(page) == "" and page.is_visible("#hint")


def test_the_answer_moves_with_the_pen_and_undo_takes_a_stroke_back(opened: Opened, digits_page: Path) -> None:
    page = opened(digits_page)
    box = page.locator("#board").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 0.15 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 0.85 * box["height"], steps=8)
    wait_for(page, "#answer", "1")
    assert page.inner_text("#announcement") == ""
    page.mouse.up()
    assert page.inner_text("#announcement").startswith("1, ")
    page.click("#clear")
    for at, digit in enumerate("204"):
        draw(page, digit, 0.05 + 0.48 * at, 0.5)
    assert answer(page) == "204"
    assert page.inner_text("#announcement") == "3 found: 2 0 4"
    page.get_by_role("button", name="2: 0").click()
    assert page.inner_text("#remark").startswith("2 of 3: 0, ")
    page.click("#undo")
    page.keyboard.press("Control+z")
    assert answer(page) == "20"


def test_keyboard_alone(opened: Opened, digits_page: Path) -> None:
    page = opened(digits_page)
    choosers: list[Any] = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "board"
    page.keyboard.press(" ")
    for _ in range(11):
        page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    assert answer(page) == "1" and page.inner_text("#announcement").startswith("1, ")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "clear"
    page.keyboard.press("Enter")
    assert answer(page) == "" and page.evaluate("document.activeElement.id") == "board"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "open"
    page.keyboard.press("Enter")
    for _ in range(1200):
        if choosers:
            break
        page.wait_for_timeout(50)
    choosers[0].set_files(THREE)
    wait_for(page, "#answer", "3")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_photo_dropped_or_pasted(kind: str, opened: Opened, digits_page: Path) -> None:
    page = opened(digits_page)
    hand_over(page, THREE.read_bytes(), kind)
    wait_for(page, "#answer", "3")
    assert page.is_visible("#picture") and not page.is_visible("#board")
    page.click("#clear")
    assert page.is_visible("#board") and answer(page) == ""
    hand_over(page, b"no picture", kind)
    wait_for(page, "#remark", "Picture is no picture that this browser can open")
    assert answer(page) == "–"


def test_what_is_no_picture_is_refused(opened: Opened, digits_page: Path) -> None:
    page = opened(digits_page)
    hand_over(page, b"text", "drop", "text/plain")
    assert page.inner_text("#remark") == "What was dropped holds no picture"
    white = io.BytesIO()
    Image.new("L", (60, 60), 255).save(white, "PNG")
    hand_over(page, white.getvalue(), "drop", "image/png")
    wait_for(page, "#remark", "No ink found: nothing stands out from the ground")


def test_several_digits_in_a_photo(opened: Opened, digits_page: Path) -> None:
    page = opened(digits_page)
    page.set_input_files("#file", POSTAL_CODE)
    wait_for(page, "#answer", "20742")
    assert page.locator("#digits button").count() == 5
    page.set_input_files("#file", THREE)
    wait_for(page, "#answer", "3")
    assert not page.is_visible("#digits")


def test_photographs_as_in_python(opened: Opened, digits_page: Path) -> None:
    predictor = Predictor(threads=1)
    page = opened(digits_page)
    for index, disturbance in enumerate(DISTURBANCES):
        photo = photograph(draw_digit(index % 10, index), disturbance.scene(0.7), index)
        expected = predictor.predict(Image.open(io.BytesIO(photo)).convert("L"))
        page.evaluate("document.querySelector('#clear').click()")
        hand_over(page, photo, "drop")
        wait_for(page, "#answer", str(expected.label))


def test_fingers_draw_and_do_not_scroll(opened: Opened, digits_page: Path) -> None:
    page = opened(digits_page, viewport={"width": 320, "height": 480}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.locator("#board").scroll_into_view_if_needed()
    box, before = page.locator("#board").bounding_box(), page.evaluate("scrollY")
    session = page.context.new_cdp_session(page)

    def touch(kind: str, share: float) -> None:
        points = [{"x": box["x"] + box["width"] / 2, "y": box["y"] + share * box["height"]}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if kind != "touchEnd" else []})

    touch("touchStart", 0.15)
    for step in range(12):
        touch("touchMove", 0.15 + 0.06 * step)
    touch("touchEnd", 0)
    wait_for(page, "#answer", "1")
    assert page.evaluate("scrollY") == before
    assert page.is_visible("#photograph")


@pytest.mark.parametrize(
    ("keep_digest", "reason"), [(True, "its bytes are not those that were exported"), (False, "golden image")]
)
def test_a_broken_weight_is_refused(keep_digest: bool, reason: str, opened: Opened, tmp_path: Path) -> None:
    path = tmp_path / "broken.html"
    path.write_bytes(with_wasm(released_page(), with_weights_changed, keep_digest))
    page = opened(path)
    assert page.inner_text("#check") == "Self-check failed"
    assert reason in page.inner_text("#failure")
    assert not page.is_visible("#input") and not page.is_visible("#output")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_findings_of_axe(scheme: str, opened: Opened, digits_page: Path, tmp_path: Path) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is missing: npm install --no-package-lock")
    (tmp_path / "broken.html").write_bytes(with_wasm(released_page(), with_weights_changed, False))

    def findings(page: Any) -> list[str]:
        page.evaluate(AXE.read_text())
        found: list[str] = page.evaluate("axe.run().then((each) => each.violations.map((one) => JSON.stringify(one)))")
        return found

    page = opened(digits_page, color_scheme=scheme)
    assert findings(page) == []
    draw(page, "3", 0.1, 0.5)
    draw(page, "8", 0.7, 0.5)
    assert findings(page) == []
    page.set_input_files("#file", POSTAL_CODE)
    wait_for(page, "#answer", "20742")
    assert findings(page) == []
    assert findings(opened(tmp_path / "broken.html", color_scheme=scheme)) == []


def test_a_model_of_a_users_with_three_colours(opened: Opened, tmp_path: Path) -> None:
    """Pictures of a size of their own, in colour, and the names of the classes."""
    spec = InputSpec(channels=3, height=24, width=32, mean=(0.0,) * 3, std=(1.0,) * 3, preprocess="resize")
    last = nn.Linear(3, 3, bias=False)
    last.load_state_dict({"weight": 6 * torch.eye(3)})
    module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)
    names = ("tomato", "cucumber", "blueberry")
    assert export(Model(module.eval(), spec, names), "web-fp32", tmp_path / "own-fp32.html").passed
    page = opened(tmp_path / "own-fp32.html")
    assert not page.is_visible("#board") and page.inner_text("#hint") == "Drop a picture here"
    random = np.random.default_rng(3)
    for at, name in enumerate(names):
        pixels = random.integers(0, 80, (300, 420, 3)).astype(np.uint8)
        pixels[..., at] += 140
        png = io.BytesIO()
        Image.fromarray(pixels).save(png, "PNG")
        hand_over(page, png.getvalue(), "drop", "image/png")
        wait_for(page, "#answer", name)
        expected = Predictor(tmp_path / "own-fp32.html", "web").predict(Image.fromarray(pixels))
        shown = page.inner_text("#remark")
        assert shown.startswith(f"{name}, ")
        assert abs(float(shown.removesuffix("%").split(", ")[1]) / 100 - max(expected.probabilities)) < 6e-4
    page.click("#clear")
    assert answer(page) == "" and page.is_visible("#hint")
