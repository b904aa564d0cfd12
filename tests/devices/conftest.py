"""The released model as generated C, for every target."""

from dataclasses import replace
from pathlib import Path

import pytest

from command import RELEASED
from devices.sources import Sources, write_sources
from devices.targets import DEVICES
from mnistx_export.checkpoint_model import model_with_data
from mnistx_export.model import Model

CALIBRATION = 300  # images: the weights are rounded on them, which takes a minute with all


@pytest.fixture(scope="session")
def model(mnist: Path) -> Model:
    """The released one."""
    found, _ = model_with_data(RELEASED, mnist, with_training=True)
    assert found.calibration is not None and found.test is not None
    return replace(found, calibration=found.calibration[:CALIBRATION])


@pytest.fixture(scope="session")
def sources(model: Model) -> dict[tuple[str, str], Sources]:
    return write_sources(model, {device.target for device in DEVICES.values()})
