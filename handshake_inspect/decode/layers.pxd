from handshake_inspect.decode.packet cimport Packet

cdef int ether_type(Packet* p) noexcept nogil
cdef int layer_two(Packet* p, int layer) noexcept nogil
