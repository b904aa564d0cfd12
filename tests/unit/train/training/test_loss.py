import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import log_softmax, nll_loss

from mnistx_train.recipes import NO_CLASS, Teacher, recipe
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


def test_an_outlier_counts_by_how_far_its_answer_is_from_flat() -> None:
    recipe = replace(REPORT, outliers=True)
    flat = torch.full((2, 4), 0.25).log()
    sure = torch.tensor([[0.97, 0.01, 0.01, 0.01]]).log().expand(2, 4)
    none = torch.full((2,), NO_CLASS)

    assert float(loss_of(recipe, flat, none)) == pytest.approx(0, abs=1e-6)
    expected = -(math.log(0.97) + 3 * math.log(0.01)) / 4 - math.log(4)
    assert float(loss_of(recipe, sure, none)) == pytest.approx(expected, rel=1e-5)
    both = torch.cat([sure, sure]), torch.tensor([0, 0, NO_CLASS, NO_CLASS])
    assert float(loss_of(recipe, *both)) == pytest.approx((expected - math.log(0.97)) / 2, rel=1e-5)


def test_beside_outliers_a_teacher_is_followed_only_where_it_is_right() -> None:
    answers = torch.tensor([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]).log()
    guide = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]).log()
    recipe = replace(REPORT, outliers=True, teacher=TEACHER)

    followed = (1 - TEACHER.weight) * -math.log(0.5) + TEACHER.weight * float(
        imitation(TEACHER, answers[:1], guide[:1])
    )
    found = float(loss_of(recipe, answers, torch.tensor([0, 0]), guide))
    assert found == pytest.approx((followed - math.log(0.5)) / 2, rel=1e-5)
