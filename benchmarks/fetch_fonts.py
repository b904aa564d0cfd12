"""Fetches the typefaces that the recipe `fonts` learns from and those that it is measured on.

`python benchmarks/fetch_fonts.py FOLDER` asks npm for each package of train/src/mnistx_train/datasets/fonts.csv, in the
version listed there, and keeps its listed files and its licence in FOLDER/NAME. What is there already is not fetched
again. Then set MNISTX_FONTS to FOLDER.
"""

import subprocess
import sys
import tarfile
import tempfile
from itertools import groupby
from pathlib import Path

from mnistx_runtime.system.files import writable_folder, write_whole
from mnistx_train.datasets.fonts import FontFile, font_files


def fetch(family: str, files: list[FontFile], folder: Path) -> None:
    """Pack one family and keep what is listed of it."""
    with tempfile.TemporaryDirectory() as packed:
        package = f"@fontsource/{family}@{files[0].version}"
        subprocess.run(["npm", "pack", "--silent", package], cwd=packed, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(packed).glob("*.tgz")
        writable_folder(folder / family)
        with tarfile.open(archive) as members:
            for member in ["LICENSE", *(f"files/{each.file}" for each in files)]:
                content = members.extractfile(f"package/{member}")
                assert content is not None
                write_whole(folder / family / Path(member).name, content.read())


if __name__ == "__main__":
    into = Path(sys.argv[1])
    listed = [*font_files("train"), *font_files("test")]
    for family, group in groupby(listed, lambda each: each.family):
        files = list(group)
        if not all((into / family / each.file).exists() for each in files):
            fetch(family, files, into)
    print(f"{into}: {len(listed)} files; set MNISTX_FONTS to it")
