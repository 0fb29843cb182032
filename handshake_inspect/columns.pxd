# The layout of every column, written once.  A column is a C array of one of
# these structs; columns.py gives each one to Python (and so to NumPy) as a buffer.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t


# One row a frame of the input.
cdef struct Frame:
    int64_t time_ns         # since 1970 UTC
    uint64_t file_offset    # of the record in the (uncompressed) input, for faults
    uint32_t start          # index of the frame's first byte in the batch's buffer
    uint32_t captured       # bytes that the file holds
    uint32_t wire           # bytes that were on the wire
    uint16_t link_type      # LINKTYPE_ number
    uint16_t interface      # pcapng interface in its section, else 0


# One row a TCP segment, or an ICMP error that quotes one.  Host byte order.
cdef struct Segment:
    int64_t time_ns
    uint64_t frame          # capture << 40 | frame number from 1
    uint64_t src_high       # IPv4: high is 0, low holds the address
    uint64_t src_low
    uint64_t dst_high
    uint64_t dst_low
    uint32_t seq
    uint32_t ack
    uint32_t length         # payload bytes on the wire
    uint32_t ts_value       # TSval, TSecr; valid with OPTION_TIMESTAMPS
    uint32_t ts_echo
    uint32_t ip_id          # IPv4 identification; 0 on IPv6
    uint16_t src_port
    uint16_t dst_port
    uint16_t flags          # the TCP control bits: FIN 1, SYN 2, RST 4, ... AE 256
    uint16_t window         # as sent, not scaled
    uint16_t checksum       # as sent
    uint16_t mss            # valid with OPTION_MSS
    uint8_t kind            # NONE, TCP, ICMP_ERROR, SLOW
    uint8_t family          # 4 or 6
    uint8_t window_scale    # valid with OPTION_WINDOW_SCALE
    uint8_t options         # OPTION_ bits
    uint8_t fast_open       # cookie bytes of a Fast Open option; valid with OPTION_FAST_OPEN
    uint8_t marks           # MARK_ bits
    uint8_t icmp_type       # ICMP_ERROR: 4-tuple and seq are those of the quoted segment
    uint8_t icmp_code
    uint64_t reporter_high  # ICMP_ERROR: who sent the error
    uint64_t reporter_low


# Segment.kind
cdef enum:
    NONE = 0
    TCP = 1
    ICMP_ERROR = 2
    SLOW = 3                # left to the slow path, which rewrites the row

# Segment.options
cdef enum:
    OPTION_MSS = 1
    OPTION_WINDOW_SCALE = 2
    OPTION_SACK_PERMITTED = 4
    OPTION_TIMESTAMPS = 8
    OPTION_FAST_OPEN = 16
    OPTION_MPTCP = 32
    OPTION_DAMAGED = 64     # an option's length lies; the options before it stand

# Segment.marks
cdef enum:
    MARK_BAD_CHECKSUM = 1   # judged on SYN, FIN and RST whose bytes are all there
    MARK_OFFLOADED = 2      # the checksum field holds only the pseudo-header's sum: the card was to finish it
    MARK_CUT = 4            # the capture holds less of the frame than the wire had

# Segment.flags
cdef enum:
    FIN = 0x001
    SYN = 0x002
    RST = 0x004
    PSH = 0x008
    ACK = 0x010
    URG = 0x020
    ECE = 0x040
    CWR = 0x080
    AE = 0x100

# What became of a frame: every frame ends in exactly one of these counters.
cdef enum:
    COUNT_TCP = 0
    COUNT_NOT_TCP = 1
    COUNT_FRAGMENT = 2
    COUNT_TRUNCATED = 3
    COUNT_MALFORMED = 4
    COUNT_UNSUPPORTED = 5
    COUNTERS = 6
