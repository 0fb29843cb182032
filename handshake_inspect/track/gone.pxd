# What is kept of a connection that has left the table (leaving.py): enough to tell the next incarnation of its 4-tuple
# from what comes late for it.  The last REMEMBERED of them are kept, and those that a later incarnation still asks for.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from handshake_inspect.track.table cimport Connection


cdef enum:
    # In a place: the rest is the number of a Gone row.
    GONE = 0x40000000
    REMEMBERED = 262144


# What is asked of an incarnation to tell whether a segment belongs to it.
cdef struct Former:
    uint32_t isn[2]
    uint32_t next[2]
    uint32_t acked[2]
    uint16_t flags[2]
    uint8_t more[2]         # MORE_ bits


cdef enum:
    MORE_THAN_SYNS = 1
    MORE_THAN_NOTHING = 2   # sent data


cdef struct Gone:
    uint64_t first_frame
    uint64_t fingerprint    # of the 4-tuple; with the tag, 96 bits that no input can aim at
    uint64_t challenge      # frame of its ACK that challenged the next incarnation's SYN; 0: none
    Former newest
    Former older            # the incarnation before, with HAS_OLDER
    uint32_t tag            # as in the slot
    uint32_t number         # of the connection
    uint32_t before         # in the order of leaving: index + 1, 0: none
    uint32_t after          # of a free row: the next free one
    uint16_t incarnation
    uint8_t bits            # the bits below


# Gone.bits
cdef enum:
    HAS_OLDER = 1
    LIVES = 2               # it was not over: what comes for it begins another connection
    LISTED = 4              # no later incarnation asks for it, so it can be forgotten


cdef inline void to_former(Former* m, const Connection* c) noexcept nogil:
    cdef int side
    for side in range(2):
        m.isn[side] = c.flow[side].isn
        m.next[side] = c.flow[side].next
        m.acked[side] = c.flow[side].acked
        m.flags[side] = c.flow[side].flags
        m.more[side] = (MORE_THAN_SYNS if c.flow[side].segments != c.flow[side].syns else 0) | (
            MORE_THAN_NOTHING if c.flow[side].bytes else 0
        )


cdef inline void from_former(const Former* m, Connection* c) noexcept nogil:
    # Into a row that is there to be compared with, and otherwise 0.
    cdef int side
    for side in range(2):
        c.flow[side].isn = m.isn[side]
        c.flow[side].next = m.next[side]
        c.flow[side].acked = m.acked[side]
        c.flow[side].flags = m.flags[side]
        c.flow[side].segments = 1 if m.more[side] & MORE_THAN_SYNS else 0
        c.flow[side].bytes = 1 if m.more[side] & MORE_THAN_NOTHING else 0
