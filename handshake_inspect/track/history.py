"""Zeek's history of a connection as text; history.pxd has how it comes about."""

import cython
from cython.cimports.libc.stdint import uint64_t

LETTERS = "shadfrgtwiq"


def history_text(first: uint64_t, second: uint64_t, originator: cython.int) -> str:
    """Spell the two words of a connection row as `zeek -C` does, `originator` being endpoint 0 or 1.

    A connection whose first segment is the responder's is one that Zeek would have turned round: `^`.
    """
    text = []
    for word in (first, second):
        while word:
            code = (word & 31) - 1
            letter = LETTERS[code % len(LETTERS)]
            text.append(letter.upper() if code // len(LETTERS) == originator else letter)
            word >>= 5
    return ("^" if text and text[0].islower() else "") + "".join(text)
