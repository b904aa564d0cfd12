"""Draws what a browser shows of `mnistx serve`: `python benchmarks/served_screenshots.py FOLDER`.

Writes start.png, answer.png and docs.png into FOLDER: `/`, what its form answers, and `/docs`. Fails where a page asks
for what isn't there or prints an error. It needs playwright and Chromium.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from server_process import serving  # noqa: E402


def draw(folder: Path) -> list[str]:
    """Write the pictures; what went wrong in the pages."""
    wrong: list[str] = []
    with serving(folder, "--grace", "0") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 900, "height": 640})
        page.on("console", lambda message: wrong.append(message.text))
        page.on("response", lambda answer: wrong.append(answer.url) if answer.status >= 400 else None)
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.screenshot(path=folder / "start.png")
        page.set_input_files("input[type=file]", ROOT / "artifacts" / "pictures" / "three.jpg")
        page.click("button")
        page.screenshot(path=folder / "answer.png")
        page.goto(f"http://127.0.0.1:{server.port}/")
        page.click("text=All addresses")
        page.screenshot(path=folder / "docs.png", full_page=True)
        browser.close()
    return wrong


if __name__ == "__main__":
    sys.exit("\n".join(draw(Path(sys.argv[1]))) or 0)
