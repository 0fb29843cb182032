# How each host's ISNs move, kept while connections are judged.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from handshake_inspect.track.tracker cimport Tracker
from handshake_inspect.verdict.replay cimport Replay

# The numbers of MOVES; from MOVE_CONSTANT on they can be predicted.
cdef enum:
    MOVE_TOO_FEW = 0
    MOVE_RANDOM = 1
    MOVE_CONSTANT = 2
    MOVE_CONSTANT_STEP = 3
    MOVE_SMALL_STEPS = 4
    MOVE_CLOCK = 5
    MOVE_COUNT = 6
    CLOCK_COUNT = 2


# One host, in a line of the cache: its last ISN, and what its steps from 4-tuple to 4-tuple were like.
cdef struct Host:
    uint64_t key                # 0: no host
    uint64_t peer               # the 4-tuple of the last ISN, as this host sees it
    int64_t last_ns
    uint32_t last
    uint32_t steps
    uint32_t first_step
    uint32_t equal              # steps like the first
    uint32_t small              # steps below SMALL in either direction
    uint32_t largest            # the largest of these
    uint32_t telling[CLOCK_COUNT]   # steps that took long enough to tell a clock by, and not too long
    uint32_t followed[CLOCK_COUNT]  # of these, those that moved as the clock did


cdef class Isns:
    cdef Host* hosts
    cdef uint64_t mask
    cdef Py_ssize_t known
    cdef Py_ssize_t predictable

    cdef Py_ssize_t settle(self) noexcept nogil
    cdef bint learn(self, Replay* r, Tracker t) noexcept nogil
    cdef void judge(self, Replay* r, Tracker t) noexcept nogil
    cdef bint _take(self, uint64_t key, uint64_t peer, uint32_t isn, int64_t time_ns) noexcept nogil
    cdef Host* _find(self, uint64_t key) noexcept nogil
    cdef bint _grow(self) noexcept nogil
