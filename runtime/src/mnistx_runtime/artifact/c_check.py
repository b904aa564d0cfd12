"""What a folder of C may hold: arithmetic, and nothing that reaches outside of it by name.

C that is compiled runs with the user's rights. What the toolkit writes includes headers of arithmetic, calls the
functions that it defines, `expf`, `logf`, `sqrtf`, `memcpy`, `memmove` and `memset`, and vector instructions, and holds
no texts but those that say why a picture wasn't read. What names anything else
isn't compiled. It may still write past its arrays: only a signature says who answers for that.
"""

import re
from collections.abc import Mapping

from mnistx_runtime.artifact.c_reader import TEXTS
from mnistx_runtime.errors import ArtifactError

_HEADERS = frozenset(
    f"<{name}.h>" for name in ("stdint", "stddef", "string", "math", "immintrin", "arm_neon", "wasm_simd128")
)
_DIRECTIVES = frozenset("if ifdef ifndef elif else endif define undef include".split())  # noqa: SIM905
_CALLED = frozenset(
    """expf logf sqrtf memcpy memmove memset
    defined sizeof for if while switch return __attribute__ __asm__ __has_include""".split()  # noqa: SIM905
)
_INTRINSIC = re.compile(r"_mm\w*|wasm_\w+|v[a-z_]+\d*q?_\w+|__builtin_(?:convertvector|shufflevector|memcpy)")
_ATTRIBUTE = re.compile(r"(?:vector_size|aligned)\s*\([\w *]+\)|may_alias|always_inline|noinline|unused")
_HIDDEN = ("??", "%:", "<:", "<%", "\r", "\f", "\v")
_TEXT = re.compile(r'"(?:C|smlad [%0-9, ]+|sxtb16 %0, %1(?:, ror #8)?|[+=]?r)"')


def check_c(sources: Mapping[str, bytes], name: str, source: str) -> None:
    """Refuse what the toolkit's own C doesn't hold.

    Args:
        sources: names and contents of the .c file and the headers beside it, without the certificate's.
        name: the prefix of what it declares.
        source: how errors name it.

    Raises:
        ArtifactError: the text names the first thing.
    """
    own = {f'"{file}"' for file in sources} | {f'"{name}_certificate.h"'}
    texts = {file: _without_comments(data, f"{source}: {file}") for file, data in sources.items()}
    code = "\n".join(texts.values())
    defined = set(re.findall(r"#\s*define\s+(\w+)", code))
    defined |= set(re.findall(r"^static [\w\s]*?[\s*](\w+)\([^;{)]*\)\s*\{", code, re.MULTILINE))
    for file, text in texts.items():
        for what in _foreign(text, own, defined, name):
            raise ArtifactError(
                f"{source}: {file} holds {what}, which no classifier needs; --allow-foreign compiles it all the same"
            )


def _without_comments(data: bytes, source: str) -> str:
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{source} is no plain text") from error
    if any(hidden in text for hidden in _HIDDEN):
        raise ArtifactError(f"{source} holds what hides code from a reader")
    return re.sub(r"/\*.*?\*/", " ", text.replace("\\\n", ""), flags=re.DOTALL)


def _foreign(text: str, own: set[str], defined: set[str], name: str) -> list[str]:
    """What is there and shouldn't be."""
    found = []
    for directive, rest in re.findall(r"^\s*#\s*(\w*)(.*)$", text, re.MULTILINE):
        if directive not in _DIRECTIVES:
            found.append(f"#{directive}")
        if directive == "include" and rest.strip() not in _HEADERS | own:
            found.append(f"#include {rest.strip()}"[:80])
    plain = re.sub(r"^\s*#\s*include.*$", "", text, flags=re.MULTILINE)
    texts = [each for each in re.findall(r'"[^"\n]*"?', plain) if each not in TEXTS]
    found += [f"the text {each}"[:80] for each in texts if not _TEXT.fullmatch(each)]
    found += ["a character"] * ("'" in plain) + ["a comment to the end of its line"] * ("//" in plain)
    for attributes in re.findall(r"__attribute__\s*\(\((.*?)\)\)(?!\))", plain, re.DOTALL):
        found += [f"the attribute {each.strip()}"[:80] for each in attributes.split(",") if not _is_plain(each)]
    found += ["a pointer to a function"] * bool(re.search(r"\(\s*\*\s*\w*\s*\)\s*\(|\]\s*\(", plain))
    for called in re.findall(r"\b([A-Za-z_]\w*)\s*\(", plain):
        known = called in _CALLED or called in defined or called.startswith(f"{name}_")
        if not known and not _INTRINSIC.fullmatch(called) and called not in ("vector_size", "aligned"):
            found.append(f"{called}()")
    return found


def _is_plain(attribute: str) -> bool:
    return bool(_ATTRIBUTE.fullmatch(attribute.strip()))
