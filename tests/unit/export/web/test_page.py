import re
import subprocess
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from mnistx_export.web import page
from mnistx_export.web.page import build_page, join_scripts, read_source
from mnistx_runtime.artifact.wasm import Wasm, read_wasm
from mnistx_runtime.artifact.web_page import SUFFIX, write_props

ROOT = Path(__file__).parents[4]
WASM = Wasm({"simd": b"one", "scalar": b"two"}, b"three")


def test_it_holds_all_and_names_nothing_outside() -> None:
    built = build_page(WASM)
    text = built.decode()
    assert read_wasm({SUFFIX: built}, "p") == WASM
    assert not page._PLACE.search(text.partition("<style>")[0])
    assert not re.search(r"(?:src|href)=\"(?!data:,)", text)
    assert not re.search(
        r"\b(?:fetch|XMLHttpRequest|WebSocket|sendBeacon|importScripts|eval)\b", join_scripts(*page._SCRIPTS)
    )
    assert "https:" not in text and "http:" not in text


def test_the_policy_fits_what_is_run() -> None:
    text = build_page(WASM).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy and "default-src 'none'" in policy[1] and "unsafe-inline" not in policy[1]
    for tag in ('<script type="module">', "<style>"):
        content = text.partition(tag)[2].partition(f"</{tag[1:].split(' ')[0].rstrip('>')}>")[0]
        assert f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'" in policy[1]


def test_sealing_leaves_the_policy_valid() -> None:
    built = {SUFFIX: build_page(WASM)}
    script = '<script type="module">'
    sealed = write_props(built, {"a": "/* script */ <!-- model -->"})[SUFFIX].decode()
    assert sealed.partition(script)[2] == built[SUFFIX].decode().partition(script)[2]


def test_scripts_come_in_the_order_of_their_imports() -> None:
    seen: set[str] = set()
    for name in page._SCRIPTS:
        assert set(re.findall(r'from "\./(\w+\.js)"', read_source(name))) <= seen
        seen.add(name)
    assert not re.search(r"^import ", join_scripts(*page._SCRIPTS), re.MULTILINE)


def test_a_script_that_would_end_the_script_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "read_source", lambda name: "const text = '</script>';")
    with pytest.raises(ValueError, match="ends a script"):
        join_scripts("page.js")


def test_sources_are_formatted_and_linted() -> None:
    biome = ROOT / "node_modules" / ".bin" / "biome"
    if not biome.exists():
        pytest.skip("biome is missing: npm install --no-package-lock")
    done = subprocess.run(
        [biome, "check", "--error-on-warnings", "--colors=off"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
