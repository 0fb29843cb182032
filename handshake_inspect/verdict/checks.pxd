from handshake_inspect.track.tracker cimport Tracker
from handshake_inspect.verdict.replay cimport Replay

cdef void judge_checks(Replay* r) noexcept nogil
