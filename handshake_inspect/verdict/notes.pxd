from libc.stdint cimport uint64_t

from handshake_inspect.track.tracker cimport Tracker
from handshake_inspect.verdict.replay cimport Replay

cdef void judge_findings(Replay* r, Tracker t) noexcept nogil
cdef uint64_t challenge(Replay* r, Tracker t) noexcept nogil
