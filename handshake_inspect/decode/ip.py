"""IPv4 (RFC 791), IPv6 with its extension headers (RFC 8200), and the ICMP errors that quote a segment."""

import cython
from cython.cimports.handshake_inspect.columns import COUNT_MALFORMED, COUNT_NOT_TCP, ICMP_ERROR, MARK_CUT, Segment
from cython.cimports.handshake_inspect.decode.packet import (
    IPV4,
    IPV6,
    LEFT,
    PROTOCOL,
    QUOTED,
    REASON_FRAGMENT,
    Packet,
    has,
    lack,
    narrow,
    u8,
    u16,
    u32,
    u64,
)
from cython.cimports.handshake_inspect.decode.tcp import quoted_tcp
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t

EXTENSIONS_MOST = cython.declare(cython.int, 16)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def ip(p: cython.pointer[Packet]) -> cython.int:
    """Tell IPv4 from IPv6 by the version."""
    if not has(p, 1):
        return lack(p, 1)
    version: uint32_t = u8(p, p.at) >> 4
    if version == 4:
        return IPV4
    return IPV6 if version == 6 else COUNT_MALFORMED


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def ipv4(p: cython.pointer[Packet]) -> cython.int:
    """Read the header; a total length beyond the frame means that the frame was cut, whatever its record says."""
    at: uint64_t = p.at
    if not has(p, 20):
        return lack(p, 20)
    first: uint32_t = u8(p, at)
    header: uint64_t = (first & 15) * 4
    total: uint64_t = u16(p, at + 2)
    if first >> 4 != 4 or header < 20:
        return COUNT_MALFORMED
    if total == 0:
        # The card was to cut this segment into packets and to write their lengths (TSO).
        total = p.limit - at
    if total < header or (p.unsure and at + total > p.limit):
        return COUNT_MALFORMED
    narrow(p, at + total)
    if not has(p, header):
        return lack(p, header)
    row: cython.pointer[Segment] = p.row
    p.family = 4
    p.ip_at = at
    p.rerouted = header > 20 and _source_routed(p, at + 20, at + header)
    row.src_high = 0
    row.dst_high = 0
    row.src_low = u32(p, at + 12)
    row.dst_low = u32(p, at + 16)
    row.ip_id = u16(p, at + 4)
    if u16(p, at + 6) & 0x3FFF:
        p.reason = REASON_FRAGMENT | 4
        return LEFT
    p.type = u8(p, at + 9)
    p.at = at + header
    p.unsure = False
    return PROTOCOL


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _source_routed(p: cython.pointer[Packet], at: uint64_t, stop: uint64_t) -> cython.bint:
    """Whether the IPv4 options in [at, stop) hold a loose or strict source route that is not used up."""
    kind: uint32_t
    size: uint32_t
    while at < stop:
        kind = u8(p, at)
        if kind == 0:
            return False
        if kind == 1:
            at += 1
            continue
        size = u8(p, at + 1)
        if size < 2:
            return False
        if kind == 131 or kind == 137:
            return u8(p, at + 2) <= size
        at += size
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def ipv6(p: cython.pointer[Packet]) -> cython.int:
    """Read the fixed header; the extension headers follow in `_extensions`."""
    at: uint64_t = p.at
    if not has(p, 40):
        return lack(p, 40)
    if u8(p, at) >> 4 != 6:
        return COUNT_MALFORMED
    length: uint64_t = u16(p, at + 4)
    p.type = u8(p, at + 6)
    if p.unsure and at + 40 + length > p.limit:
        return COUNT_MALFORMED
    # Zero means a jumbogram, whose length is in the hop-by-hop header, or a segment that the card was to cut.
    if length:
        narrow(p, at + 40 + length)
    row: cython.pointer[Segment] = p.row
    p.family = 6
    p.ip_at = at
    p.rerouted = False
    row.src_high = u64(p, at + 8)
    row.src_low = u64(p, at + 16)
    row.dst_high = u64(p, at + 24)
    row.dst_low = u64(p, at + 32)
    row.ip_id = 0
    p.at = at + 40
    p.unsure = False
    return PROTOCOL if p.type == 6 else _extensions(p)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _extensions(p: cython.pointer[Packet]) -> cython.int:
    """Walk the extension headers (RFC 8200 section 4); `p.type` becomes the protocol behind them."""
    kind: uint32_t
    size: uint64_t
    _: cython.int
    for _ in range(EXTENSIONS_MOST):
        kind = p.type
        if not (kind == 0 or kind == 43 or kind == 44 or kind == 60 or kind == 135 or kind == 139 or kind == 140):
            return PROTOCOL
        if not has(p, 8):
            return lack(p, 8)
        if kind == 44:
            # An atomic fragment (RFC 6946) is a whole datagram.
            if u16(p, p.at + 2) & 0xFFF9:
                p.fragment_at = p.at
                p.reason = REASON_FRAGMENT | 6
                return LEFT
            size = 8
        else:
            size = (u8(p, p.at + 1) + 1) * 8
            if not has(p, size):
                return lack(p, size)
            if kind == 0 and u16(p, p.ip_at + 4) == 0:
                _jumbo(p, p.at + 2, p.at + size)
            if kind == 43 and u8(p, p.at + 3):
                p.rerouted = True
            if kind == 60 and _has_home_address(p, p.at + 2, p.at + size):
                p.rerouted = True
        p.type = u8(p, p.at)
        p.at += size
    return COUNT_MALFORMED


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _jumbo(p: cython.pointer[Packet], at: uint64_t, stop: uint64_t) -> cython.void:
    """Take the length from a jumbo payload option in [at, stop) (RFC 2675)."""
    while at < stop:
        if u8(p, at) == 0:
            at += 1
            continue
        if u8(p, at) == 0xC2 and u8(p, at + 1) == 4 and u32(p, at + 2) > stop - p.ip_at - 40:
            narrow(p, p.ip_at + 40 + u32(p, at + 2))
            return
        at += 2 + u8(p, at + 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _has_home_address(p: cython.pointer[Packet], at: uint64_t, stop: uint64_t) -> cython.bint:
    """Whether the options in [at, stop) name a home address, which checksums count as the source (RFC 6275)."""
    while at + 1 < stop:
        if u8(p, at) == 0xC9:
            return True
        at += 1 if u8(p, at) == 0 else 2 + u8(p, at + 1)
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def icmp(p: cython.pointer[Packet]) -> cython.int:
    """Make a row of an ICMP error that quotes a TCP header (RFC 792, RFC 4443); any other ICMP carries no TCP."""
    at: uint64_t = p.at
    row: cython.pointer[Segment] = p.row
    if not has(p, 8):
        return COUNT_NOT_TCP
    kind: uint32_t = u8(p, at)
    if p.type == 1:
        if not (kind == 3 or kind == 4 or kind == 5 or kind == 11 or kind == 12):
            return COUNT_NOT_TCP
    elif not 1 <= kind <= 4:
        return COUNT_NOT_TCP
    row.icmp_type = cython.cast(uint8_t, kind)
    row.icmp_code = cython.cast(uint8_t, u8(p, at + 1))
    row.reporter_high = row.src_high
    row.reporter_low = row.src_low
    row.marks = MARK_CUT if p.limit > p.end else 0
    p.at = at + 8
    # The quote may be cut anywhere (8 bytes of TCP are all that RFC 792 promises), so `end` stays
    # that of the error, and only `limit` follows the quoted header.
    end: uint64_t = p.end
    layer: cython.int = ip(p)
    if layer == IPV4:
        layer = ipv4(p)
    elif layer == IPV6:
        layer = ipv6(p)
    p.end = min(end, p.end)
    if layer != PROTOCOL or p.type != 6 or not quoted_tcp(p):
        return COUNT_NOT_TCP
    row.kind = ICMP_ERROR
    row.family = p.family
    return QUOTED
