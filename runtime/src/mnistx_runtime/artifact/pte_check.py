"""What a .pte file may hold before ExecuTorch reads it: kernels and graphs that compute, tensors whose bytes are there.

ExecuTorch checks offsets, and hands what it calls a delegate's to XNNPACK, which checks nothing. Fields are those of
ExecuTorch's schema/program.fbs.
"""

import struct
from math import prod

from mnistx_runtime.artifact.flatbuffer import Fields, FlatBuffer, Union, Values, damaged, require_indices
from mnistx_runtime.artifact.onnx_check import MOST_NODES, refuse
from mnistx_runtime.artifact.sizes import MOST_BYTES
from mnistx_runtime.artifact.xnnpack_check import check_xnnpack

_KERNELS = {
    "aten": """
        _adaptive_avg_pool2d _log_softmax _native_batch_norm_legit _native_batch_norm_legit_no_training _softmax
        _to_copy _upsample_bilinear2d_aa abs acos acosh add addmm alias_copy amax amin any arange argmax argmin asin
        asinh atan atan2 atanh avg_pool2d bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift
        bitwise_xor bmm cat ceil clamp clone constant_pad_nd convolution copy cos cosh cumsum detach_copy diagonal_copy
        div elu embedding eq erf exp expand_copy expm1 fill flip floor floor_divide fmod full full_like gather ge gelu
        glu grid_sampler_2d gt hardtanh index index_put index_select isinf isnan le leaky_relu lift_fresh_copy linear
        log log10 log1p log2 logical_and logical_not logical_or logical_xor logit lt masked_fill masked_scatter max
        max_pool2d_with_indices maximum mean min minimum mm mul narrow_copy native_group_norm native_layer_norm ne neg
        ones permute_copy pixel_shuffle pixel_unshuffle pow prod reciprocal reflection_pad1d reflection_pad2d
        reflection_pad3d relu remainder repeat repeat_interleave replication_pad1d replication_pad2d replication_pad3d
        roll round rsqrt rsub scalar_tensor scatter scatter_add select_copy select_scatter sigmoid sign sin sinh
        slice_copy slice_scatter split_copy split_with_sizes_copy sqrt squeeze_copy stack sub sum sym_numel sym_size
        t_copy tan tanh topk transpose_copy tril trunc unbind_copy unfold_copy unsqueeze_copy upsample_bilinear2d
        upsample_nearest2d var var_mean view_copy where zeros
        """,
    "dim_order_ops": "_clone_dim_order _empty_dim_order _to_dim_order_copy",
    "executorch_prim": """
        add ceil eq et_view floordiv ge gt le lt mod mul neg round sub sym_float sym_int sym_ite sym_max sym_min sym_not
        truediv trunc
        """,
    "quantized_decomposed": "dequantize_per_channel dequantize_per_tensor quantize_per_channel quantize_per_tensor",
}
ALLOWED = frozenset(f"{domain}::{name}" for domain, names in _KERNELS.items() for name in names.split())
"""The kernels that are run beside XNNPACK; the converter leaves them to ExecuTorch in classifiers."""

_DELEGATE = b"XnnpackBackend"
_BYTES = {0: 1, 1: 1, 2: 2, 3: 4, 4: 8, 5: 2, 6: 4, 7: 8, 11: 1, 15: 2, 27: 2, 28: 4, 29: 8}
"""Of a number, by torch's ScalarType."""

_TENSOR: Fields = {
    "type": (0, "b"),
    "offset": (1, "i"),
    "shape": (2, ["i"]),
    "order": (3, ["B"]),
    "data": (5, "I"),
    "place": (6, {"memory": (0, "I"), "low": (1, "I"), "high": (2, "I")}),
    "more": (9, {"segment": (0, "Q"), "where": (2, "b"), "device": (3, "b")}),
}
_LIST: Fields = {"items": (0, ["i"])}
_VALUES = Union(
    {
        1: ("null", {}),
        2: ("int", {}),
        3: ("bool", {}),
        4: ("double", {}),
        5: ("tensor", _TENSOR),
        6: ("text", {"text": (0, "s")}),
        7: ("whole numbers", {"values": (0, ["q"])}),
        8: ("numbers", {"values": (0, ["d"])}),
        9: ("bools", {"values": (0, ["B"])}),
        10: ("list", _LIST),
        11: ("optional list", _LIST),
    }
)
_CALL: Fields = {"index": (0, "i"), "values": (1, ["i"])}
_INSTRUCTIONS = Union(
    {
        1: ("kernel", _CALL),
        2: ("delegate", _CALL),
        3: ("move", {"from": (0, "i"), "to": (1, "i")}),
        4: ("jump", {}),
        5: ("free", {"value": (0, "i")}),
    }
)
_PLAN: Fields = {
    "name": (0, "s"),
    "values": (2, [{"value": (1, _VALUES)}]),
    "inputs": (3, ["i"]),
    "outputs": (4, ["i"]),
    "chains": (5, [{"inputs": (0, ["i"]), "outputs": (1, ["i"]), "steps": (2, [{"step": (1, _INSTRUCTIONS)}])}]),
    "kernels": (6, [{"name": (0, "s"), "overload": (1, "s")}]),
    "delegates": (
        7,
        [
            {
                "id": (0, "s"),
                "blob": (1, {"where": (0, "b"), "index": (1, "I")}),
                "settings": (2, [{"key": (0, "s"), "value": (1, ["B"])}]),
            }
        ],
    ),
    "memories": (8, ["q"]),
}
_OFFSETS: Fields = {"segment": (0, "I"), "offsets": (1, ["Q"])}
_PROGRAM: Fields = {
    "plans": (1, [_PLAN]),
    "buffers": (2, [{"data": (0, ["B"])}]),
    "blobs": (3, [{"data": (0, ["B"])}]),
    "segments": (4, [{"offset": (0, "Q"), "size": (1, "Q")}]),
    "constants": (5, _OFFSETS),
    "variables": (6, [_OFFSETS]),
    "named": (7, [{"key": (0, "s"), "segment": (1, "I")}]),
}


def check_pte(data: bytes, source: str) -> None:
    """Hold an ExecuTorch program to kernels and graphs that only compute, and what it declares to what is there.

    Args:
        data: of the file.
        source: how errors name it.

    Raises:
        ArtifactError: it holds what no classifier needs, and the text names it; or it is damaged.
    """
    if data[4:8] != b"ET12" or data[8:12] != b"eh00" or len(data) < struct.calcsize("<12xIQQQ"):
        raise damaged(source, "it is no ExecuTorch program")
    _, size, begin, room = struct.unpack_from("<IQQQ", data, 12)
    if size > len(data) or begin + room > len(data):
        raise damaged(source, f"it declares {size:,} and {room:,} bytes, and has {len(data):,}")
    program = FlatBuffer(memoryview(data)[:size], source).root(_PROGRAM)
    segments = []
    for each in program["segments"] or ():
        offset, length = each["offset"] or 0, each["size"] or 0
        if offset + length > room:
            raise damaged(source, f"a segment of {length:,} bytes at {offset:,} of {room:,}")
        segments.append(memoryview(data)[begin + offset : begin + offset + length])
    plans: list[Values] = program["plans"] or []
    if len(plans) != 1:
        refuse(source, f"{len(plans)} methods")
    if program["variables"]:
        refuse(source, "variables that keep a state")
    require_indices([each["segment"] or 0 for each in program["named"] or ()], len(segments), source, "segment")
    named = {each["key"] or b"": len(segments[each["segment"] or 0]) for each in program["named"] or ()}
    _check_values(plans[0], _constants(program, segments, source), source)
    _check_steps(plans[0], source)
    blobs = [each["data"] or memoryview(b"") for each in program["blobs"] or ()]
    for delegate in plans[0]["delegates"] or ():
        if delegate["id"] != _DELEGATE:
            refuse(source, f"the delegate {(delegate['id'] or b'').decode(errors='replace')}")
        blob = delegate["blob"] or {"where": 0, "index": 0}
        kept = segments if blob["where"] else blobs
        require_indices(blob["index"] or 0, len(kept), source, "delegate")
        check_xnnpack(kept[blob["index"] or 0], named, source)


def _constants(program: Values, segments: list[memoryview], source: str) -> list[int]:
    """The bytes that there are of each constant, and behind it."""
    inside = [len(each["data"] or ()) for each in program["buffers"] or ()]
    table = program["constants"]
    if table is None or table["offsets"] is None or not len(table["offsets"]):
        return inside
    require_indices(table["segment"] or 0, len(segments), source, "segment")
    room = len(segments[table["segment"] or 0])
    offsets: list[int] = table["offsets"].tolist()
    if inside or max(offsets) > room:
        raise damaged(source, f"a constant outside of its {room:,} bytes")
    return [room - offset for offset in offsets]


def _check_values(plan: Values, constants: list[int], source: str) -> None:
    """Hold tensors to the memory that is planned for them, or to the bytes of a constant."""
    values: list[tuple[str, Values]] = [each["value"] or ("null", {}) for each in plan["values"] or ()]
    memories = [] if plan["memories"] is None else plan["memories"].tolist()
    if any(memory < 0 for memory in memories) or sum(memories) > MOST_BYTES:
        raise damaged(source, f"memory of {sum(memories):,} bytes")
    for kind, value in values:
        if kind == "tensor":
            _check_tensor(value, memories, constants, source)
        elif kind == "list":
            require_indices(value["items"], len(values), source, "value")
            if any(values[each][0] != "tensor" for each in ([] if value["items"] is None else value["items"].tolist())):
                raise damaged(source, "a list of tensors with something else in it")
        elif kind == "optional list":
            require_indices(value["items"], len(values), source, "value", least=-1)
        elif kind == "whole numbers":  # which numbers of values they are
            require_indices(value["values"], len(values), source, "value")
    for indices in (plan["inputs"], plan["outputs"]):
        require_indices(indices, len(values), source, "value")


def _check_tensor(tensor: Values, memories: list[int], constants: list[int], source: str) -> None:
    shape = [] if tensor["shape"] is None else tensor["shape"].tolist()
    order = [] if tensor["order"] is None else tensor["order"].tolist()
    if (tensor["type"] or 0) not in _BYTES or any(side < 0 for side in shape) or sorted(order) != [*range(len(shape))]:
        raise damaged(source, f"a tensor of shape {shape}")
    more = tensor["more"] or {}
    if tensor["offset"] or more.get("where") or more.get("device"):
        refuse(source, "a tensor that lies elsewhere")
    needed = prod(shape) * _BYTES[tensor["type"] or 0]
    place, constant = tensor["place"], tensor["data"] or 0
    if place:
        memory, offset = place["memory"] or 0, ((place["high"] or 0) << 32) + (place["low"] or 0)
        require_indices(memory, len(memories), source, "memory", least=1)
        room = memories[memory] - offset
    elif constant:
        require_indices(constant, len(constants), source, "constant")
        room = constants[constant]
    else:
        room = MOST_BYTES  # it is given when the method is called
    if needed > room or (place and constant):
        raise damaged(source, f"a tensor of shape {shape} has {max(room, 0):,} bytes")


def _check_steps(plan: Values, source: str) -> None:
    """Hold instructions to kernels that compute, delegates, and values that are there, one after the other."""
    count, kernels = len(plan["values"] or ()), plan["kernels"] or ()
    for kernel in kernels:
        name = (kernel["name"] or b"").decode(errors="replace")
        if name not in ALLOWED:
            refuse(source, f"the operator {name}")
    steps = [step["step"] for chain in plan["chains"] or () for step in chain["steps"] or ()]
    if len(steps) > MOST_NODES:
        refuse(source, f"{len(steps):,} operators, more than {MOST_NODES:,}")
    for step in steps:
        kind: str = step[0] if step else "nothing"
        values: Values = step[1] if step else {}
        if kind in ("jump", "nothing"):
            refuse(source, "jumps" if step else "a step that is none")
        if kind in ("kernel", "delegate"):
            there = kernels if kind == "kernel" else plan["delegates"] or ()
            require_indices(values["index"] or 0, len(there), source, kind)
            require_indices(values["values"], count, source, "value")
        else:
            require_indices([each or 0 for each in values.values()], count, source, "value")
    for chain in plan["chains"] or ():
        for indices in (chain["inputs"], chain["outputs"]):
            require_indices(indices, count, source, "value")
