import pytest
import torch

from mnistx_train.recipes import recipe
from mnistx_train.recipes.schedules import one_cycle


@pytest.mark.parametrize("name", ["fast", "best"])
def test_the_learning_rate_rises_and_falls_to_nothing(name: str) -> None:
    schedule = recipe(name).schedule

    rates = [schedule(step / 100) for step in range(101)]
    top = rates.index(max(rates))
    assert rates[top] == pytest.approx(1)
    assert rates[0] <= 0.1
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == 0


def test_one_cycle_is_torchs_own() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=1000, cycle_momentum=False)

    for step in range(999):
        assert one_cycle(step / 1000) == pytest.approx(optimizer.param_groups[0]["lr"], abs=0.008)
        optimizer.step()
        scheduler.step()
