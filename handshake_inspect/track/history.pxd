from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t

from handshake_inspect.columns cimport Segment
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

cdef void remember(Connection* c, int side, int letter) noexcept nogil
cdef void remember_scaled(Connection* c, int side, int letter, uint32_t count) noexcept nogil
cdef void remember_segment(Connection* c, Segment* s, int side) noexcept nogil
