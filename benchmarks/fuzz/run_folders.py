"""The configuration in a run folder."""

import json
import logging
from dataclasses import asdict

from fuzz.target import Target, folder_of
from mnistx_train.job import configure
from mnistx_train.runs import CONFIG, Config, read_config

_SEED = Config(
    dataset="digits",
    recipe="report",
    epochs=2,
    batch_size=64,
    lr=0.01,
    seed=0,
    device="cpu",
    threads=1,
    data_sha256="0" * 64,
    versions={"torch": "2"},
)


def _read(data: bytes) -> None:
    logging.disable(logging.WARNING)
    with folder_of({CONFIG: data}) as folder:
        config = read_config(folder)
        job = configure({}, folder, True)
        assert job.config == config and job.recipe.epochs == config.epochs


def seeds() -> list[bytes]:
    """Configurations of runs of all recipes, and of a network of one's own."""
    values = asdict(_SEED)
    changes: tuple[dict[str, str], ...] = (
        {},
        {"recipe": "fast"},
        {"recipe": "best"},
        {"network": "n.py:build", "network_sha256": "1" * 64},
    )
    return [json.dumps(values | change, indent=2).encode() for change in changes]


RUN_FOLDER = Target(seeds, _read)
