"""What training makes small."""

from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax, nll_loss

from mnistx_train.recipes import Recipe, Teacher


def loss_of(recipe: Recipe, answers: Tensor, labels: Tensor, guide: Tensor | None = None) -> Tensor:
    """The mean loss of a batch.

    Args:
        recipe: whose `label_smoothing` and `teacher` decide.
        answers: log-probabilities `(B, classes)`, float32.
        labels: `(B,)`.
        guide: the teacher's log-probabilities of the same images, `(B, classes)`, where there is one.

    Returns:
        The negative log-likelihood of the labels, in nats, smoothed if the recipe says so; with a teacher its share of
        that, and of `imitation` the rest.
    """
    if recipe.label_smoothing:
        own = cross_entropy(answers, labels, label_smoothing=recipe.label_smoothing)
    else:
        own = nll_loss(answers, labels)
    if recipe.teacher is None or guide is None:
        return own
    return (1 - recipe.teacher.weight) * own + recipe.teacher.weight * imitation(recipe.teacher, answers, guide)


def imitation(teacher: Teacher, answers: Tensor, guide: Tensor) -> Tensor:
    """How far the answers are from the teacher's: Kullback-Leibler divergence at its temperature.

    Times the temperature squared, by which gradients shrink there (Hinton and others 2015, section 2.1).
    """
    t = teacher.temperature
    ours, theirs = log_softmax(answers / t, 1), log_softmax(guide / t, 1)
    return t**2 * kl_div(ours, theirs, reduction="batchmean", log_target=True)
