"""What `fast` loads until its checkpoint is written: none of the large packages that it learns nothing by."""

import subprocess
import sys
from pathlib import Path

FAST_RUN = """
import sys
from pathlib import Path

import numpy as np

from mnistx_train.evaluation.calibration import fit_temperature
from mnistx_train.datasets import DIGITS, Split, TrainingData, stratified
from mnistx_train.datasets.base import digit_spec
from mnistx_train.evaluation.inference import log_probs
from mnistx_train.training.loop import load_state, run_epoch, save_state
from mnistx_train.job import configure
from mnistx_train.training.stages import prepare_stages

training, validation = stratified(Split(np.zeros((80, 1, 28, 28), np.uint8), np.arange(80) % 10), 1 / 4)
data = TrainingData(training, validation, digit_spec(DIGITS), DIGITS)
job = configure({"recipe": "fast", "device": "cpu"}, None, False)
(stage,) = prepare_stages(None, job.config, job.recipe, data)
run_epoch(stage.state, data)
save_state(Path(sys.argv[1]), stage.state)
load_state(Path(sys.argv[1]), stage.state)
fit_temperature(log_probs(stage.state.network, validation.images, data.spec), validation.labels)
print(*{"matplotlib", "scipy", "sklearn", "sympy", "torch._dynamo", "torchvision"} & sys.modules.keys())
"""


def test_the_fast_recipe_loads_nothing_that_it_can_do_without(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FAST_RUN, str(tmp_path / "state")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
