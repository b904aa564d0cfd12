"""The WebAssembly in a page: its code with vectors and without, and the constants that both share."""

import json
import zlib
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mnistx_runtime.artifact.web_page import MODEL, SUFFIX, block, read_block
from mnistx_runtime.errors import ArtifactError

_MOST = 1 << 28  # bytes of code or constants, unpacked


@dataclass(frozen=True)
class Wasm:
    """A model as WebAssembly.

    Args:
        code: by "simd" and "scalar", all sections of the module before the constants.
        data: the section of constants, which both share.
    """

    code: dict[str, bytes]
    data: bytes

    def module(self, build: str = "simd") -> bytes:
        """The module of a build."""
        return self.code[build] + self.data


def wasm_block(wasm: Wasm) -> str:
    """The block that holds WebAssembly, deflated, in base64."""
    packed = {"code": {build: _pack(code) for build, code in sorted(wasm.code.items())}, "data": _pack(wasm.data)}
    return block(MODEL, json.dumps(packed, separators=(",", ":")))


def read_wasm(files: Mapping[str, bytes], source: str) -> Wasm:
    """The inverse of `wasm_block`, of a page.

    Raises:
        ArtifactError: there's none, or it is damaged.
    """
    try:
        values: dict[str, Any] = json.loads(read_block(files[SUFFIX], MODEL, source))
        code = {str(build): _unpack(text) for build, text in values["code"].items()}
        found = Wasm(code, _unpack(values["data"]))
        found.module()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, zlib.error) as error:
        raise ArtifactError(f"{source} holds no readable WebAssembly of mnistx's; export it again") from error
    return found


def _pack(data: bytes) -> str:
    return b2a_base64(zlib.compress(data, 9), newline=False).decode()


def _unpack(text: str) -> bytes:
    unpacking = zlib.decompressobj()
    found = unpacking.decompress(a2b_base64(text), _MOST)
    if not unpacking.eof:
        raise ValueError(f"more than {_MOST} bytes, or cut off")
    return found
