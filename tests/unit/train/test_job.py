import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mnistx_runtime import BadInput
from mnistx_runtime.system.temporary import temporary_path
from mnistx_train.errors import TrainError
from mnistx_train.job import Job, configure
from mnistx_train.runs import CHECKPOINT, CONFIG, LOCK, RUNS, TEACHER_STATE, Config, new_run
from mnistx_train.training.parallel import Processes

DIGITS = Config(
    dataset="digits",
    recipe="report",
    epochs=3,
    batch_size=64,
    lr=0.001,
    seed=0,
    device="cpu",
    threads=2,
    data_sha256="",
    versions={"torch": "2"},
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run folders lie below the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def started(name: str, at: int, finished_at: int | None = None) -> Path:
    folder = new_run(DIGITS, RUNS / name)
    os.utime(folder / CONFIG, (at, at))
    if finished_at is not None:
        (folder / CHECKPOINT).write_bytes(b"x")
        os.utime(folder / CHECKPOINT, (finished_at, finished_at))
    return folder


def test_a_new_run_takes_what_was_not_asked_for_from_the_recipe() -> None:
    job = configure({}, None, resume=False)
    config = job.config

    assert job.folder is None
    assert replace(config, versions={}, device="cpu", threads=1) == Config(
        "mnist", "report", 10, 64, 0.001, 0, "cpu", 1, "", {}
    )
    assert config.versions.keys() == {"python", "mnistx-train", "torch", "torchvision", "numpy"}
    assert config.versions["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert not RUNS.exists()


def test_a_new_run_takes_what_was_asked_for() -> None:
    asked = {"dataset": "digits", "epochs": 2, "batch_size": 7, "lr": 0.5, "seed": 9, "device": "cpu"}

    config = configure(asked, None, resume=False).config

    assert {name: getattr(config, name) for name in asked} == asked


@pytest.mark.parametrize(("there", "device"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_cuda_where_there_is_one(monkeypatch: pytest.MonkeyPatch, there: bool, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)

    assert configure({}, None, resume=False).config.device == device
    assert configure({"device": "auto"}, None, resume=False).config.device == device
    assert configure({"device": "cpu"}, None, resume=False).config.device == "cpu"


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(TrainError, match="no CUDA device here"):
        configure({"device": "cuda"}, None, resume=False)


def test_unknown_recipe_is_refused() -> None:
    with pytest.raises(BadInput, match="unknown recipe 'other'"):
        configure({"recipe": "other"}, None, resume=False)


@pytest.mark.parametrize("asked", [{}, {"dataset": "digits"}, {"epochs": 3, "lr": 0.001, "seed": 0, "device": "cpu"}])
@pytest.mark.parametrize("named", [True, False])
def test_a_run_goes_on_as_it_was_started(asked: dict[str, Any], named: bool) -> None:
    folder = started("001-a", at=10)

    assert configure(asked, folder if named else None, resume=True) == Job(DIGITS, folder)


def test_what_a_run_that_was_killed_at_its_very_end_left_is_cleared() -> None:
    folder = started("001-a", at=10, finished_at=20)
    left = [folder / LOCK, folder / TEACHER_STATE, temporary_path(folder)]
    for path in left:
        path.touch()
    with pytest.raises(TrainError, match="is finished"):
        configure({}, folder, resume=True)
    assert {path.name for path in folder.iterdir()} == {CONFIG, CHECKPOINT}


def test_a_finished_run_does_not_go_on() -> None:
    folder = started("001-a", at=10, finished_at=20)

    with pytest.raises(TrainError, match=r"001-a is finished; there is nothing to go on with"):
        configure({}, folder, resume=True)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"dataset": "mnist"}, "was started with dataset digits; leave that out"),
        ({"recipe": "fast"}, "was started with recipe report; leave that out"),
        ({"height": 96, "width": 96}, "was started with height None, width None; leave that out"),
        ({"network": "large"}, "was started with network report; leave that out"),
        ({"epochs": 4}, "was started with epochs 3; leave that out"),
        ({"batch_size": 65}, "was started with batch_size 64; leave that out"),
        ({"lr": 0.002}, "was started with lr 0.001; leave that out"),
        ({"seed": 1}, "was started with seed 0; leave that out"),
        ({"seed": 1, "epochs": 3, "lr": 1.0}, "was started with seed 0, lr 0.001; leave that out"),
    ],
)
def test_options_that_differ_are_refused_when_a_run_goes_on(asked: dict[str, Any], said: str) -> None:
    folder = started("001-a", at=10)
    before = (folder / CONFIG).read_bytes()

    with pytest.raises(TrainError, match=said):
        configure(asked, folder, resume=True)

    assert (folder / CONFIG).read_bytes() == before


def started_with(folder: Path, **changed: Any) -> Path:
    new_run(configure({"dataset": "digits", "device": "cpu"}, None, False).config, folder)
    values = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(values | changed))
    return folder


def test_auto_agrees_with_what_it_chose(tmp_path: Path) -> None:
    job = configure({"device": "auto"}, started_with(tmp_path / "o"), True)
    assert job.folder == tmp_path / "o" and job.config.device == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_cuda_run_is_not_resumed_without_cuda(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="no CUDA device"):
        configure({}, started_with(tmp_path / "o", device="cuda"), True)


def test_other_versions_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    configure({}, started_with(tmp_path / "o", versions={}), True)

    (message,) = caplog.messages
    assert "torch" in message and "its weights may round otherwise" in message


@pytest.mark.parametrize(
    ("asked", "shape"),
    [
        ({"height": 40, "width": 48}, (3, 40, 48)),
        ({"height": 96, "width": 96, "channels": 1}, (1, 96, 96)),
        ({"channels": 3}, (3, 28, 28)),
        ({}, (None, None, None)),
    ],
)
def test_what_pictures_become_is_part_of_the_configuration(
    asked: dict[str, int], shape: tuple[int | None, int | None, int | None]
) -> None:
    config = configure(asked, None, False).config

    assert (config.channels, config.height, config.width) == shape


@pytest.mark.parametrize("recipe", ["fast", "best"])
def test_a_recipe_that_is_made_for_other_images_is_refused_before_any_work(recipe: str) -> None:
    with pytest.raises(TrainError, match=f"recipe {recipe} is made for images of 28x28 in grey, not of 96x96"):
        configure({"recipe": recipe, "height": 96, "width": 96}, None, False)


def test_what_was_asked_for_becomes_part_of_the_recipe() -> None:
    recipe = configure(
        {"recipe": "best", "epochs": 3, "batch_size": 7, "lr": 0.5, "network": "large"}, None, False
    ).recipe

    assert (recipe.name, recipe.epochs, recipe.batch_size, recipe.lr, recipe.network) == ("best", 3, 7, 0.5, "large")
    assert recipe.teacher is not None and recipe.teacher.recipe is not None and recipe.teacher.recipe.epochs == 10


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A file that must not be run to be configured."""
    (tmp_path / "net.py").write_text("raise SystemExit")
    return tmp_path / "net.py"


def test_a_users_network_is_named_and_digested_but_not_run(net: Path) -> None:
    job = configure({"network": f"{net}:build"}, None, False)

    assert job.network is not None and job.recipe.network is job.network
    assert (job.config.network, job.config.network_sha256) == ("net.py:build", job.network.sha256)
    assert job.network.source == net.read_bytes()


def test_a_run_of_a_users_network_goes_on_only_with_its_file_named_again(net: Path, tmp_path: Path) -> None:
    folder = new_run(configure({"network": f"{net}:build"}, None, False).config, tmp_path / "o")

    with pytest.raises(TrainError, match=r"name its file again, --network .*o.network\.py:build"):
        configure({}, folder, True)
    job = configure({"network": f"{net}:build"}, folder, True)
    assert job.network is not None and job.network.source == net.read_bytes()
    copied = folder / "network.py"
    copied.write_bytes(net.read_bytes())
    assert configure({"network": f"{copied}:build"}, folder, True).config == job.config
    net.write_text("raise SystemExit  # changed")
    with pytest.raises(TrainError, match=r"was started with another net\.py:build than .*o.network\.py is its copy"):
        configure({"network": f"{net}:build"}, folder, True)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("nett", "unknown network 'nett'"),
        ("net.py", "'net.py' names no network; write FILE.py:FACTORY"),
        ("absent.py:build", "absent.py: No such file or directory"),
        ("net.txt:build", "names no network"),
        ("net.py:not a name", "names no network"),
    ],
)
def test_networks_that_are_nowhere_are_refused(net: Path, named: str, said: str) -> None:
    with pytest.raises(TrainError, match=said):
        configure({"network": named}, None, False)


@dataclass(frozen=True)
class Second(Processes):
    """A process that the first one told what it trains."""

    told: bytes = b""

    def broadcast(self, content: bytes = b"") -> bytes:
        return self.told


def second(config: Config) -> Second:
    return Second(rank=1, count=2, told=json.dumps(asdict(config)).encode())


@pytest.mark.parametrize("asked", [{}, {"seed": 7}, {"dataset": "digits", "device": "auto"}])
@pytest.mark.parametrize("resume", [True, False])
def test_another_process_trains_what_the_first_does_and_looks_for_no_run(asked: dict[str, Any], resume: bool) -> None:
    first = configure({"dataset": "digits", "seed": 7, "device": "cpu"}, None, False).config

    job = configure(asked, Path("nowhere"), resume, second(first))

    assert job == Job(first)


def test_another_process_has_its_data_where_it_likes(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "d.npz").touch()
    first = configure({"dataset": "here/d.npz", "device": "cpu"}, None, False).config

    job = configure({"dataset": "there/d.npz"}, None, False, second(first))

    assert job.config == replace(first, dataset=str(Path("there/d.npz").resolve()))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"seed": 1}, "the first process was started with seed 0; leave that out"),
        ({"dataset": "mnist"}, "the first process was started with dataset digits; leave that out"),
        ({"network": "large"}, "the first process was started with network report; leave that out"),
    ],
)
def test_another_process_that_was_told_otherwise_says_so(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(TrainError, match=said):
        configure(asked, None, False, second(DIGITS))


def test_another_process_needs_the_first_ones_network(net: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = configure({"network": f"{net}:build", "device": "cpu"}, None, False).config

    assert configure({"network": f"{net}:build"}, None, False, second(first)).network
    with pytest.raises(TrainError, match=r"name its file again, --network net\.py:build"):
        configure({}, None, True, second(first))
    net.write_text("raise SystemExit(1)")
    with pytest.raises(TrainError, match=r"the first process was started with another net\.py:build than"):
        configure({"network": f"{net}:build"}, None, False, second(first))
    assert not caplog.messages


def test_a_first_process_of_another_version_is_refused() -> None:
    with pytest.raises(TrainError, match="the first process has another mnistx-train than this: it lacks dataset"):
        configure({}, None, False, Second(1, 2, b"{}"))


def test_the_first_process_tells_the_others_what_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bytes] = []
    monkeypatch.setattr(Processes, "broadcast", lambda _, content: told.append(content))

    job = configure({"seed": 5}, None, False, Processes(0, 2))

    assert json.loads(told[0]) == asdict(job.config)
