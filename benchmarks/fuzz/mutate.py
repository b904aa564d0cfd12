"""Changes an input in ways that readers stumble over; for runs of seconds, with nothing but the standard library."""

from random import Random

TOKENS = (
    *(
        b"\0",
        b"\n",
        b"\r\n",
        b"\\",
        b'"',
        b"'",
        b",",
        b";",
        b"=",
        b"/",
        b"..",
        b"-",
        b"--",
        b"%s",
        b"\x1b[31m",
        b"\x7f",
    ),
    *(
        b"0",
        b"-1",
        b"1e400",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"9" * 400,
        b"9" * 5000,
        b"2147483648",
        b"0.5",
        b"1e-9",
    ),
    *(
        b"null",
        b"true",
        b"[]",
        b"{}",
        b"[" * 50,
        b"[" * 5000,
        b'{"a":' * 3000,
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\\ud800",
    ),
    *(
        b"\xef\xbb\xbf",
        b"\xff" * 4,
        b"\x7f\xff\xff\xff",
        b"\x80\0\0\0",
        b"\0\0\0\x01",
        b"\xff" * 9 + b"\x01",
        b"\x80" * 12,
    ),
    *(b"a" * 5000, "٣".encode(), "é".encode(), "\u202e".encode()),
)
_NUMBERS = (0, 1, 2, 127, 128, 254, 255)


def mutate(data: bytes, others: list[bytes], random: Random) -> bytes:
    """The input with one to six changes.

    Args:
        data: the input.
        others: further ones, of which parts are taken.
        random: what draws the changes.
    """
    found = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        at = random.randrange(len(found) + 1)
        to = min(len(found), at + random.choice((1, 1, 2, 4, 8, 64, 1024)))
        kind = random.randrange(8)
        if kind == 0 and at < len(found):
            found[at] ^= 1 << random.randrange(8)
        elif kind == 1 and at < len(found):
            found[at] = random.choice(_NUMBERS)
        elif kind == 2:
            del found[at:to]
        elif kind == 3:
            found[at:at] = found[at:to] * random.choice((1, 2, 50))
        elif kind == 4:
            found[at:at] = random.choice(TOKENS)
        elif kind == 5:
            token = random.choice(TOKENS)
            found[at : at + random.choice((1, len(token)))] = token
        elif kind == 6:
            other = random.choice(others)
            begin = random.randrange(len(other) + 1)
            found[at:to] = other[begin : begin + to - at + random.randrange(9)]
        else:
            del found[at:]
    return bytes(found)
