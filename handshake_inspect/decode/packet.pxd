# What the walk from the frame's first byte down to TCP carries with it, and how it reads bytes.
#
# Every layer is a function that takes the Packet, moves `at` behind its header, narrows `end` and
# `limit` to what its lengths allow, and returns what comes next: another layer or a result.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from handshake_inspect.columns cimport Segment


cdef struct Packet:
    const uint8_t* bytes    # the frame's first byte; nothing from `end` on is ever read
    uint64_t at             # where the next header begins
    uint64_t end            # bytes that are captured and belong to the layer
    uint64_t limit          # the layer's end on the wire; `end` is never beyond it
    Segment* row            # where the segment goes
    uint64_t ip_at          # where the innermost IP header begins
    uint64_t fragment_at    # IPv6: where its fragment header begins
    uint32_t type           # what comes next, in the numbers of the layer before: EtherType, PPP or IP protocol
    uint32_t reason         # REASON_ | number, with UNSUPPORTED and LEFT
    uint16_t link_type
    uint8_t family          # of the innermost IP header, 4 or 6
    bint unsure             # a UDP port alone led here: what does not parse was no tunnel
    bint rerouted           # a source route: the pseudo-header's destination is not the header's


# Results: the six COUNT_ numbers of columns.pxd, and these.
cdef enum:
    QUOTED = 6              # an ICMP error with a row; counts as not_tcp
    LEFT = 7                # for the slow path; `reason` says why

# Layers.  LINK_TYPES names those that a frame can begin with, in lower case.
cdef enum:
    FIRST_LAYER = 16
    ETHERNET = 16
    ETHERTYPE               # `type` is one
    LLC
    LINUX_SLL
    LINUX_SLL2
    NULL_LOOP
    FDDI
    ARCNET
    PPP
    C_HDLC
    TOKEN_RING
    FRAME_RELAY
    PFLOG
    PKTAP
    MPACKET
    NFLOG
    EDSA
    NSH
    MPLS
    PPPOE
    LAYERS_OF_IP
    IP = LAYERS_OF_IP
    IPV4
    IPV6
    PROTOCOL                # `type` is an IP protocol

# Packet.reason, above the 16 bits of the number.
cdef enum:
    REASON_LINK = 1 << 16
    REASON_ETHERTYPE = 2 << 16
    REASON_PPP = 3 << 16
    REASON_FAMILY = 4 << 16
    REASON_DEPTH = 5 << 16
    REASON_FRAGMENT = 6 << 16
    REASON_GRE = 7 << 16
    REASON_PROTOCOL = 8 << 16
    REASON_UDP = 9 << 16
    REASON_KIND = 0xff << 16


# Bounds are checked here, in each read, against the layer's own end: a read beyond it gives 0.

cdef inline uint32_t u8(const Packet* p, uint64_t at) noexcept nogil:
    return p.bytes[at] if at < p.end else 0


cdef inline uint32_t u16(const Packet* p, uint64_t at) noexcept nogil:
    if at + 2 > p.end:
        return 0
    return <uint32_t> p.bytes[at] << 8 | p.bytes[at + 1]


cdef inline uint32_t u32(const Packet* p, uint64_t at) noexcept nogil:
    if at + 4 > p.end:
        return 0
    return (
        <uint32_t> p.bytes[at] << 24 | <uint32_t> p.bytes[at + 1] << 16
        | <uint32_t> p.bytes[at + 2] << 8 | <uint32_t> p.bytes[at + 3]
    )


cdef inline uint64_t u64(const Packet* p, uint64_t at) noexcept nogil:
    return <uint64_t> u32(p, at) << 32 | u32(p, at + 4)


# Without a check: the caller knows that the bytes are there.

cdef inline uint32_t sure16(const uint8_t* data) noexcept nogil:
    return <uint32_t> data[0] << 8 | data[1]


cdef inline uint32_t sure32(const uint8_t* data) noexcept nogil:
    return <uint32_t> data[0] << 24 | <uint32_t> data[1] << 16 | <uint32_t> data[2] << 8 | <uint32_t> data[3]


cdef inline bint has(const Packet* p, uint64_t size) noexcept nogil:
    # Whether the next `size` bytes are there.
    return p.at + size <= p.end


cdef inline int lack(const Packet* p, uint64_t size) noexcept nogil:
    # What a frame is that lacks some of the next `size` bytes: cut by the capture, or short on the wire.
    return 3 if p.at + size <= p.limit else 4   # COUNT_TRUNCATED, COUNT_MALFORMED


cdef inline void narrow(Packet* p, uint64_t limit) noexcept nogil:
    # End the layer at `limit`: what lies behind is padding, or was not captured.
    p.limit = limit
    if p.end > limit:
        p.end = limit
