"""What other tools remember of a connection: Zeek's history and Wireshark's completeness.

The history is a letter for each kind of segment, in the order of the capture; upper case is the originator's.  Two
64-bit words hold 24 letters of five bits; endpoint 1's are 12 higher.
"""

import cython
from cython.cimports.handshake_inspect.columns import ACK, FIN, MARK_BAD_CHECKSUM, RST, SYN, Segment
from cython.cimports.handshake_inspect.track.table import Connection
from cython.cimports.libc.stdint import uint16_t, uint64_t

LETTERS = "shadfrcgtwiq"


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def remember(c: cython.pointer(Connection), side: cython.int, letter: cython.int) -> cython.void:
    """Append `letter` of endpoint `side`, unless that endpoint has it already; beyond 24 letters nothing is added."""
    word: cython.int
    used: cython.int
    if c.letters[side] >> letter & 1:
        return
    c.letters[side] |= 1 << letter
    for word in range(2):
        for used in range(12):
            if not c.history[word] >> (5 * used) & 31:
                c.history[word] |= cython.cast(uint64_t, letter + 12 * side) << (5 * used)
                return


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def complete(c: cython.pointer(Connection), s: cython.pointer(Segment)) -> cython.void:
    """Set Wireshark's bits: SYN 1, SYN-ACK 2, ACK without data 4, data 8, FIN 16, RST 32.

    Wireshark begins to count with the second segment of a stream, unless the first is a bare SYN.
    """
    flags: uint16_t = s.flags
    if s.frame == c.first_frame and (flags & (SYN | ACK)) != SYN:
        return
    if flags & SYN:
        c.completeness |= 2 if flags & ACK else 1
    elif flags & ACK:
        c.completeness |= 8 if s.length else 4
    if flags & RST:
        c.completeness |= 32
    if (flags & (FIN | ACK)) == FIN | ACK:
        c.completeness |= 16


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def remember_segment(c: cython.pointer(Connection), s: cython.pointer(Segment), side: cython.int) -> cython.void:
    """Append what the segment is."""
    complete(c, s)
    if s.marks & MARK_BAD_CHECKSUM:
        remember(c, side, LETTER_CHECKSUM)
    if s.flags & (SYN | FIN | RST):
        if s.flags & SYN:
            remember(c, side, LETTER_SYN_ACK if s.flags & ACK else LETTER_SYN)
            if s.flags & FIN:
                remember(c, side, LETTER_SYN_AND_FIN)
            if s.flags & RST:
                remember(c, side, LETTER_SYN_AND_RST)
        if s.length:
            remember(c, side, LETTER_DATA)
        if s.flags & FIN:
            remember(c, side, LETTER_FIN)
        if s.flags & RST:
            remember(c, side, LETTER_RST)
        return
    if s.length:
        remember(c, side, LETTER_DATA)
    elif s.flags & ACK:
        remember(c, side, LETTER_ACK)
    if s.window == 0:
        remember(c, side, LETTER_ZERO_WINDOW)


def history_text(first: uint64_t, second: uint64_t, originator: cython.int) -> str:
    """Spell the two words of a connection row as Zeek does, `originator` being endpoint 0 or 1."""
    text = []
    for word in (first, second):
        while word:
            code = (word & 31) - 1
            letter = LETTERS[code % 12]
            text.append(letter.upper() if code // 12 == originator else letter)
            word >>= 5
    return "".join(text)
