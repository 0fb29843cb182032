"""What other tools remember of a connection: Zeek's history and Wireshark's completeness.

The history is a letter for each kind of segment, in the order of the capture; upper case is the originator's.  Two
64-bit words hold 24 letters of five bits; endpoint 1's are 11 higher.
"""

import cython
from cython.cimports.handshake_inspect.columns import ACK, FIN, RST, SYN, Segment
from cython.cimports.handshake_inspect.track.table import Connection
from cython.cimports.libc.stdint import uint16_t, uint32_t, uint64_t

LETTERS = "shadfrgtwiq"


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _append(c: cython.pointer(Connection), side: cython.int, letter: cython.int) -> cython.void:
    """Append `letter` of endpoint `side`; beyond 24 letters nothing is added."""
    word: cython.int
    used: cython.int
    for word in range(2):
        for used in range(12):
            if not c.history[word] >> (5 * used) & 31:
                c.history[word] |= cython.cast(uint64_t, letter + KINDS * side) << (5 * used)
                return


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def remember(c: cython.pointer(Connection), side: cython.int, letter: cython.int) -> cython.void:
    """Append `letter` of endpoint `side`, unless that endpoint has it already."""
    if not c.letters[side] >> letter & 1:
        c.letters[side] |= 1 << letter
        _append(c, side, letter)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def remember_scaled(
    c: cython.pointer(Connection), side: cython.int, letter: cython.int, count: uint32_t
) -> cython.void:
    """Append `letter` for the first case and again when its `count` reaches 10, 100, 1000 and so on."""
    remember(c, side, letter)
    if count >= 10 and count % 10 == 0:
        while count % 10 == 0:
            count //= 10
        if count == 1:
            _append(c, side, letter)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def complete(c: cython.pointer(Connection), s: cython.pointer(Segment)) -> cython.void:
    """Set Wireshark's bits: SYN 1, SYN-ACK 2, ACK without data 4, data 8, FIN 16, RST 32."""
    if s.flags & SYN:
        c.completeness |= 2 if s.flags & ACK else 1
    elif s.flags & ACK and not s.length:
        c.completeness |= 4
    if s.length and ((s.flags & SYN) != 0) != ((s.flags & ACK) != 0):
        c.completeness |= 8
    if s.flags & RST:
        c.completeness |= 32
    if (s.flags & (FIN | ACK)) == FIN | ACK:
        c.completeness |= 16


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def remember_segment(c: cython.pointer(Connection), s: cython.pointer(Segment), side: cython.int) -> cython.void:
    """Append what the segment is."""
    flags: uint16_t = s.flags & (SYN | FIN | RST)
    complete(c, s)
    if flags == 0:
        if s.length:
            remember(c, side, LETTER_DATA)
        elif s.flags & ACK:
            remember(c, side, LETTER_ACK)
    elif flags == SYN:
        remember(c, side, LETTER_SYN_ACK if s.flags & ACK else LETTER_SYN)
    elif flags == FIN:
        remember(c, side, LETTER_FIN)
    elif flags == RST:
        remember(c, side, LETTER_RST)
    else:
        remember(c, side, LETTER_FIN_AND_RST if flags & FIN and flags & RST else LETTER_SEVERAL)


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
