from dataclasses import replace

import pytest
import torch
from torch.nn.functional import log_softmax, nll_loss

from mnistx_train.recipes import Teacher, recipe
from mnistx_train.training.loss import imitation, loss_of

REPORT = recipe("report")
TEACHER = Teacher(REPORT, temperature=3, weight=0.75)


@pytest.fixture
def answers() -> torch.Tensor:
    torch.manual_seed(0)
    return log_softmax(torch.randn(7, 10) * 3, 1)


LABELS = torch.arange(7)


def test_a_plain_recipes_loss_is_the_likelihood_alone(answers: torch.Tensor) -> None:
    assert torch.equal(loss_of(REPORT, answers, LABELS), nll_loss(answers, LABELS))


def test_smoothed_labels_give_every_class_a_share(answers: torch.Tensor) -> None:
    target = torch.full((7, 10), 0.2 / 10)
    target[torch.arange(7), LABELS] += 0.8

    smoothed = loss_of(replace(REPORT, label_smoothing=0.2), answers, LABELS)

    assert float(smoothed) == pytest.approx(float(-(target * answers).sum(1).mean()), rel=1e-6)


def test_a_teacher_has_its_weight_and_the_labels_the_rest(answers: torch.Tensor) -> None:
    guide = log_softmax(answers.flip(1) * 0.5, 1)
    theirs, ours = (torch.softmax(values / 3, 1).double() for values in (guide, answers))
    divergence = float((theirs * (theirs / ours).log()).sum(1).mean()) * 3**2

    assert float(imitation(TEACHER, answers, guide)) == pytest.approx(divergence, rel=1e-5)
    expected = 0.25 * float(nll_loss(answers, LABELS)) + 0.75 * divergence
    assert float(loss_of(replace(REPORT, teacher=TEACHER), answers, LABELS, guide)) == pytest.approx(expected, rel=1e-5)


def test_who_answers_as_the_teacher_does_has_nothing_to_imitate(answers: torch.Tensor) -> None:
    assert float(imitation(TEACHER, answers, answers)) == pytest.approx(0, abs=1e-6)
