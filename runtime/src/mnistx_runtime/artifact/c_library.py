"""Shared libraries in a folder of C, `lib/TRIPLE/NAME.so`: what a device without a compiler loads.

A triple names a processor, Linux, and its C library, as compilers and Debian do: aarch64-linux-gnu.
"""

import re

from mnistx_runtime.errors import BadInput

FOLDER = "lib"
_TRIPLE = re.compile(r"[a-z0-9_]+-linux-(?:gnu|musl)[a-z0-9]*")


def library_path(triple: str, name: str) -> str:
    """Where a library lies in the folder.

    Args:
        triple: see above.
        name: of the model, see `c_folder.model_name`.

    Raises:
        BadInput: it is no triple of a Linux.

    >>> library_path("aarch64-linux-gnu", "digits")
    'lib/aarch64-linux-gnu/digits.so'
    """
    if not _TRIPLE.fullmatch(triple):
        raise BadInput(f"{triple!r:.60} names no Linux; such as aarch64-linux-gnu or x86_64-linux-musl does")
    return f"{FOLDER}/{triple}/{name}.so"


def own_triple() -> str:
    """What this Python was built for; "" where that is no Linux.

    Those that were built on musl call themselves gnu, some of them.
    """
    import platform  # neither is needed to predict with an .onnx
    import sysconfig

    triple = sysconfig.get_config_var("MULTIARCH") or ""
    if not _TRIPLE.fullmatch(triple):
        return ""
    return triple if platform.libc_ver()[0] == "glibc" else triple.replace("-gnu", "-musl")
