"""Draws what people see of a page: `python benchmarks/web_screenshots.py EXPORTED/mnist-cnn.html artifacts`.

Writes web_page.png: a desk in the light with a digit drawn, and a phone in the dark with a photograph of several. It
needs playwright and Chromium.
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PHOTO = ROOT / "artifacts" / "postal-code.jpg"
_POINTS = "38,22 45,13 56,14 60,26 56,40 47,47 58,53 63,66 60,79 50,86 38,80"
THREE = [tuple(int(each) / 100 for each in point.split(",")) for point in _POINTS.split()]
DESK, PHONE, MARGIN = (1120, 670), (390, 670), 16


def draw_three(page: Page) -> None:
    """By mouse, on the board, rounded by small steps."""
    box = page.locator("#board").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in THREE]
    page.mouse.move(*places[0])
    page.mouse.down()
    for (x, y), (right, down) in zip(places[1:], [*places[2:], places[-1]], strict=True):
        page.mouse.move((x * 3 + right) / 4, (y * 3 + down) / 4, steps=8)
    page.mouse.up()


def screenshots(page_file: Path) -> list[Image.Image]:
    """Both."""
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for (width, height), scheme in ((DESK, "light"), (PHONE, "dark")):
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(page_file.resolve().as_uri())
            page.wait_for_selector("#check[data-state=passed]")
            if scheme == "light":
                draw_three(page)
                page.wait_for_selector("#answer:text-is('3')")
            else:
                page.set_input_files("#file", PHOTO)
                page.wait_for_selector("#answer:text-is('20742')")
            page.mouse.move(0, 0)
            found.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
        browser.close()
    return found


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """On one sheet."""
    width = sum(each.width for each in pictures) + MARGIN * (len(pictures) + 1)
    sheet = Image.new("RGB", (width, max(each.height for each in pictures) + 2 * MARGIN), (255, 255, 255))
    left = MARGIN
    for each in pictures:
        sheet.paste(each, (left, MARGIN))
        left += each.width + MARGIN
    return sheet


if __name__ == "__main__":
    sheet = side_by_side(screenshots(Path(sys.argv[1]))).quantize(128)
    sheet.save(Path(sys.argv[2]) / "web_page.png", optimize=True)
