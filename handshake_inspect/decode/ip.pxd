from handshake_inspect.decode.packet cimport Packet

cdef int ip(Packet* p) noexcept nogil
cdef int ipv4(Packet* p) noexcept nogil
cdef int ipv6(Packet* p) noexcept nogil
cdef int icmp(Packet* p) noexcept nogil
