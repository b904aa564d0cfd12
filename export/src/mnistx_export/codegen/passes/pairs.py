"""Two layers that become one."""

from collections.abc import Callable
from dataclasses import replace

from mnistx_export.codegen.network import Layer, Network


def fuse_pairs(network: Network, fuse: Callable[[Layer, Layer], Layer | None]) -> Network:
    """A network in which a layer and the only one that reads it are one, wherever `fuse` finds such a layer.

    Args:
        network: as it is.
        fuse: of the first and the second layer, the one that reads what the first reads and writes what the second
            writes; None where there's none.
    """
    layers = list(network.layers)
    at = 0
    while at < len(layers):
        first = layers[at]
        readers = Network(network.image, tuple(layers)).readers(first.output)
        fused = fuse(first, readers[0]) if len(readers) == 1 and len(readers[0].inputs) == 1 else None
        if fused is None:
            at += 1
            continue
        layers = [fused if each is first else each for each in layers if each is not readers[0]]
    return replace(network, layers=tuple(layers))
