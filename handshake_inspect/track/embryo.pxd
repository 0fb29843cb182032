# An embryo: a 4-tuple that has shown one plain SYN and nothing else, in 40 bytes instead of a Connection row and an
# Evidence row (Linux keeps a request_sock for the same reason).  A flood of SYNs costs no more than this each.  The
# next thing on the 4-tuple, whatever it is, turns the embryo back into its SYN, and that into a Connection.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from handshake_inspect.columns cimport (
    ACK, AE, CWR, ECE, FIN, MARK_BAD_CHECKSUM, OPTION_FAST_OPEN, PSH, RST, SYN, TCP, URG, Segment,
)


cdef struct Embryo:
    int64_t time_ns
    uint32_t frame_low
    uint32_t src            # IPv4 addresses
    uint32_t dst
    uint32_t seq
    uint32_t id             # of the connection; of a free embryo: the next free one, index + 1
    uint16_t src_port
    uint16_t dst_port
    uint16_t frame_high
    uint16_t window
    uint16_t mss
    uint8_t bits            # the SYN's URG, ECE and CWR, >> 1; its PSH, << 4; and its window scale
    uint8_t options         # with AE_HERE


cdef enum:
    # In a place: the rest is the number of an embryo, not of a Connection row + 1.
    EMBRYO = 0x80000000
    # In Embryo.options, beside the OPTION_ bits.
    AE_HERE = 0x80


# Whether a SYN is plain enough that an embryo holds all there is to know of it, and no rule tells it from another.
cdef inline bint is_plain_syn(const Segment* s) noexcept nogil:
    return (
        (s.flags & (SYN | ACK | FIN | RST)) == SYN
        and s.kind == TCP
        and s.family == 4
        and s.length == 0
        and s.ack == 0
        and s.window_scale < 16
        and s.frame >> 48 == 0
        and not s.marks & MARK_BAD_CHECKSUM
        and not s.options & OPTION_FAST_OPEN
        and not (s.src_low == s.dst_low and s.src_port == s.dst_port)
    )


cdef inline bint is_embryo_of(const Embryo* e, const Segment* s) noexcept nogil:
    # Whether `s` has the embryo's 4-tuple, in either direction.
    if s.family != 4:
        return False
    if e.src == s.src_low and e.src_port == s.src_port:
        return e.dst == s.dst_low and e.dst_port == s.dst_port
    return e.src == s.dst_low and e.src_port == s.dst_port and e.dst == s.src_low and e.dst_port == s.src_port


cdef inline void to_embryo(Embryo* e, const Segment* s, uint32_t id) noexcept nogil:
    e.time_ns = s.time_ns
    e.frame_low = <uint32_t> s.frame
    e.frame_high = <uint16_t> (s.frame >> 32)
    e.src = <uint32_t> s.src_low
    e.dst = <uint32_t> s.dst_low
    e.seq = s.seq
    e.id = id
    e.src_port = s.src_port
    e.dst_port = s.dst_port
    e.bits = <uint8_t> ((s.flags & (URG | ECE | CWR)) >> 1 | (s.flags & PSH) << 4 | s.window_scale)
    e.window = s.window
    e.mss = s.mss
    e.options = s.options | (AE_HERE if s.flags & AE else 0)


cdef inline void to_segment(const Embryo* e, Segment* s) noexcept nogil:
    # The SYN as the tracker would have booked it; what the tracker does not look at is 0.
    memset(s, 0, sizeof(Segment))
    s.kind = TCP
    s.family = 4
    s.time_ns = e.time_ns
    s.frame = <uint64_t> e.frame_high << 32 | e.frame_low
    s.src_low = e.src
    s.dst_low = e.dst
    s.seq = e.seq
    s.src_port = e.src_port
    s.dst_port = e.dst_port
    s.flags = SYN | (e.bits & 0x70) << 1 | (e.bits & 0x80) >> 4 | (AE if e.options & AE_HERE else 0)
    s.window = e.window
    s.mss = e.mss
    s.window_scale = e.bits & 0x0f
    s.options = e.options & ~AE_HERE
