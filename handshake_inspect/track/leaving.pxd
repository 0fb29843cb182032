from handshake_inspect.track.tracker cimport Tracker

cdef int let_go(Tracker t, Py_ssize_t position, bint lives) noexcept nogil
cdef void close_up(Tracker t) noexcept nogil
cdef void forget(Tracker t, Py_ssize_t most) noexcept nogil
