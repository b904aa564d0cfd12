"""What the tests of mnistx-train share: a few digits, and torch left as it was found."""

import csv
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib import get_data_path

from mnistx_train.datasets import Split, TrainingData, fonts, source, training_data


@pytest.fixture(autouse=True)
def torch_as_before() -> Iterator[None]:
    """A run switches torch to deterministic algorithms for the whole process."""
    before = torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_deterministic_debug_mode("error" if before else "default")


@pytest.fixture(scope="session")
def digits_whole() -> Split:
    """All training images of the digits."""
    return source("digits").read(True)


@pytest.fixture(scope="session")
def small() -> TrainingData:
    """100 digits to learn from, 40 to validate on."""
    found = training_data(source("digits"))
    return replace(found, training=found.training.at(np.arange(100)), validation=found.validation.at(np.arange(40)))


@pytest.fixture(scope="session", autouse=True)
def few_fonts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of fonts that matplotlib brings, in the place of those that would have to be fetched."""
    folder, listed = tmp_path_factory.mktemp("fonts"), []
    for name, kind, use in (("Sans", "print", "train"), ("Sans-Oblique", "hand", "train"), ("Serif", "print", "test")):
        data = (Path(get_data_path()) / "fonts" / "ttf" / f"DejaVu{name}.ttf").read_bytes()
        file = fonts.FontFile("dejavu", "2.37", "Bitstream-Vera", kind, use, f"{name}.woff", sha256(data).hexdigest())
        (folder / file.family).mkdir(exist_ok=True)
        (folder / file.family / file.file).write_bytes(data)
        listed.append(asdict(file))
    with (folder / "fonts.csv").open("w", newline="") as table:
        writer = csv.DictWriter(table, [each.name for each in fields(fonts.FontFile)])
        writer.writeheader()
        writer.writerows(listed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fonts, "LIST", folder / "fonts.csv")
        patch.setenv(fonts.FONTS, str(folder))
        yield folder
