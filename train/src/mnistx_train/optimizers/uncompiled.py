"""Optimizers without torch's compiler: they load it to be left alone by it, which takes a second."""

from typing import Any

from torch.optim import Optimizer


def leave_compiler_out() -> None:
    """Mark optimizers' methods as not to be compiled, as `torch._compile._disable_dynamo` does after loading it all.

    >>> leave_compiler_out()
    >>> plain = without_wrapper(Optimizer.zero_grad)
    >>> getattr(plain, "__dynamo_disable") is plain
    True
    """
    for method in (Optimizer.add_param_group, Optimizer.zero_grad, Optimizer.state_dict, Optimizer.load_state_dict):
        plain = without_wrapper(method)
        setattr(plain, "__dynamo_disable", plain)


def without_wrapper(method: Any) -> Any:
    """The method that a decorator wraps; itself where none does."""
    return getattr(method, "__wrapped__", method)
