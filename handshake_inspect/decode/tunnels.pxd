from handshake_inspect.decode.packet cimport Packet

cdef int protocol(Packet* p) noexcept nogil
