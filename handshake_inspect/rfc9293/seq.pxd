# The comparisons of sequence numbers (RFC 9293 section 3.4), for compiled code.  No other file compares them.

from libc.stdint cimport int32_t, uint32_t


# How far `end` lies after `start`; negative when it lies before.
cdef inline int32_t distance(uint32_t start, uint32_t end) noexcept nogil:
    return <int32_t>(end - start)


# Whether an ACK field of `ack` covers sequence number `seq`.
cdef inline bint covers(uint32_t ack, uint32_t seq) noexcept nogil:
    return <int32_t>(ack - seq) > 0
