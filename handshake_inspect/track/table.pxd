# What the tracker remembers: a Connection row for each incarnation of a 4-tuple, and for each the
# Evidence rows, in the order of the capture: the segments that can have moved a state.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t


# One direction of a connection: what one endpoint sent.
cdef struct Flow:
    uint64_t bytes                  # payload, each byte once
    uint32_t segments               # mirrored copies not among them
    uint32_t isn                    # valid with HAS_ISN
    uint32_t next                   # SND.NXT: the highest SEQ + length seen; valid with HAS_NEXT
    uint32_t in_order               # up to here the capture shows no hole; one is open while this is not `next`
    uint32_t acked                  # highest ACK sent, so this side's RCV.NXT; valid with HAS_ACKED
    uint32_t fin                    # the number after the FIN; valid with FIN_SEEN
    uint32_t window                 # last advertised, scaled when both SYNs were seen
    uint16_t syns                   # copies of each, mirrored ones not counted
    uint16_t syn_acks
    uint16_t fins
    uint16_t mss
    uint16_t flags                  # the FLOW_ bits below
    uint8_t window_scale
    uint8_t options                 # OPTION_ bits of columns.pxd, from the SYN or SYN-ACK


cdef enum:
    SEEN = 1                # sent anything
    HAS_ISN = 2
    SYN_SEEN = 4            # a SYN without ACK
    SYN_ACK_SEEN = 8
    FIN_SEEN = 16
    RST_SEEN = 32
    HAS_ACKED = 64
    ACKED_SYN = 128         # has acknowledged the peer's SYN
    ACKED_FIN = 256         # has acknowledged the peer's FIN
    WATCH_ACK = 512         # keep its next bare ACK as evidence
    WATCH_DATA = 1024       # keep its next data as evidence
    WATCH_FIN = 2048        # keep its next ACK of the peer's FIN as evidence
    PROGRESSED = 4096       # has sent something that only an ESTABLISHED endpoint sends
    OVERSIZED = 8192        # sent segments larger than the peer's MSS: captured before the card cut them
    HAS_NEXT = 16384


# What few flows have.
cdef struct RareFlow:
    uint64_t after_fin              # of the payload, what was sent after the first FIN of either side
    uint32_t beyond                 # where the bytes after the hole begin
    uint32_t missing                # bytes that the peer acknowledged and the capture does not hold
    uint32_t data_retransmissions
    uint32_t duplicates             # mirrored copies
    uint32_t data_duplicates        # of these, those that carry data
    uint32_t keep_alives
    uint32_t zero_windows
    uint16_t bad_checksums
    uint8_t fast_open
    uint8_t syn_bits                # the control bits of the SYN or SYN-ACK above ACK, >> 4: ECE, CWR, ...


# Of a connection that has some of it.
cdef struct Rare:
    RareFlow flow[2]
    uint32_t next           # of a free row: the next free one, index + 1
    uint16_t evidence_dropped       # rows of evidence that were over the bound


# One incarnation of a 4-tuple.  Endpoint 0 is the one with the lower address and port.
cdef struct Connection:
    uint64_t high[2]                # addresses as in Segment
    uint64_t low[2]
    Flow flow[2]
    int64_t first_time_ns
    int64_t last_time_ns
    uint64_t first_frame
    uint64_t last_frame
    uint64_t history[2]             # Zeek's letters, five bits each, first letter lowest
    uint64_t findings               # bit n: FINDINGS row n; written by the verdicts
    uint32_t older                  # the incarnation before this one, index + 1; 0: none
    uint32_t newer
    uint32_t first_evidence         # index + 1; 0: none
    uint32_t last_evidence
    uint32_t rare                   # index + 1 of its Rare row; 0: none
    uint32_t number                 # of the connection, in the order of first segments
    uint16_t port[2]
    uint16_t letters[2]             # which of Zeek's letters each endpoint has
    uint16_t incarnation            # counted from 1
    uint16_t evidence               # rows kept
    uint8_t family
    uint8_t flags                   # the CONNECTION_ bits below
    uint8_t completeness            # Wireshark's
    uint8_t opener                  # endpoint that sent the first SYN or got the first SYN-ACK, NOBODY until then
    uint8_t first_sender
    uint8_t opening                 # written by the verdicts, as numbers of their tables
    uint8_t closing
    uint8_t closed_first            # 0 client, 1 server, NOBODY
    uint8_t client                  # which endpoint is the client
    uint8_t state[2]                # of the client, of the server; NO_STATE
    uint8_t severity


cdef enum:
    NOBODY = 2

# Connection.flags
cdef enum:
    SELF_CONNECTED = 1
    FIN_ANYWHERE = 2
    SWAPPED = 4             # a SYN-ACK was captured before the SYN that it acknowledges
    CLOCK_BACK = 8          # a segment's time lies before its predecessor's
    MIRRORED = 16
    RST_ANYWHERE = 32


# A segment that can have moved a state, or that answers for one that did; kept as a Kept row, and as this while it is
# looked at.
cdef struct Evidence:
    int64_t time_ns
    uint64_t frame
    uint64_t detail         # RST: RCV.NXT and window of its receiver then; ICMP: type << 8 | code
    uint32_t seq
    uint32_t ack
    uint32_t length
    uint32_t window
    uint16_t flags          # TCP control bits
    uint8_t sender          # endpoint 0 or 1
    uint8_t marks           # the EVIDENCE_ bits below


# Evidence in 32 bytes; what does not fit them is in the row that `next` leads to, a Wide one.
cdef struct Kept:
    int64_t time_ns
    uint32_t seq
    uint32_t ack
    uint32_t frame          # after the connection's first
    uint32_t next           # index + 1 of this connection's next evidence; 0: none
    uint16_t window
    uint16_t length
    uint16_t bits           # TCP control bits, and the two below
    uint8_t marks


cdef struct Wide:
    uint64_t frame
    uint64_t detail
    uint32_t length
    uint32_t next           # where Kept has it
    uint32_t window


# Kept.bits
cdef enum:
    FROM_1 = 0x8000         # sent by endpoint 1
    IS_WIDE = 0x4000
    CONTROL_BITS = 0x01ff


cdef inline bint is_wide(const Evidence* e, uint64_t first_frame) noexcept nogil:
    return e.detail != 0 or e.length > 0xffff or e.window > 0xffff or (e.frame - first_frame) >> 32 != 0


cdef inline void pack(Kept* k, const Evidence* e, uint64_t first_frame) noexcept nogil:
    # All but `next` and IS_WIDE.
    k.time_ns = e.time_ns
    k.seq = e.seq
    k.ack = e.ack
    k.frame = <uint32_t> (e.frame - first_frame)
    k.window = <uint16_t> e.window
    k.length = <uint16_t> e.length
    k.bits = e.flags | (FROM_1 if e.sender else 0)
    k.marks = e.marks


cdef inline void pack_wide(Wide* k, const Evidence* e) noexcept nogil:
    k.frame = e.frame
    k.detail = e.detail
    k.length = e.length
    k.window = e.window


cdef inline uint32_t unpack(const Kept* rows, uint32_t link, uint64_t first_frame, Evidence* e) noexcept nogil:
    # The evidence that `link` leads to; returns the link to the next.
    cdef const Kept* k = &rows[link - 1]
    cdef const Wide* more
    e.time_ns = k.time_ns
    e.frame = first_frame + k.frame
    e.detail = 0
    e.seq = k.seq
    e.ack = k.ack
    e.length = k.length
    e.window = k.window
    e.flags = k.bits & CONTROL_BITS
    e.sender = 1 if k.bits & FROM_1 else 0
    e.marks = k.marks
    if k.bits & IS_WIDE:
        more = <const Wide*> &rows[k.next - 1]
        e.frame = more.frame
        e.detail = more.detail
        e.length = more.length
        e.window = more.window
        return more.next
    return k.next


# Evidence.marks
cdef enum:
    IN_ORDER = 1            # a RST at the SND.NXT of its sender
    WINDOW_KNOWN = 2        # a RST whose receiver's RCV.NXT and window are known
    NEW_DATA = 4            # carries bytes that the capture had not shown
    WRONG_ACK = 8           # acknowledges what cannot have been sent
    FILLED_HOLE = 16
    ICMP = 32               # not a segment: an ICMP error that quotes one; seq, ack, length, window: the reporter's address
    LATE = 64               # after both FINs were acknowledged
