from pathlib import Path

import pytest

from mnistx_train.errors import TrainError
from mnistx_train.reporting import events
from mnistx_train.reporting.events import FOLDER, add_epoch, check_tensorboard, event_writer
from mnistx_train.training.loop import Epoch


def test_nothing_is_written_unless_asked_for(tmp_path: Path) -> None:
    with event_writer(tmp_path, 0, wanted=False) as writer:
        assert writer is None
    assert not list(tmp_path.iterdir())


def test_an_epoch_that_is_done_again_replaces_itself(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for loss, done in ((0.9, 0), (0.8, 1)):
        with event_writer(tmp_path, done, wanted=True) as writer:
            assert writer is not None
            for number in (1, 2)[done:]:
                add_epoch(writer, Epoch(number, loss, 0.5, 0.75, 1.25))

    written = EventAccumulator(str(tmp_path / FOLDER)).Reload()
    assert [(e.step, round(e.value, 3)) for e in written.Scalars("loss/training")] == [(1, 0.9), (2, 0.8)]


def test_without_tensorboard_the_line_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "find_spec", lambda _: None)
    with pytest.raises(TrainError, match="pip install tensorboard"):
        check_tensorboard()
