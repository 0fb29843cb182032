# What other tools remember of a connection: Zeek's history and Wireshark's completeness.
#
# The history is a letter for each kind of segment, in the order of the capture; upper case is the originator's.  Two
# 64-bit words hold 24 letters of five bits; endpoint 1's are 11 higher.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from handshake_inspect.columns cimport ACK, FIN, RST, SYN, Segment
from handshake_inspect.track.table cimport Connection


cdef enum:
    LETTER_SYN = 1
    LETTER_SYN_ACK = 2
    LETTER_ACK = 3
    LETTER_DATA = 4
    LETTER_FIN = 5
    LETTER_RST = 6
    LETTER_GAP = 7
    LETTER_RETRANSMISSION = 8
    LETTER_ZERO_WINDOW = 9
    LETTER_FIN_AND_RST = 10
    LETTER_SEVERAL = 11
    KINDS = 11


cdef inline void append_letter(Connection* c, int side, int letter) noexcept nogil:
    # Beyond 24 letters nothing is added.
    cdef int word, used
    for word in range(2):
        for used in range(12):
            if not c.history[word] >> (5 * used) & 31:
                c.history[word] |= <uint64_t> (letter + KINDS * side) << (5 * used)
                return


cdef inline void remember(Connection* c, int side, int letter) noexcept nogil:
    # Append `letter` of endpoint `side`, unless that endpoint has it already.
    if not c.letters[side] >> letter & 1:
        c.letters[side] |= 1 << letter
        append_letter(c, side, letter)


cdef inline void remember_scaled(Connection* c, int side, int letter, uint32_t count) noexcept nogil:
    # Append `letter` for the first case and again when its `count` reaches 10, 100, 1000 and so on.
    remember(c, side, letter)
    if count >= 10 and count % 10 == 0:
        while count % 10 == 0:
            count //= 10
        if count == 1:
            append_letter(c, side, letter)


cdef inline void complete(Connection* c, const Segment* s) noexcept nogil:
    # Set Wireshark's bits: SYN 1, SYN-ACK 2, ACK without data 4, data 8, FIN 16, RST 32.
    cdef uint8_t bits = 0
    if s.flags & SYN:
        bits = 2 if s.flags & ACK else 1
    elif s.flags & ACK and not s.length:
        bits = 4
    if s.length and ((s.flags & SYN) != 0) != ((s.flags & ACK) != 0):
        bits |= 8
    if s.flags & RST:
        bits |= 32
    if (s.flags & (FIN | ACK)) == FIN | ACK:
        bits |= 16
    c.completeness |= bits


cdef inline void remember_segment(Connection* c, const Segment* s, int side) noexcept nogil:
    # Append what the segment is.
    cdef uint16_t flags = s.flags & (SYN | FIN | RST)
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
