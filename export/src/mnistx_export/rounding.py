"""Rounds a network's weights so that what the layers sum changes least, not each weight.

The nearest number of a grid is best for a single weight. For a sum it isn't: what rounding one weight adds, those after
it can take away, as far as their inputs go together. So the error is passed on, weight by weight, to those that aren't
rounded yet, in the proportion that least squares give (Frantar and others 2022, "GPTQ"). And a layer behind rounded
ones first moves its own weights towards the sums that it had behind the trained ones (Li and others 2025, "GPTAQ").
"""

import copy
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, unfold

from mnistx_runtime.backends.torch_session import torch_threads

_DAMPING = 0.01  # of the mean square input, added to each: GPTQ's
_RIDGE = 0.1  # likewise where a layer makes up for those before it; of 0.001 to 0.1 the best on validation images
_FOUND: "WeakKeyDictionary[nn.Module, tuple[str, dict[str, Tensor]]]" = WeakKeyDictionary()  # by what it came of
_LEAST = 1e-30  # of a mean square input: where a layer's inputs are all 0, as behind a ReLU that is never above it


def round_layers(
    module: nn.Module, batches: Sequence[Tensor], scales: Mapping[str, Tensor], limit: int
) -> dict[str, Tensor]:
    """Convolutions' and linear layers' weights as whole multiples of their scale, in the order in which they run.

    Asked again the same of a module, it gives what it found: several formats of a network are made of it.

    Args:
        module: the network; it isn't changed.
        batches: what it takes, as it will see it.
        scales: by the weight's name, such as "conv1.weight", above 0, one an output; layers without one, and those of
            several groups, stay as they are.
        limit: the largest multiple, either way.

    Returns:
        By the weight's name, multiples from -limit to limit, int8, shaped as the weights.
    """
    asked = _digest(module.state_dict(), dict(enumerate(batches)), scales, {"limit": torch.tensor(limit)})
    known, found = _FOUND.get(module, ("", {}))
    if known != asked:
        found = _round_layers(module, batches, scales, limit)
        _FOUND[module] = asked, found
    return dict(found)


def _digest(*parts: Mapping[Any, Tensor]) -> str:
    """Of named tensors."""
    found = sha256()
    for part in parts:
        for name, tensor in part.items():
            found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            found.update(tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _round_layers(
    module: nn.Module, batches: Sequence[Tensor], scales: Mapping[str, Tensor], limit: int
) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    twin = copy.deepcopy(module)
    with torch.inference_mode(), torch_threads(1, batches):  # of several, how many decides how sums are rounded
        for name in _running_order(module, batches[0]):
            layer = module.get_submodule(name)
            if not isinstance(layer, nn.Conv2d | nn.Linear) or f"{name}.weight" not in scales:
                continue
            if isinstance(layer, nn.Conv2d) and layer.groups > 1:
                continue
            weights, scale = layer.weight, scales[f"{name}.weight"]
            count = weights[0].numel()
            gram, missing = (torch.zeros(count, count, dtype=torch.float64) for _ in range(2))
            for batch in batches:
                wanted, given = (im2col(layer, _input_of(part, name, batch)) for part in (module, twin))
                gram += given.T @ given
                missing += given.T @ (wanted - given)
            flat = weights.flatten(1).double()
            flat = flat + torch.linalg.solve(_damped(gram, _RIDGE), missing @ flat.T).T
            found[f"{name}.weight"] = round_weights(flat, scale, limit, gram).view(weights.shape)
            multiples = found[f"{name}.weight"].flatten(1) * scale[:, None]
            twin.get_submodule(name).load_state_dict({"weight": multiples.view(weights.shape)}, strict=False)
    return found


class _Reached(Exception):
    """A layer has its input."""


def _running_order(module: nn.Module, batch: Tensor) -> list[str]:
    """The names of the modules without children, in the order in which they first run."""
    order: dict[str, None] = {}
    leaves = [(name, each) for name, each in module.named_modules() if not list(each.children())]
    hooks = [each.register_forward_pre_hook(partial(_note, order, name)) for name, each in leaves]
    module(batch[:1])
    for hook in hooks:
        hook.remove()
    return list(order)


def _note(order: dict[str, None], name: str, *_: object) -> None:
    order.setdefault(name)


def _input_of(module: nn.Module, name: str, batch: Tensor) -> Tensor:
    """What a layer takes the first time it runs, of what the whole module takes."""
    taken: list[Tensor] = []

    def take(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        taken.append(inputs[0])
        raise _Reached

    hook = module.get_submodule(name).register_forward_pre_hook(take)
    with suppress(_Reached):
        module(batch)
    hook.remove()
    return taken[0]


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
    return gram + share * gram.diagonal().mean().clamp(min=_LEAST) * torch.eye(len(gram), dtype=gram.dtype)


def im2col(layer: nn.Conv2d | nn.Linear, inputs: Tensor) -> Tensor:
    """What each output sums, one row each, float64 `(rows, K)`."""
    if isinstance(layer, nn.Conv2d):
        mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
        padded = pad(inputs, layer._reversed_padding_repeated_twice, mode)  # of numbers, "same" and "valid" alike
        columns = unfold(padded, layer.kernel_size, layer.dilation, 0, layer.stride)
        inputs = columns.transpose(1, 2).flatten(0, 1)
    return inputs.flatten(0, -2).double()
