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
from cython.cimports.handshake_inspect.decode.packet import Packet, has, lack, narrow, sure16, sure32, u8, u16, u32
from cython.cimports.libc.stdint import uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy

# NOP, NOP, timestamps of ten bytes: how nearly every segment after the SYN carries them (RFC 7323 appendix A).
ALIGNED_TIMESTAMPS = cython.declare(uint32_t, 0x0101080A)
# MSS, then these, then NOP and a window scale: how Linux writes the options of a SYN.
LINUX_SYN = cython.declare(uint32_t, 0x0402080A)
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
    row.family = p.family
    _fixed(p, row, at, header)
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
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _fixed(p: cython.pointer[Packet], row: cython.pointer[Segment], at: uint64_t, header: uint64_t) -> cython.void:
    """Fill the row from the 20 bytes at `at`, which are there, and the lengths."""
    data: cython.pointer[cython.const[uint8_t]] = p.bytes + at
    row.kind = TCP
    row.src_port = sure16(data)
    row.dst_port = sure16(data + 2)
    row.seq = sure32(data + 4)
    row.ack = sure32(data + 8)
    row.flags = sure16(data + 12) & 0x1FF
    row.window = sure16(data + 14)
    row.checksum = sure16(data + 16)
    row.length = cython.cast(uint32_t, p.limit - at - header)
    row.options = 0
    row.fast_open = 0
    row.icmp_type = 0
    row.icmp_code = 0
    row.reporter_high = 0
    row.reporter_low = 0
    row.marks = MARK_CUT if p.limit > p.end else 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def usual(p: cython.pointer[Packet]) -> cython.int:
    """Fill the row from what nearly every frame is: Ethernet, IPv4 without options, TCP with its whole header.

    Returns COUNT_TCP; or -1, and nothing is done, where the frame is anything else.  One check covers every read.
    """
    data: cython.pointer[cython.const[uint8_t]] = p.bytes
    row: cython.pointer[Segment] = p.row
    total: uint64_t
    header: uint64_t
    if p.end < 54 or data[12] != 8 or data[13] or data[14] != 0x45 or data[23] != 6 or data[20] & 0x3F or data[21]:
        return -1
    total = sure16(data + 16)
    header = (data[46] >> 4) * 4
    if header < 20 or total < 20 + header or p.end < 34 + header:
        return -1
    narrow(p, 14 + total)
    p.at = 34
    p.family = 4
    p.rerouted = False
    row.family = 4
    row.src_high = 0
    row.dst_high = 0
    row.src_low = sure32(data + 26)
    row.dst_low = sure32(data + 30)
    row.ip_id = sure16(data + 18)
    _fixed(p, row, 34, header)
    if header >= 32 and sure32(data + 54) == ALIGNED_TIMESTAMPS and not row.flags & SYN:
        row.ts_value = sure32(data + 58)
        row.ts_echo = sure32(data + 62)
        row.options = OPTION_TIMESTAMPS
    elif header == 40 and sure32(data + 58) == LINUX_SYN and sure16(data + 54) == 0x0204 and _is_scale(data + 70):
        row.mss = sure16(data + 56)
        row.ts_value = sure32(data + 62)
        row.ts_echo = sure32(data + 66)
        row.window_scale = min(data[73], cython.cast(uint8_t, WINDOW_SCALE_MOST))
        row.options = OPTION_MSS | OPTION_SACK_PERMITTED | OPTION_TIMESTAMPS | OPTION_WINDOW_SCALE
    elif header > 20:
        _options(p, 54, 34 + header)
    if row.flags & (SYN | FIN | RST) and not row.marks & MARK_CUT:
        row.marks |= _checksum_mark(p)
    return COUNT_TCP


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _is_scale(data: cython.pointer[cython.const[uint8_t]]) -> cython.bint:
    """Whether NOP and a window scale option are here."""
    return data[0] == 1 and data[1] == 3 and data[2] == 3


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
