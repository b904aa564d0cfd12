"""A page's model as an ES module, for pages, workers and servers of others."""

import json
from pathlib import Path

from mnistx_export.web.page import join_scripts, read_source
from mnistx_runtime.artifact.web_page import METADATA, MODEL, read_block
from mnistx_runtime.errors import BadInput
from mnistx_runtime.system.files import write_whole

NAMES = ("mnistx.js", "mnistx.d.ts")
"""The module, and its types."""


_SOURCES = ("model.js", "mnistx.d.ts")


def require_own_module(page: Path) -> None:
    """Refuse to replace what somebody else keeps under the module's names.

    Args:
        page: beside which it will lie.

    Raises:
        BadInput: a file there begins otherwise than the module does.
    """
    for name, source in zip(NAMES, _SOURCES, strict=True):
        file = page.with_name(name)
        first = read_source(source).partition("\n")[0].encode()
        if file.exists() and not (file.is_file() and file.read_bytes().startswith(first)):
            raise BadInput(f"{file} is not mnistx's: name another folder, or remove it")


def write_module(page: Path) -> None:
    """Write the module beside a page, in place of one that is there.

    Raises:
        ArtifactError: it is no page of mnistx's.
        BadInput: it can't be written.
    """
    for name, data in module_files(page.read_bytes()).items():
        write_whole(page.with_name(name), data)


def module_files(page: bytes) -> dict[str, bytes]:
    """The module that holds the same model as a page.

    Args:
        page: sealed.

    Returns:
        Names, and contents.
    """
    blocks = {"metadata": METADATA, "model": MODEL}
    source = {name: read_block(page, label, "the page").decode() for name, label in blocks.items()}
    script = join_scripts("model.js").replace("export ", "")
    exported = (
        "/** See mnistx.d.ts. */\nexport async function load(build) {\n  return openModel(SOURCE, build);\n}\n"
        f"\nconst SOURCE = {json.dumps(source)};\n"
    )
    return dict(zip(NAMES, (f"{script}\n{exported}".encode(), read_source(NAMES[1]).encode()), strict=True))
