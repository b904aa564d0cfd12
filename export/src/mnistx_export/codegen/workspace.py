"""Where tensors lie in the workspace: those that aren't needed at the same time share their bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mnistx_export.codegen.network import Kernel, Network

ALIGNMENT = 16  # bytes, of the workspace and of each tensor in it


@dataclass(frozen=True)
class Workspace:
    """The plan.

    Args:
        bytes: of all.
        offsets: of each tensor that lies there, in bytes, by its name; the image and the answer are the caller's.
        same: of tensors that a layer leaves where they are, the name of the tensor that they are.
        scratch: of layers that need room of their own while they run, its offset, by their output's name.
    """

    bytes: int
    offsets: Mapping[str, int]
    same: Mapping[str, str]
    scratch: Mapping[str, int]


@dataclass(frozen=True)
class _Need:
    name: str
    size: int
    first: int
    last: int


def plan(network: Network, kernels: Sequence[Kernel]) -> Workspace:
    """A place for each tensor: the largest ones first, each at the lowest offset that is free as long as it's needed.

    Args:
        network: whose tensors they are.
        kernels: of its layers; one without text leaves its input where it is, as its output.
    """
    same: dict[str, str] = {}
    for layer, kernel in zip(network.layers, kernels, strict=True):
        if not kernel.text:
            source = layer.inputs[0].name
            same[layer.output.name] = same.get(source, source)
    outside = {network.image.name, same.get(network.layers[-1].output.name, network.layers[-1].output.name)}
    needs: dict[str, _Need] = {}
    for at, (layer, kernel) in enumerate(zip(network.layers, kernels, strict=True)):
        for each in layer.inputs:
            name = same.get(each.name, each.name)
            if name in needs:
                needs[name] = _Need(name, needs[name].size, needs[name].first, at)
        name = layer.output.name
        if name not in same and name not in outside:
            needs[name] = _Need(name, layer.output.bytes, at, at)
        if kernel.scratch:
            needs[f"{name} scratch"] = _Need(f"{name} scratch", kernel.scratch, at, at)
    offsets = _place(list(needs.values()))
    end = max((offsets[need.name] + need.size for need in needs.values()), default=0)
    tensors = {name: offset for name, offset in offsets.items() if not name.endswith(" scratch")}
    scratch = {name.removesuffix(" scratch"): offset for name, offset in offsets.items() if name not in tensors}
    return Workspace(_up(end), tensors, same, scratch)


def _place(needs: Sequence[_Need]) -> dict[str, int]:
    placed: list[tuple[_Need, int]] = []
    for need in sorted(needs, key=lambda each: (-each.size, each.first)):
        offset = 0
        beside = [(at, each) for each, at in placed if each.first <= need.last and need.first <= each.last]
        for at, each in sorted(beside, key=lambda pair: pair[0]):
            if offset + need.size <= at:
                break
            offset = max(offset, _up(at + each.size))
        placed.append((need, offset))
    return {need.name: offset for need, offset in placed}


def _up(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
