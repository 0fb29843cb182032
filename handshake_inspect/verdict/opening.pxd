from libc.stdint cimport uint8_t

from handshake_inspect.track.tracker cimport Tracker
from handshake_inspect.verdict.replay cimport Replay

cdef void judge_opening(Replay* r) noexcept nogil
cdef uint8_t certainty_of_opening(Replay* r) noexcept nogil
