"""Chromium, and pages in it that record what they ask for and what goes wrong."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pages import released_page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install playwright")
    pytest.importorskip("ziglang", reason="ziglang is missing: pip install 'mnistx-export[web]'")
    if not CHROMIUM:
        pytest.skip("Chromium is missing: apt install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def digits_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The released model as a page."""
    path = tmp_path_factory.mktemp("page") / "digits.html"
    path.write_bytes(released_page())
    return path


@pytest.fixture
def opened(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Opens a file in a context of its own, offline; nothing may be asked for but the file, and no error printed."""
    contexts, seen = [], []

    def open_file(path: Path, before: str = "", **options: Any) -> Any:
        context = chromium.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        if before:
            page.add_init_script(before)
        page.on("request", lambda request: seen.append(request.url))
        page.on("console", lambda message: seen.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.goto(path.as_uri())
        page.wait_for_selector("#check:not([data-state=waiting])")
        assert seen.pop(0) == path.as_uri()
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert [each for each in seen if not each.startswith(("data:", "blob:"))] == []
