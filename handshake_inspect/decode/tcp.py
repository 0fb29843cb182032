"""The TCP header and its options (RFC 9293 section 3.1), and the checksum where it is worth its cost."""

import cython
from cython.cimports.handshake_inspect.columns import (
    COUNT_MALFORMED,
    COUNT_TCP,
    FIN,
    MARK_BAD_CHECKSUM,
    MARK_CUT,
    MARK_OFFLOADED,
    OPTION_DAMAGED,
    OPTION_FAST_OPEN,
    OPTION_MPTCP,
    OPTION_MSS,
    OPTION_SACK_PERMITTED,
    OPTION_TIMESTAMPS,
    OPTION_WINDOW_SCALE,
    RST,
    SYN,
    TCP,
    Segment,
)
from cython.cimports.handshake_inspect.decode.packet import Packet, has, lack, u8, u16, u32
from cython.cimports.libc.stdint import uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy

# NOP, NOP, timestamps of ten bytes: how nearly every segment after the SYN carries them (RFC 7323 appendix A).
ALIGNED_TIMESTAMPS = cython.declare(uint32_t, 0x0101080A)
FAST_OPEN_MAGIC = cython.declare(uint32_t, 0xF989)
WINDOW_SCALE_MOST = cython.declare(uint32_t, 14)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def tcp(p: cython.pointer[Packet]) -> cython.int:
    """Fill the row from the segment at `p.at`; addresses, family and ip_id are already in it.

    The payload's length is what the IP header says, whatever the capture kept of it.  A segment
    of which only options or payload were cut is whole enough to be used.
    """
    at: uint64_t = p.at
    if not has(p, 20):
        return lack(p, 20)
    header: uint64_t = (u8(p, at + 12) >> 4) * 4
    if header < 20 or at + header > p.limit:
        return COUNT_MALFORMED
    row: cython.pointer[Segment] = p.row
    row.kind = TCP
    row.family = p.family
    row.src_port = u16(p, at)
    row.dst_port = u16(p, at + 2)
    row.seq = u32(p, at + 4)
    row.ack = u32(p, at + 8)
    row.flags = u16(p, at + 12) & 0x1FF
    row.window = u16(p, at + 14)
    row.checksum = u16(p, at + 16)
    row.length = cython.cast(uint32_t, p.limit - at - header)
    row.options = 0
    row.fast_open = 0
    row.icmp_type = 0
    row.icmp_code = 0
    row.reporter_high = 0
    row.reporter_low = 0
    row.marks = MARK_CUT if p.limit > p.end else 0
    if header >= 32 and has(p, 32) and u32(p, at + 20) == ALIGNED_TIMESTAMPS and not row.flags & SYN:
        row.ts_value = u32(p, at + 24)
        row.ts_echo = u32(p, at + 28)
        row.options = OPTION_TIMESTAMPS
    elif header > 20:
        _options(p, at + 20, at + header)
    if row.flags & (SYN | FIN | RST) and not row.marks & MARK_CUT and not p.rerouted:
        row.marks |= _checksum_mark(p)
    return COUNT_TCP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def quoted_tcp(p: cython.pointer[Packet]) -> cython.bint:
    """Fill the row from the TCP header that an ICMP error quotes; False without ports and SEQ (8 bytes)."""
    at: uint64_t = p.at
    if not has(p, 8):
        return False
    row: cython.pointer[Segment] = p.row
    row.src_port = u16(p, at)
    row.dst_port = u16(p, at + 2)
    row.seq = u32(p, at + 4)
    row.ack = u32(p, at + 8)
    row.flags = u16(p, at + 12) & 0x1FF
    row.window = u16(p, at + 14)
    row.checksum = u16(p, at + 16)
    row.options = 0
    row.fast_open = 0
    header: uint64_t = (u8(p, at + 12) >> 4) * 4
    row.length = cython.cast(uint32_t, p.limit - at - header) if header >= 20 and at + header <= p.limit else 0
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _options(p: cython.pointer[Packet], at: uint64_t, stop: uint64_t) -> cython.void:
    """Read the options in [at, stop).  One whose length lies ends the walk; so does the capture's end."""
    row: cython.pointer[Segment] = p.row
    kind: uint32_t
    size: uint32_t
    while at < stop and at < p.end:
        kind = u8(p, at)
        if kind == 0:
            return
        if kind == 1:
            at += 1
            continue
        if at + 1 >= p.end and stop > p.end:
            return
        size = u8(p, at + 1)
        if size < 2 or at + size > stop or at + 1 >= stop:
            row.options |= OPTION_DAMAGED
            return
        if at + size > p.end:
            return
        if (
            (kind == 2 and size != 4)
            or (kind == 3 and size != 3)
            or (kind == 4 and size != 2)
            or (kind == 8 and size != 10)
        ):
            row.options |= OPTION_DAMAGED
            return
        if kind == 2:
            row.mss = u16(p, at + 2)
            row.options |= OPTION_MSS
        elif kind == 3:
            # RFC 7323 section 2.3: a larger shift count is used as 14.
            row.window_scale = cython.cast(uint8_t, min(u8(p, at + 2), WINDOW_SCALE_MOST))
            row.options |= OPTION_WINDOW_SCALE
        elif kind == 4:
            row.options |= OPTION_SACK_PERMITTED
        elif kind == 8:
            row.ts_value = u32(p, at + 2)
            row.ts_echo = u32(p, at + 6)
            row.options |= OPTION_TIMESTAMPS
        elif kind == 30:
            row.options |= OPTION_MPTCP
        elif kind == 34:
            row.fast_open = cython.cast(uint8_t, size - 2)
            row.options |= OPTION_FAST_OPEN
        elif kind == 254 and size >= 4 and u16(p, at + 2) == FAST_OPEN_MAGIC:
            # RFC 7413 section 4.1.1's experimental form, under the identifier of RFC 6994.
            row.fast_open = cython.cast(uint8_t, size - 4)
            row.options |= OPTION_FAST_OPEN
        at += size


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _fold(total: uint64_t) -> uint32_t:
    """Return the ones' complement sum of the 16-bit words that add up to `total`."""
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return cython.cast(uint32_t, total)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _words(value: uint64_t) -> uint64_t:
    """Return the sum of the four 16-bit words of `value`."""
    return (value >> 48) + ((value >> 32) & 0xFFFF) + ((value >> 16) & 0xFFFF) + (value & 0xFFFF)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _sum(data: cython.pointer[cython.const[uint8_t]], size: uint64_t) -> uint32_t:
    """Return the ones' complement sum of the 16-bit words in `size` bytes; one that is odd is followed by 0.

    A sum of words of 32 bits in this machine's byte order has the same bytes (RFC 1071 section 2).
    """
    total: uint64_t = 0
    word: uint32_t
    at: uint64_t = 0
    both: uint8_t[2]
    while size - at >= 4:
        memcpy(cython.address(word), data + at, 4)
        total += word
        at += 4
    if at < size:
        word = 0
        memcpy(cython.address(word), data + at, size - at)
        total += word
    folded: uint16_t = cython.cast(uint16_t, _fold(total))
    memcpy(both, cython.address(folded), 2)
    return both[0] << 8 | both[1]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _checksum_mark(p: cython.pointer[Packet]) -> cython.int:
    """Return the mark for the checksum of a whole segment at `p.at` (RFC 9293 section 3.1)."""
    row: cython.pointer[Segment] = p.row
    length: uint64_t = p.limit - p.at
    pseudo: uint64_t = _words(row.src_low) + _words(row.dst_low) + (length >> 16) + (length & 0xFFFF) + 6
    if p.family == 6:
        pseudo += _words(row.src_high) + _words(row.dst_high)
    if _fold(pseudo + _sum(p.bytes + p.at, p.end - p.at)) == 0xFFFF:
        return 0
    return MARK_OFFLOADED if row.checksum == _fold(pseudo) else MARK_BAD_CHECKSUM
