"""The token that a server may ask for, which no command line shows."""

import hmac
import os
from pathlib import Path

from mnistx_runtime.errors import BadInput

VARIABLE = "MNISTX_TOKEN"

OPEN = ("/v2/health/live", "/v2/health/ready")
"""Addresses that need no token: what starts, stops and balances servers asks them."""

_LONGEST = 4096  # bytes


def read_token(file: Path | None) -> bytes | None:
    """The token in a file, else in the environment; None where neither is named.

    Raises:
        BadInput: it is empty, can't be read, or isn't what a header may carry.
    """
    if file is None and VARIABLE not in os.environ:
        return None
    where = VARIABLE if file is None else str(file)
    try:
        if file is None:
            data = os.environ[VARIABLE].encode()
        else:
            with file.open("rb") as opened:
                data = opened.read(_LONGEST + 1)
    except OSError as error:
        raise BadInput(f"{where} can't be read: {error.strerror}") from error
    token = data.strip()
    if not token or len(token) > _LONGEST or not all(32 < byte < 127 for byte in token):
        raise BadInput(f"{where} must hold a token: 1 to {_LONGEST:,} visible ASCII characters, without a space")
    return token


def is_authorized(header: bytes, token: bytes) -> bool:
    """Whether an Authorization header holds the token; how long that takes tells nothing of it.

    >>> is_authorized(b"Bearer secret", b"secret"), is_authorized(b"Bearer other", b"secret")
    (True, False)
    """
    scheme, _, given = header.partition(b" ")
    return hmac.compare_digest(given.strip(), token) and scheme.lower() == b"bearer"
