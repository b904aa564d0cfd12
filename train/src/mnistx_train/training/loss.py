"""What training makes small."""

from math import log

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax, nll_loss

from mnistx_train.recipes import NO_CLASS, Recipe, Teacher


def loss_of(recipe: Recipe, answers: Tensor, labels: Tensor, guide: Tensor | None = None) -> Tensor:
    """The mean loss of a batch.

    Args:
        recipe: whose `label_smoothing`, `teacher` and `outliers` decide.
        answers: log-probabilities `(B, classes)`, float32.
        labels: `(B,)`; with `outliers` some are `NO_CLASS`.
        guide: the teacher's log-probabilities of the same images, `(B, classes)`, where there is one.

    Returns:
        The negative log-likelihood of the labels, in nats, smoothed if the recipe says so; with a teacher its share of
        that, and of `imitation` the rest. With `outliers`, a teacher is followed where its answer is the label, and an
        image of no class counts by how far its answer is from giving all classes alike.
    """
    if recipe.outliers:
        return _loss_with_outliers(recipe, answers, labels, guide)
    if recipe.label_smoothing:
        own = cross_entropy(answers, labels, label_smoothing=recipe.label_smoothing)
    else:
        own = nll_loss(answers, labels)
    if recipe.teacher is None or guide is None:
        return own
    return (1 - recipe.teacher.weight) * own + recipe.teacher.weight * imitation(recipe.teacher, answers, guide)


def _loss_with_outliers(recipe: Recipe, answers: Tensor, labels: Tensor, guide: Tensor | None) -> Tensor:
    no_class = labels == NO_CLASS
    flat = -answers.mean(1) - log(answers.shape[1])
    each = torch.where(no_class, flat, nll_loss(answers, labels.masked_fill(no_class, 0), reduction="none"))
    if recipe.teacher is not None and guide is not None:
        weight = recipe.teacher.weight * (guide.argmax(1) == labels)
        each = (1 - weight) * each + weight * _divergence(recipe.teacher, answers, guide).sum(1)
    return each.mean()


def imitation(teacher: Teacher, answers: Tensor, guide: Tensor) -> Tensor:
    """How far the answers are from the teacher's: Kullback-Leibler divergence at its temperature.

    Times the temperature squared, by which gradients shrink there (Hinton and others 2015, section 2.1).
    """
    return _divergence(teacher, answers, guide).sum() / len(answers)


def _divergence(teacher: Teacher, answers: Tensor, guide: Tensor) -> Tensor:
    t = teacher.temperature
    ours, theirs = log_softmax(answers / t, 1), log_softmax(guide / t, 1)
    return t**2 * kl_div(ours, theirs, reduction="none", log_target=True)
