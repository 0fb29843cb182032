from handshake_inspect.decode.packet cimport Packet

cdef int tcp(Packet* p) noexcept nogil
cdef int usual(Packet* p) noexcept nogil
cdef bint quoted_tcp(Packet* p) noexcept nogil
