"""Muon (Jordan and others 2024, kellerjordan.github.io/posts/muon): steps as long in every direction of a matrix.

Of the gradient of a matrix most points in few directions. Muon takes its momentum and sets all singular values to about
one, so that the rare directions are learned as well: in a third of the images as much as Adam learns.

`torch.optim.Muon` (2.14) takes no kernels of four dimensions, is 1.6 times as slow for fc1's matrix on one thread (it
multiplies the wide one in each round), and errs by 3% of the largest entry, as it computes in bfloat16.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mnistx_train.optimizers.uncompiled import leave_compiler_out, without_wrapper

_A, _B, _C = 3.4445, -4.7750, 2.0315  # Jordan's polynomial: steep at 0, and near 1 from 0.7 to 1.2
_ROUNDS = 5
_MOMENTUM = 0.95

_adamw_step = without_wrapper(torch.optim.AdamW.step)


class Muon(torch.optim.AdamW):
    """Muon for the inner layers' weights, matrices and kernels; AdamW for the first and the last layer's, and biases.

    Args:
        network: what learns.
        lr: AdamW's learning rate. Muon's steps are made as long as AdamW's are (Liu and others 2025, arXiv:2502.16982,
            equation 4), so that one rate serves both.
        weight_decay: of whatever has more than one dimension.

    >>> from mnistx_train.networks.cnn import cnn
    >>> [[len(values) for values in group["params"]] for group in Muon(cnn(), lr=0.003).param_groups]
    [[64, 128], [32, 10], [32, 64, 128, 10]]
    """

    def __init__(self, network: nn.Module, lr: float, weight_decay: float = 0.0) -> None:
        """Sort the parameters."""
        first, *inner, last = (values for values in network.parameters() if values.ndim > 1)
        others = [values for values in network.parameters() if values.ndim == 1]
        groups: list[dict[str, Any]] = [
            {"params": inner, "muon": True},
            {"params": [first, last]},
            {"params": others, "weight_decay": 0.0},
        ]
        leave_compiler_out()
        super().__init__(groups, lr=lr, weight_decay=weight_decay, fused=True)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Change the weights by their gradients; those that Muon used are gone afterwards."""
        for group in self.param_groups:
            for values in group["params"] if group.get("muon") else ():
                if values.grad is not None:
                    self._muon_step(values, values.grad, group["lr"], group["weight_decay"])
                    values.grad = None  # so that AdamW leaves them alone
        return _adamw_step(self, closure)  # type: ignore[no-any-return]

    def _muon_step(self, values: Tensor, gradient: Tensor, lr: float, weight_decay: float) -> None:
        held = self.state[values]
        if not held:
            held["step"] = torch.tensor(0.0)  # which AdamW wants to find in a state that's loaded
            held["momentum"] = torch.zeros_like(values)
        momentum = held["momentum"].mul_(_MOMENTUM).add_(gradient)
        ahead = gradient.add(momentum, alpha=_MOMENTUM).flatten(1)  # Nesterov's
        values.mul_(1 - lr * weight_decay)
        values.add_(orthogonal(ahead).view(values.shape), alpha=-lr * 0.2 * max(ahead.shape) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix with its singular values brought near one, 0.7 to 1.2, by five rounds of Newton and Schulz.

    Each round multiplies by a polynomial of the matrix by its own transpose. That small square is followed through the
    rounds, and the matrix multiplied once, by what they come to: a quarter of the work where it's much wider than high.

    Args:
        matrix: `(rows, columns)`, of any scale.

    Returns:
        The same shape.

    >>> spread = torch.linalg.svdvals(orthogonal(torch.diag(torch.tensor([900.0, 30.0, 1.0]))))
    >>> bool(spread.min() > 0.3), bool(spread.max() < 1.2)
    (True, True)
    """
    tall = len(matrix) > matrix.shape[1]
    wide = matrix.T if tall else matrix
    wide = wide / wide.norm().clamp(min=1e-7)
    square, one = wide @ wide.T, torch.eye(len(wide), device=wide.device)
    product = one
    for _ in range(_ROUNDS):
        polynomial = torch.addmm(_A * one + _B * square, square, square, alpha=_C)
        square = polynomial @ square @ polynomial
        product = polynomial @ product
    found: Tensor = product @ wide
    return found.T if tall else found
