from libc.stdint cimport int64_t, uint64_t

from handshake_inspect.rfc9293.states cimport STATES
from handshake_inspect.track.table cimport Connection
from handshake_inspect.track.tracker cimport Tracker
from handshake_inspect.verdict.findings cimport FINDING_COUNT
from handshake_inspect.verdict.isns cimport Isns
from handshake_inspect.verdict.replay cimport Replay
from handshake_inspect.verdict.words cimport CLOSING_COUNT, OPENING_COUNT


cdef class Judge:
    cdef Tracker tracker
    cdef Replay* pad
    cdef uint64_t openings[OPENING_COUNT]
    cdef uint64_t closings[CLOSING_COUNT]
    cdef uint64_t closed_first[3]
    cdef uint64_t states[STATES]
    cdef uint64_t finding_counts[64]
    cdef uint64_t examples[64]
    cdef Py_ssize_t judged
    cdef uint64_t counted
    cdef Connection lone_syn
    cdef Isns isns

    cdef uint64_t embryos           # met and not yet counted
    cdef Py_ssize_t first_embryo
    cdef int64_t* sides             # server_side_ns of each connection of a half

    cdef _judge_again(self)
    cdef int look(self, Py_ssize_t position) except? -1
    cdef _add(self, Judge other, Py_ssize_t first, Py_ssize_t end)


cdef void judge_row(Replay* r, Tracker t, Isns isns, Py_ssize_t row) noexcept nogil
cdef void count_row(Judge j, Connection* c, Py_ssize_t number, uint64_t times) noexcept nogil
