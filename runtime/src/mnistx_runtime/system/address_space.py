"""Whether this process may use the memory that it takes to start."""

import sys

from mnistx_runtime.errors import BadInput
from mnistx_runtime.system.threads import available_cpus


def least_address_space() -> int:
    """Bytes that it takes to load numpy, Pillow and ONNX Runtime: 160 MiB, and 48 for each further thread of OpenBLAS.

    Measured with `ulimit -v` on one and two CPUs of x86-64 Linux: 162 and 206 MiB answer a picture.
    """
    return (112 + 48 * available_cpus()) << 20


def require_address_space() -> None:
    """Check that the address space isn't limited (RLIMIT_AS) to less than `least_address_space`.

    With less, libraries end the process or crash it while they are loaded, and nothing can be told any more.

    Raises:
        BadInput: it is.
    """
    if sys.platform != "win32":
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        least = least_address_space() if limit >= 0 else 0
        if 0 <= limit < least:
            raise BadInput(
                f"this process may use {limit >> 20} MiB of address space, too little to start; "
                f"it takes at least {least >> 20} (ulimit -v)"
            )
