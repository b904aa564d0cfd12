"""Makes text of other people's harmless: on a terminal, and in a cell of a spreadsheet."""

import re

_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]" r"|\\(?=x[0-9a-f]{2})"
)
"""What moves a cursor, turns the direction of writing, breaks a line, or is no character; and a backslash that would
read as if it stood for one."""

_FORMULA = re.compile("[=+\\-@＝＋－＠].")
_NUMBER = re.compile(r"[+-][\d.,]+")


def escape_controls(text: str) -> str:
    r"""The text with its control characters, and the bytes of a file's name that are no text, as \xNN each byte.

    Two different texts stay different.

    >>> print(escape_controls("a\nb"), escape_controls("\x1b[31m"), escape_controls("\udcff.png"), escape_controls("ß"))
    a\x0ab \x1b[31m \xff.png ß
    """
    return _CONTROLS.sub(lambda found: "".join(f"\\x{byte:02x}" for byte in _bytes_of(found[0])), text)


def escape_formula(text: str, prefix: str = "'") -> str:
    """The text with something before it where a spreadsheet would compute it.

    Args:
        text: of a cell.
        prefix: what to put before it; spreadsheets take the apostrophe for "this is text".

    >>> escape_formula("=1+1"), escape_formula("-"), escape_formula("-1.5"), escape_formula("seven")
    ("'=1+1", '-', '-1.5', 'seven')
    """
    return prefix + text if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _bytes_of(character: str) -> bytes:
    """Of a byte that is no text, as Python names it in a file's name, that byte; else its UTF-8."""
    errors = "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
    return character.encode(errors=errors)
