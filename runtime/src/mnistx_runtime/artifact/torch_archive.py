"""What an archive of PyTorch's may hold before torch reads it, as its loaders run what they find.

torch.export's unpickles sample inputs and weights, evaluates expressions of sizes and loads compiled libraries;
TorchScript's code can write files and loop for ever. mnistx writes tensors and the operators that compute from them:
what holds anything else is refused, whatever its digest says.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mnistx_runtime.errors import ArtifactError

EFFECTS = frozenset({"_print", "from_file", "save", "warn"})
"""Operators of aten that do more than compute: they write or map files, or write to the terminal."""

_PT2_ENTRY = re.compile(
    r"[\w-]+/(archive_format|archive_version|byteorder|\.data/(version|serialization_id)|models/\w+\.json|data/sample_inputs/\w+\.pt"
    r"|data/(weights|constants)/((weight|tensor)_\d+|\w+_config\.json)|extra/mnistx\.json)"
)
_SCRIPT_ENTRY = re.compile(
    r"[\w-]+/(data\.pkl|constants\.pkl|version|byteorder|\.data/(version|serialization_id)|constants/\d+"
    r"|code/[\w/]+\.py|extra/mnistx\.json)"
)
_PT2_OPERATOR = re.compile(
    r"torch\.ops\.aten\.(?P<aten>\w+)\.\w+|_operator\.(add|sub|mul|truediv|floordiv|mod|neg|getitem|eq|ne|lt|le|gt|ge)"
    r"|torch\.ops\.higher_order\.wrap_with_set_grad_enabled"
)
_NAME = re.compile(r"[\w.<>:,;+ -]*")  # no quotes and brackets: torch writes names into code that it runs
_FREE = frozenset(
    {"as_string", "as_strings", "nn_module_stack", "from_node", "stack_trace"}
)  # torch only hands them on
_TREES = frozenset({"in_spec", "out_spec"})
_TREE_TYPES = (None, "builtins.tuple", "builtins.list", "builtins.dict")  # others name modules, which are imported
_REFUSED_KEYS = {"use_pickle": "pickled weights", "as_operator": "an operator as an argument", "class_fqn": "an object"}
_SYMBOL = re.compile(r"[su]\d+")  # of a size
_SIZE_FUNCTIONS = frozenset({"Symbol", "Integer", "Add", "Mul", "Min", "Max", "Mod", "FloorDiv"})
_GLOBAL = re.compile(
    r"__torch__\.(?!torch\.classes)[\w.]+ \w+|torch\._utils _rebuild_tensor_v2|torch \w+Storage|collections OrderedDict"
)
_STATEMENTS = (
    ast.Module,
    ast.ClassDef,
    ast.FunctionDef,
    ast.arguments,
    ast.arg,
    ast.Assign,
    ast.AnnAssign,
    ast.Expr,
    ast.Return,
)
_EXPRESSIONS = (
    ast.Call,
    ast.keyword,
    ast.Attribute,
    ast.Name,
    ast.Subscript,
    ast.Slice,
    ast.Constant,
    ast.List,
    ast.Tuple,
    ast.UnaryOp,
    ast.USub,
    ast.expr_context,
)
_CASTS = frozenset({"annotate", "bool", "float", "int", "unchecked_cast"})


def check_pt2(entries: Mapping[str, bytes], source: str) -> None:
    """Hold a torch.export archive to what mnistx writes.

    Args:
        entries: of the archive, by name.
        source: how errors name it.

    Raises:
        ArtifactError: there is something in it that isn't needed to compute an answer; the text names it.
    """
    _check_names(entries, _PT2_ENTRY, source)
    for name, data in entries.items():
        if "/sample_inputs/" in name and data:
            _refuse(source, f"pickled sample inputs ({name})")
        if name.endswith(".json") and not name.endswith("/extra/mnistx.json"):
            for key, value in _values_of(_read_json(data, name, source)):
                _check_value(key, value, source)


def _check_value(key: str, value: Any, source: str) -> None:
    """One number or text of a torch.export archive's JSON, and the key that it stands under."""
    if key in _REFUSED_KEYS and value is not False:
        _refuse(source, _REFUSED_KEYS[key])
    if not isinstance(value, str) or key in _FREE:
        return
    if key in _TREES:
        for name, of in _values_of(_read_json(value.encode(), key, source)):
            if name == "type" and of not in _TREE_TYPES:
                _refuse(source, f"a tree of {str(of)[:40]}")
    elif key == "expr_str":
        _check_size(value, source)
    elif key == "target":
        operator = _PT2_OPERATOR.fullmatch(value)
        if not operator or operator["aten"] in EFFECTS:
            _refuse(source, f"the operator {value[:60]}")
    elif not _NAME.fullmatch(value):
        _refuse(source, f"the name {value[:40]!r}")


def _check_size(expression: str, source: str) -> None:
    """An expression of sizes, which torch evaluates: sums and products of symbols and whole numbers."""
    for node in ast.walk(_parse(expression, "eval", source)):
        if isinstance(node, ast.Call):
            allowed = isinstance(node.func, ast.Name) and node.func.id in _SIZE_FUNCTIONS
        elif isinstance(node, ast.Name):
            allowed = node.id in _SIZE_FUNCTIONS
        elif isinstance(node, ast.Constant):
            symbol = isinstance(node.value, str) and _SYMBOL.fullmatch(node.value)
            allowed = bool(symbol) or isinstance(node.value, int)
        else:
            allowed = isinstance(node, ast.Expression | ast.keyword | ast.expr_context | ast.UnaryOp | ast.USub)
        if not allowed:
            _refuse(source, f"the expression {expression[:40]!r}")


def check_torchscript(entries: Mapping[str, bytes], source: str) -> None:
    """Hold a TorchScript archive to what mnistx writes.

    Args:
        entries: of the archive, by name.
        source: how errors name it.

    Raises:
        ArtifactError: there is something in it that isn't needed to compute an answer; the text names it.
    """
    _check_names(entries, _SCRIPT_ENTRY, source)
    for name, data in entries.items():
        if name.endswith(".pkl"):
            _check_pickle(data, name, source)
        if name.endswith(".py"):
            for node in ast.walk(_parse(data.decode("utf-8", "replace"), "exec", source)):
                if not isinstance(node, _STATEMENTS + _EXPRESSIONS):
                    _refuse(source, f"code with a {type(node).__name__.lower()} in it ({name})")
                if isinstance(node, ast.Call) and not _computes(node.func):
                    _refuse(source, f"the operator {ast.unparse(node.func)[:60]}")


def _computes(called: ast.expr) -> bool:
    """Whether what TorchScript's code calls only computes: `torch.relu`, or a cast."""
    if isinstance(called, ast.Name):
        return called.id in _CASTS
    if not isinstance(called, ast.Attribute):
        return False
    if isinstance(called.value, ast.Name):
        return called.value.id == "torch" and called.attr not in EFFECTS
    return ast.unparse(called) == "ops.prim.NumToTensor"


def _check_pickle(data: bytes, name: str, source: str) -> None:
    """A pickle that TorchScript's own reader reads: tensors, lists, and objects of classes that the code defines."""
    import pickletools

    try:
        found = [(opcode.name, arg) for opcode, arg, _ in pickletools.genops(data)]
    except Exception as error:  # whatever a damaged pickle makes it stumble over
        raise ArtifactError(f"{source} is damaged: {name} is no pickle of PyTorch's") from error
    for opcode, arg in found:
        if opcode in ("STACK_GLOBAL", "INST") or (opcode == "GLOBAL" and not _GLOBAL.fullmatch(str(arg))):
            _refuse(source, f"a pickle of {str(arg or 'an object')[:60]} ({name})")


def _check_names(names: Iterable[str], known: re.Pattern[str], source: str) -> None:
    strange = next((name for name in names if not known.fullmatch(name)), None)
    if strange is not None:
        _refuse(source, f"the file {strange[:80]!r}")


def _read_json(data: bytes, name: str, source: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{source} is damaged: {name} is no JSON") from error


def _values_of(values: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every number and text in JSON values, with the key of the object that it stands in; keys are texts, too."""
    waiting = [(key, values)]
    while waiting:
        at, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.items(), *(("", name) for name in value)]
        elif isinstance(value, list):
            waiting += [(at, each) for each in value]
        else:
            yield at, value


def _parse(code: str, mode: str, source: str) -> ast.AST:
    try:
        return ast.parse(code, mode=mode)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ArtifactError(f"{source} is damaged: it holds code that can't be read") from error


def _refuse(source: str, what: str) -> None:
    raise ArtifactError(f"{source} holds {what}, which mnistx never writes: it is not run")
