"""Run folders: where they lie, and which one is meant when none is named."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import MISSING, asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout

from mnistx_runtime.input_spec import SIDES
from mnistx_runtime.system.files import remove_leftovers, writable_folder, write_whole
from mnistx_runtime.system.plain_file import require_plain
from mnistx_runtime.system.signals import postpone_stop
from mnistx_train.errors import TrainError, first_line

RUNS = Path("artifacts/runs")
CONFIG, STATE, CHECKPOINT, LOCK = "run.json", "state.safetensors", "model.safetensors", ".lock"
TEACHER_STATE = "teacher-state.safetensors"

_MOST_TEXT = 1 << 20  # characters of a configuration


@dataclass(frozen=True)
class Config:
    """All that a run needs to be repeated.

    Args:
        dataset: a name, or the path of a folder.
        recipe: a name.
        epochs: how many.
        batch_size: images a step.
        lr: learning rate.
        seed: of everything drawn at random.
        device: "cpu" or "cuda".
        threads: CPU threads that torch computes with; another number rounds otherwise.
        data_sha256: of the training images and labels.
        versions: of Python, mnistx-train, torch, torchvision and numpy.
        network: a name of `NETWORKS`; of a user's own, its file and factory, as in "net.py:build".
        network_sha256: of that file; empty for a network of `NETWORKS`.
        height: of what pictures are resized to; None for the data set's own size.
        width: likewise.
        channels: likewise.
    """

    dataset: str
    recipe: str
    epochs: int
    batch_size: int
    lr: float
    seed: int
    device: str
    threads: int
    data_sha256: str
    versions: dict[str, str]
    network: str = "report"
    network_sha256: str = ""
    height: int | None = None
    width: int | None = None
    channels: int | None = None


def new_run(config: Config, out: Path | None) -> Path:
    """Make a run folder: the one named, else the next number under `artifacts/runs`.

    Raises:
        TrainError: it holds something already, or can't be written.
    """
    folder = out or _make_next(f"{Path(config.dataset).name}-{config.recipe}")
    _require_empty(folder)
    writable_folder(folder)
    with locked(folder):
        _require_empty(folder)  # another call may have been quicker
        write_whole(folder / CONFIG, (json.dumps(asdict(config), indent=2) + "\n").encode())
    return folder


def _require_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(path.name[0] != "." for path in folder.iterdir())):
        raise TrainError(f"{folder} exists; name another --out, or go on with its run: --resume --out {folder}")


def _make_next(name: str) -> Path:
    """A new folder with the next number before its name, which no other call gets."""
    writable_folder(RUNS)
    while True:
        folder = RUNS / f"{_next_number():03}-{name}"
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise TrainError(f"can't write to {folder}: {error.strerror}") from error


def read_config(folder: Path) -> Config:
    """The configuration that a run was started with.

    Raises:
        TrainError: there's no run in this folder.
    """
    if folder.is_file():
        raise TrainError(f"no run to go on with in {folder}: a file, where a run is a folder; name that with --out")
    try:
        with require_plain(folder / CONFIG).open(encoding="utf-8") as file:
            return parse_config(file.read(_MOST_TEXT))
    except FileNotFoundError as error:
        raise TrainError(f"no run to go on with in {folder}: it holds no {CONFIG}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise TrainError(f"no run to go on with in {folder}: {CONFIG}: {first_line(error)}") from error


def parse_config(text: str) -> Config:
    """A configuration from its JSON.

    Raises:
        ValueError, RecursionError: it isn't one.
    """
    values: dict[str, Any] = json.loads(text)
    _check_config(values)
    return Config(**values)


def _check_config(values: Any) -> None:
    """Raise ValueError where a configuration isn't one."""
    if not isinstance(values, dict):
        raise ValueError("it is no table")
    missing = [each.name for each in fields(Config) if each.default is MISSING and each.name not in values]
    if missing:
        raise ValueError(f"it lacks {missing[0]}")
    for name, value in values.items():
        if name not in _FITS:
            raise ValueError(f"it says {name!r:.60}, which means nothing")
        if not _FITS[name](value):
            raise ValueError(f"it says {name} {value!r:.60}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


_FITS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("recipe", "data_sha256", "network", "network_sha256"), _is_text),
    "dataset": lambda value: isinstance(value, str) and "\0" not in value,
    "device": lambda value: value in ("cpu", "cuda"),
    "epochs": partial(_is_whole, low=1, high=10**9),
    "batch_size": partial(_is_whole, low=1, high=10**9),
    "seed": partial(_is_whole, low=0, high=2**32 - 1),
    "threads": partial(_is_whole, low=1, high=1024),  # torch crashes where the system can't start as many
    "lr": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 100,
    "versions": lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
    "height": lambda value: value is None or (_is_whole(value, 1, SIDES[-1]) and value in SIDES),
    "width": lambda value: value is None or (_is_whole(value, 1, SIDES[-1]) and value in SIDES),
    "channels": lambda value: value is None or value in (1, 3),
}
"""What a run's configuration may hold, as the file of a folder that came from anywhere."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a run to this process, and sweep out what a killed one was writing.

    Raises:
        TrainError: another process is training it.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        with postpone_stop():
            _acquire(lock, folder)
        remove_leftovers(folder)
        yield
    finally:
        if lock.is_locked:
            with postpone_stop():
                with suppress(OSError):  # Windows removes no open file; filelock does, as it releases it
                    (folder / LOCK).unlink()  # who waits for it sees that, and begins anew
                lock.release()


def _acquire(lock: BaseFileLock, folder: Path) -> None:
    try:
        lock.acquire()
    except Timeout as error:
        raise TrainError(f"another process is training {folder}") from error
    except OSError as error:
        raise TrainError(f"can't write to {folder}: {error.strerror}") from error


def last_finished() -> Path | None:
    """The checkpoint that was finished last under `artifacts/runs`."""
    found = list(RUNS.glob(f"*/{CHECKPOINT}"))
    return max(found, key=lambda path: path.stat().st_mtime_ns) if found else None


def is_finished(folder: Path) -> bool:
    """Whether a run has written its checkpoint and its report: then the state that it would go on from is gone."""
    return (folder / CHECKPOINT).exists() and not (folder / STATE).exists()


def clear_finished(folder: Path) -> None:
    """Remove what is only there while a run goes on: one that was killed at its very end has left it."""
    with suppress(TrainError), locked(folder):
        (folder / TEACHER_STATE).unlink(missing_ok=True)


def last_unfinished() -> Path:
    """The folder of the run that was started last and isn't finished.

    Raises:
        TrainError: there's none.
    """
    found = [path for path in RUNS.glob(f"*/{CONFIG}") if not is_finished(path.parent)]
    if not found:
        raise TrainError(f"no unfinished run under {RUNS}; name its folder with --out")
    return max(found, key=lambda path: path.stat().st_mtime_ns).parent


def _next_number() -> int:
    taken = [re.match(r"(\d+)-", path.name) for path in RUNS.glob("*")]
    return max((int(match[1]) for match in taken if match), default=0) + 1
