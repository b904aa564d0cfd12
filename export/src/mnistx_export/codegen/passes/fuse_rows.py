"""Convolutions one behind the other run together, row by row, with a fully connected layer behind them: less memory."""

from dataclasses import replace

from mnistx_export.codegen.network import Layer, Network
from mnistx_export.codegen.operators.linear import Linear
from mnistx_export.codegen.operators.normalize import Interleave
from mnistx_export.codegen.operators.rows import Rows
from mnistx_export.codegen.row_stage import is_stage


def fuse_rows(network: Network) -> Network:
    """See the file."""
    layers = list(network.layers)
    taken: set[int] = set()
    for layer in network.layers:
        if not is_stage(layer) or id(layer) in taken:
            continue
        run = _run(network, layer)
        taken |= {id(each) for each in run}
        name = ", ".join(each.name for each in run)
        fused = Layer(name, Rows(tuple(run)), run[0].inputs, run[-1].output)
        layers = [fused if each is run[-1] else each for each in layers if each is run[-1] or each not in run]
    return replace(network, layers=tuple(layers))


def _run(network: Network, first: Layer) -> list[Layer]:
    """The layers that run together with a convolution, from the first to the last."""
    run = [first]
    before = next((each for each in network.layers if each.output.name == first.inputs[0].name), None)
    if before and isinstance(before.operator, Interleave) and len(network.readers(before.output)) == 1:
        run.insert(0, before)
    while len(readers := network.readers(run[-1].output)) == 1:
        (reader,) = readers
        if isinstance(reader.operator, Linear) and reader.inputs[0].name == run[-1].output.name:
            return [*run, reader]
        if not is_stage(reader):
            return run
        run.append(reader)
    return run
