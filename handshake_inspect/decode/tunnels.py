"""What IP carries: TCP at last, or a tunnel with one more packet inside.

A tunnel over UDP is known by its port alone, and ports can be anybody's.  So its header must have
the right shape, and from there to the next sane IP header the packet is `unsure`: if what follows
does not parse, the frame was plain UDP.
"""

import cython
from cython.cimports.handshake_inspect.columns import COUNT_MALFORMED, COUNT_NOT_TCP, COUNT_UNSUPPORTED
from cython.cimports.handshake_inspect.decode.ip import icmp
from cython.cimports.handshake_inspect.decode.packet import (
    ETHERNET,
    ETHERTYPE,
    IP,
    IPV4,
    IPV6,
    LEFT,
    MPLS,
    NSH,
    PROTOCOL,
    REASON_GRE,
    REASON_PROTOCOL,
    REASON_UDP,
    Packet,
    has,
    lack,
    narrow,
    u8,
    u16,
)
from cython.cimports.handshake_inspect.decode.tcp import tcp
from cython.cimports.libc.stdint import uint32_t, uint64_t


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def protocol(p: cython.pointer[Packet]) -> cython.int:
    """Step into the IP protocol `p.type`."""
    kind: uint32_t = p.type
    size: uint64_t
    if kind == 6:
        return tcp(p)
    if kind == 17:
        return _udp(p)
    if kind == 1 or kind == 58:
        return icmp(p)
    if kind == 4:
        return IPV4
    if kind == 41:
        return IPV6
    if kind == 47:
        return _gre(p)
    if kind == 51:
        # An authentication header (RFC 4302) hides nothing.
        if not has(p, 12):
            return lack(p, 12)
        size = (u8(p, p.at + 1) + 2) * 4
        if not has(p, size):
            return lack(p, size)
        p.type = u8(p, p.at)
        p.at += size
        return PROTOCOL
    if kind == 97:
        # EtherIP (RFC 3378): version 3 and twelve zero bits.
        if not has(p, 2):
            return lack(p, 2)
        p.at += 2
        return ETHERNET if u16(p, p.at - 2) == 0x3000 else COUNT_MALFORMED
    if kind == 137:
        return MPLS
    if kind == 115:
        # L2TP version 3: how long its cookie is, and what it carries, was agreed elsewhere.
        p.reason = REASON_PROTOCOL | kind
        return COUNT_UNSUPPORTED
    return COUNT_NOT_TCP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _gre(p: cython.pointer[Packet]) -> cython.int:
    """GRE (RFC 2784, RFC 2890), PPTP's version 1 (RFC 2637), and what Cisco and Aruba send in it."""
    if not has(p, 4):
        return lack(p, 4)
    flags: uint32_t = u16(p, p.at)
    kind: uint32_t = u16(p, p.at + 2)
    size: uint64_t = 4
    if flags & 7 == 1:
        if not flags & 0x1000:
            return COUNT_NOT_TCP
        size = 12 + (4 if flags & 0x80 else 0)
    elif flags & 7 or flags & 0x4000:
        # Source routes (RFC 1701) have left GRE with RFC 2784.
        p.reason = REASON_GRE | kind
        return COUNT_UNSUPPORTED
    else:
        size += 4 * ((flags >> 15 & 1) + (flags >> 13 & 1) + (flags >> 12 & 1))
    if not has(p, size):
        return lack(p, size)
    p.at += size
    if kind == 0x88BE:
        # ERSPAN type I has no header of its own, and no sequence number in GRE's.
        p.at += 8 if flags & 0x1000 else 0
        return ETHERNET
    if kind == 0x22EB:
        if not has(p, 12):
            return lack(p, 12)
        p.at += 20 if u8(p, p.at + 11) & 1 else 12
        return ETHERNET
    if kind == 0x883E:
        # WCCP: version 2 puts four bytes in front of the packet.
        if u8(p, p.at) >> 4 != 4:
            p.at += 4
        return IPV4
    if kind == 0x8200:
        # An Aruba access point's 802.11 frames.
        p.reason = REASON_GRE | kind
        return LEFT
    p.type = kind
    return ETHERTYPE if kind > 1500 else COUNT_NOT_TCP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _udp(p: cython.pointer[Packet]) -> cython.int:
    """UDP (RFC 768), for the sake of the tunnels over it."""
    if not has(p, 8):
        return COUNT_NOT_TCP if has(p, 4) else lack(p, 8)
    source: uint32_t = u16(p, p.at)
    target: uint32_t = u16(p, p.at + 2)
    length: uint64_t = u16(p, p.at + 4)
    if 0 < length < 8:
        return COUNT_MALFORMED
    if length and p.at + length < p.limit:
        narrow(p, p.at + length)
    p.at += 8
    layer: cython.int = COUNT_NOT_TCP
    if target == 4789 or target == 8472 or target == 4790:
        layer = _vxlan(p, target)
    elif target == 6081:
        layer = _geneve(p)
    elif target == 2152 or source == 2152:
        layer = _gtp(p)
    elif target == 3544 or source == 3544:
        layer = _teredo(p)
    elif target == 4754:
        p.unsure = True
        return _gre(p)
    elif target == 6635:
        layer = MPLS
    elif target == 1701 or source == 1701:
        p.reason = REASON_UDP | 1701
        layer = LEFT
    p.unsure = True
    return layer


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _vxlan(p: cython.pointer[Packet], port: uint32_t) -> cython.int:
    """VXLAN (RFC 7348; port 8472 is Linux's) and its generic extension with a next protocol (port 4790)."""
    if not has(p, 8):
        return COUNT_NOT_TCP
    flags: uint32_t = u8(p, p.at)
    kind: uint32_t = u8(p, p.at + 3)
    # The other bits are reserved, some with a use of their own (group policies): they are not looked at.
    if not flags & 8:
        return COUNT_NOT_TCP
    p.at += 8
    if port != 4790 or not flags & 4:
        return ETHERNET
    if kind == 1:
        return IPV4
    if kind == 2:
        return IPV6
    if kind == 3:
        return ETHERNET
    if kind == 4:
        return NSH
    return MPLS if kind == 5 else COUNT_NOT_TCP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _geneve(p: cython.pointer[Packet]) -> cython.int:
    """Geneve (RFC 8926): version 0, options of 4-byte units, an EtherType."""
    if not has(p, 8):
        return COUNT_NOT_TCP
    first: uint32_t = u8(p, p.at)
    size: uint64_t = 8 + (first & 0x3F) * 4
    p.type = u16(p, p.at + 2)
    if first >> 6 or u8(p, p.at + 7) or not has(p, size):
        return COUNT_NOT_TCP
    p.at += size
    return ETHERTYPE if p.type > 1500 else COUNT_NOT_TCP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _gtp(p: cython.pointer[Packet]) -> cython.int:
    """GTP-U version 1 (3GPP TS 29.281): a G-PDU, with its optional fields and extension headers."""
    if not has(p, 8):
        return COUNT_NOT_TCP
    flags: uint32_t = u8(p, p.at)
    if flags >> 4 != 3 or u8(p, p.at + 1) != 255:
        return COUNT_NOT_TCP
    length: uint64_t = u16(p, p.at + 2)
    size: uint64_t = 8
    kind: uint32_t = 0
    if p.at + 8 + length > p.limit:
        return COUNT_NOT_TCP
    narrow(p, p.at + 8 + length)
    if flags & 7:
        size = 12
        kind = u8(p, p.at + 11) if flags & 4 else 0
    _: cython.int
    for _ in range(8):
        if kind == 0:
            break
        if u8(p, p.at + size) == 0:
            return COUNT_NOT_TCP
        size += u8(p, p.at + size) * 4
        kind = u8(p, p.at + size - 1)
    if kind or not has(p, size + 1):
        return COUNT_NOT_TCP
    p.at += size
    return IP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _teredo(p: cython.pointer[Packet]) -> cython.int:
    """Teredo (RFC 4380 section 5.1.1): IPv6, perhaps behind an authentication and an origin indication."""
    if has(p, 4) and u16(p, p.at) == 1:
        p.at += 13 + u8(p, p.at + 2) + u8(p, p.at + 3)
    if has(p, 8) and u16(p, p.at) == 0:
        p.at += 8
    return IPV6 if has(p, 40) and u8(p, p.at) >> 4 == 6 else COUNT_NOT_TCP
