"""Rounds a network's weights so that what the layers sum changes least, not each weight.

The nearest number of a grid is best for a single weight. For a sum it isn't: what rounding one weight adds, those after
it can take away, as far as their inputs go together. So the error is passed on, weight by weight, to those that aren't
rounded yet, in the proportion that least squares give (Frantar and others 2022, "GPTQ"). And a layer behind rounded
ones first moves its own weights towards the sums that it had behind the trained ones (Li and others 2025, "GPTAQ").
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import unfold

_DAMPING = 0.01  # of the mean square input, added to each: GPTQ's
_RIDGE = 0.1  # likewise where a layer makes up for those before it; of 0.001 to 0.1 the best on validation images


def round_layers(
    module: nn.Sequential, batches: Sequence[Tensor], scales: dict[str, Tensor], limit: int
) -> dict[str, Tensor]:
    """Every convolution's and linear layer's weights as whole multiples of their scale.

    Args:
        module: the network, a list of layers; it isn't changed.
        batches: what it takes, as it will see it.
        scales: by the weight's name, such as "conv1.weight", above 0, one an output.
        limit: the largest multiple, either way.

    Returns:
        By the weight's name, multiples from -limit to limit, int8, shaped as the weights.
    """
    found: dict[str, Tensor] = {}
    twin = copy.deepcopy(module)
    with torch.inference_mode():
        for at, (name, layer) in enumerate(module.named_children()):
            if not isinstance(layer, nn.Conv2d | nn.Linear):
                continue
            weights, scale = layer.weight, scales[f"{name}.weight"]
            count = weights[0].numel()
            gram, missing = (torch.zeros(count, count, dtype=torch.float64) for _ in range(2))
            for batch in batches:
                wanted, given = (_im2col(layer, part[:at](batch)) for part in (module, twin))
                gram += given.T @ given
                missing += given.T @ (wanted - given)
            flat = weights.flatten(1).double()
            flat = flat + torch.linalg.solve(_damped(gram, _RIDGE), missing @ flat.T).T
            found[f"{name}.weight"] = round_weights(flat, scale, limit, gram).view(weights.shape)
            multiples = found[f"{name}.weight"].flatten(1) * scale[:, None]
            twin.get_submodule(name).load_state_dict({"weight": multiples.view(weights.shape), "bias": layer.bias})
    return found


def round_weights(weights: Tensor, scale: Tensor, limit: int, gram: Tensor) -> Tensor:
    """The weights of one layer as whole multiples of the scale.

    Args:
        weights: `(outputs, K)`.
        scale: `(outputs,)`, above 0.
        limit: the largest multiple, either way.
        gram: the inputs' sum of products, float64 `(K, K)`.

    Returns:
        Multiples, -limit to limit, int8 `(outputs, K)`.

    >>> weights, together = torch.tensor([[0.4, 0.4, 0.4]]), torch.ones(3, 3).double()
    >>> round_weights(weights, torch.ones(1), 64, together).sum().item()  # 1.2 in all; each by itself would become 0
    1
    """
    left = weights.double() / scale.double()[:, None]
    order = gram.diagonal().argsort(descending=True, stable=True)
    shares = torch.linalg.cholesky(torch.linalg.inv(_damped(gram, _DAMPING)[order][:, order]), upper=True)
    left = left[:, order]
    multiples = torch.empty_like(left)
    for k in range(left.shape[1]):
        multiples[:, k] = left[:, k].round().clamp(-limit, limit)
        error = (left[:, k] - multiples[:, k]) / shares[k, k]
        left[:, k:] -= error[:, None] * shares[k, k:]
    found = torch.empty_like(multiples, dtype=torch.int8)
    found[:, order] = multiples.to(torch.int8)
    return found


def _damped(gram: Tensor, share: float) -> Tensor:
    return gram + share * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)


def _im2col(layer: nn.Conv2d | nn.Linear, inputs: Tensor) -> Tensor:
    """What each output sums, one row each, float64 `(rows, K)`."""
    if isinstance(layer, nn.Conv2d):
        assert not isinstance(layer.padding, str)
        columns = unfold(inputs, layer.kernel_size, padding=layer.padding, stride=layer.stride)
        inputs = columns.transpose(1, 2).flatten(0, 1)
    return inputs.double()
