"""Everything below IP: what a frame begins with, and what EtherTypes and PPP protocols lead to.

LAYERS gives the layers their names; link.py's tables speak of them by name.
"""

import cython
from cython.cimports.handshake_inspect.columns import COUNT_MALFORMED, COUNT_NOT_TCP, COUNT_UNSUPPORTED
from cython.cimports.handshake_inspect.decode.packet import (
    ARCNET,
    C_HDLC,
    EDSA,
    ETHERNET,
    ETHERTYPE,
    FDDI,
    FIRST_LAYER,
    FRAME_RELAY,
    IP,
    IPV4,
    IPV6,
    LEFT,
    LINUX_SLL,
    LINUX_SLL2,
    LLC,
    MPACKET,
    MPLS,
    NFLOG,
    NSH,
    NULL_LOOP,
    PFLOG,
    PKTAP,
    PPP,
    PPPOE,
    REASON_ETHERTYPE,
    REASON_FAMILY,
    REASON_LINK,
    REASON_PPP,
    TOKEN_RING,
    Packet,
    has,
    lack,
    narrow,
    u8,
    u16,
    u32,
)
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t

from handshake_inspect.decode.link import ETHERTYPES

LAYERS = {
    "ethernet": ETHERNET,
    "ethertype": ETHERTYPE,
    "llc": LLC,
    "linux_sll": LINUX_SLL,
    "linux_sll2": LINUX_SLL2,
    "null": NULL_LOOP,
    "fddi": FDDI,
    "arcnet": ARCNET,
    "ppp": PPP,
    "c_hdlc": C_HDLC,
    "token_ring": TOKEN_RING,
    "frame_relay": FRAME_RELAY,
    "pflog": PFLOG,
    "pktap": PKTAP,
    "mpacket": MPACKET,
    "nflog": NFLOG,
    "edsa": EDSA,
    "nsh": NSH,
    "mpls": MPLS,
    "pppoe": PPPOE,
    "ip": IP,
    "ipv4": IPV4,
    "ipv6": IPV6,
    "slow": LEFT,
    None: COUNT_NOT_TCP,
}
"""The layer numbers of packet.pxd by name; what a table may say of a row besides."""

# ETHERTYPES as arrays: what follows, and how many bytes behind the EtherType.
_next = cython.declare(uint8_t[65536])
_skip = cython.declare(uint8_t[65536])


def _fill() -> None:
    row: cython.Py_ssize_t
    for row in range(65536):
        _next[row] = COUNT_UNSUPPORTED
        _skip[row] = 0
    for ether in ETHERTYPES:
        _next[cython.cast(cython.Py_ssize_t, ether.number)] = LAYERS[ether.next]
        _skip[cython.cast(cython.Py_ssize_t, ether.number)] = ether.skip


_fill()


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def ether_type(p: cython.pointer[Packet]) -> cython.int:
    """Step over what `p.type`, an EtherType or an IEEE 802.3 length, says, tags included."""
    kind: uint32_t = p.type
    if kind == 0x0800:
        return IPV4
    if kind <= 1500:
        if p.at + kind < p.limit:
            narrow(p, p.at + kind)
        return LLC
    layer: cython.int = _next[kind]
    skip: uint64_t = _skip[kind]
    if layer < FIRST_LAYER:
        p.reason = REASON_ETHERTYPE | kind
        return layer
    if skip:
        if not has(p, skip):
            return lack(p, skip)
        p.at += skip
        p.type = u16(p, p.at - 2)
    return layer


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def layer_two(p: cython.pointer[Packet], layer: cython.int) -> cython.int:
    """Step over one layer below IP, and return what comes next: one row of LAYERS, one branch."""
    if layer == ETHERNET:
        return _ether_type_after(p, 14, 12)
    if layer == LLC:
        return _llc(p)
    if layer == MPLS:
        return _mpls(p)
    if layer == PPPOE:
        return _pppoe(p)
    if layer == PPP:
        return _ppp(p)
    if layer == C_HDLC:
        return _ether_type_after(p, 4, 2)
    if layer == LINUX_SLL:
        return _linux_sll(p, 16, 14, 2)
    if layer == LINUX_SLL2:
        return _linux_sll(p, 20, 0, 8)
    if layer == NULL_LOOP:
        return _null(p)
    if layer == FDDI:
        if not has(p, 13):
            return lack(p, 13)
        # Only asynchronous LLC frames carry data: the upper bits of the frame control are 01 01.
        if u8(p, p.at) & 0x70 != 0x50:
            return COUNT_NOT_TCP
        p.at += 13
        return LLC
    if layer == ARCNET:
        return _arcnet(p)
    if layer == EDSA:
        # The switch's tag is an EtherType 0xDADA of eight bytes; a frame without it is plain Ethernet.
        if has(p, 22) and u16(p, p.at + 12) == 0xDADA:
            return _ether_type_after(p, 22, 20)
        return ETHERNET
    if layer == NFLOG:
        return _nflog(p)
    if layer == TOKEN_RING:
        return _token_ring(p)
    if layer == FRAME_RELAY:
        return _frame_relay(p)
    if layer == PFLOG:
        # The first byte is the header's length without the padding to four bytes.
        if not has(p, 1):
            return lack(p, 1)
        p.at += (u8(p, p.at) + 3) & ~3
        return IP
    if layer == PKTAP:
        return _pktap(p)
    if layer == MPACKET:
        # Seven bytes of preamble and the delimiter; only an express packet is a whole Ethernet frame.
        if not has(p, 8):
            return lack(p, 8)
        p.at += 8
        return ETHERNET if u8(p, p.at - 1) == 0xD5 else COUNT_NOT_TCP
    return _nsh(p)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _ether_type_after(p: cython.pointer[Packet], size: uint64_t, where: uint64_t) -> cython.int:
    """Step over a header of `size` bytes with an EtherType `where` bytes into it."""
    if not has(p, size):
        return lack(p, size)
    p.type = u16(p, p.at + where)
    p.at += size
    return ETHERTYPE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _llc(p: cython.pointer[Packet]) -> cython.int:
    """IEEE 802.2: SNAP with an EtherType, or IP by its own SAP; other service access points carry no IP."""
    if not has(p, 3):
        return lack(p, 3)
    saps: uint32_t = u16(p, p.at)
    if saps == 0x0606 and u8(p, p.at + 2) == 3:
        p.at += 3
        return IPV4
    if saps != 0xAAAA or u8(p, p.at + 2) != 3:
        return COUNT_NOT_TCP
    p.at += 3
    return _snap(p)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _snap(p: cython.pointer[Packet]) -> cython.int:
    """The subnetwork access protocol of IEEE 802: an organisation, and a number in that organisation's list."""
    if not has(p, 5):
        return lack(p, 5)
    organisation: uint32_t = u16(p, p.at) << 8 | u8(p, p.at + 2)
    p.type = u16(p, p.at + 3)
    p.at += 5
    if organisation == 0x0080C2 and (p.type == 1 or p.type == 7):
        # RFC 2684: a bridged Ethernet frame behind two bytes of padding.
        p.at += 2
        return ETHERNET
    # IEEE 802.1H keeps EtherTypes under two more organisation codes: bridge tunnel and, in the wild, Cisco's zero.
    if (organisation != 0 and organisation != 0x0000F8) or p.type <= 1500:
        return COUNT_NOT_TCP
    return ETHERTYPE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _mpls(p: cython.pointer[Packet]) -> cython.int:
    """Step over the label stack (RFC 3032).  What it carries is not written in it: IP shows by its version."""
    _: cython.int
    for _ in range(32):
        if not has(p, 4):
            return lack(p, 4)
        p.at += 4
        if u8(p, p.at - 2) & 1:
            break
    else:
        return COUNT_MALFORMED
    if not has(p, 1):
        return lack(p, 1)
    first: uint32_t = u8(p, p.at)
    if first >> 4 == 4:
        return IPV4
    if first >> 4 == 6:
        return IPV6
    if first >> 4 == 0 and _looks_like_ethernet(p, p.at + 4):
        # A pseudowire's control word (RFC 4448).
        p.at += 4
        return ETHERNET
    return ETHERNET if _looks_like_ethernet(p, p.at) else COUNT_NOT_TCP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _looks_like_ethernet(p: cython.pointer[Packet], at: uint64_t) -> cython.bint:
    """Whether an Ethernet header at `at` has one of the EtherTypes that lead to IP, and IP's version behind it."""
    kind: uint32_t = u16(p, at + 12)
    if kind == 0x0800:
        return u8(p, at + 14) >> 4 == 4
    if kind == 0x86DD:
        return u8(p, at + 14) >> 4 == 6
    return kind == 0x8100 or kind == 0x88A8


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _pppoe(p: cython.pointer[Packet]) -> cython.int:
    """Step over a PPPoE session header (RFC 2516)."""
    if not has(p, 6):
        return lack(p, 6)
    if u16(p, p.at) != 0x1100:
        return COUNT_NOT_TCP if u8(p, p.at) == 0x11 else COUNT_MALFORMED
    length: uint64_t = u16(p, p.at + 4)
    p.at += 6
    if p.at + length < p.limit:
        narrow(p, p.at + length)
    return PPP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _ppp(p: cython.pointer[Packet]) -> cython.int:
    """Step over address and control, if they were not negotiated away, and the protocol (RFC 1661, RFC 1662)."""
    if not has(p, 2):
        return lack(p, 2)
    first: uint32_t = u16(p, p.at)
    if first == 0x0F00 or first == 0x8F00:
        return C_HDLC
    if first == 0xFF03:
        p.at += 2
        if not has(p, 2):
            return lack(p, 2)
    kind: uint32_t = u8(p, p.at)
    if kind & 1:
        p.at += 1
    else:
        kind = u16(p, p.at)
        p.at += 2
    if kind == 0x21:
        return IPV4
    if kind == 0x57:
        return IPV6
    if kind == 0x281 or kind == 0x283:
        return MPLS
    if kind >= 0x8000:
        return COUNT_NOT_TCP
    p.reason = REASON_PPP | kind
    return COUNT_UNSUPPORTED


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _linux_sll(p: cython.pointer[Packet], size: uint64_t, protocol: uint64_t, device: uint64_t) -> cython.int:
    """Step over a Linux cooked header; the two versions differ in where the protocol and the device type are."""
    if not has(p, size):
        return lack(p, size)
    kind: uint32_t = u16(p, p.at + protocol)
    hardware: uint32_t = u16(p, p.at + device)
    p.at += size
    # A netlink device's protocol is no EtherType.
    if hardware == 824:
        return COUNT_NOT_TCP
    if kind == 4:
        return LLC
    if kind <= 1500:
        return COUNT_NOT_TCP
    p.type = kind
    return ETHERTYPE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _null(p: cython.pointer[Packet]) -> cython.int:
    """Step over the address family, which BSD wrote in the byte order of the machine, or of the network (LOOP)."""
    if not has(p, 4):
        return lack(p, 4)
    family: uint32_t = u32(p, p.at)
    if family >> 16:
        family = (family >> 24) | ((family >> 8) & 0xFF00) | ((family << 8) & 0xFF0000) | ((family & 0xFF) << 24)
    p.at += 4
    if family == 2:
        return IPV4
    # AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, Darwin.
    if family == 10 or family == 23 or family == 24 or family == 28 or family == 30:
        return IPV6
    p.reason = REASON_FAMILY | (family & 0xFFFF)
    return COUNT_UNSUPPORTED


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _arcnet(p: cython.pointer[Packet]) -> cython.int:
    """Step over Linux's ARCNET header: addresses, a two-byte offset, the protocol and what the protocol adds."""
    if not has(p, 8):
        return lack(p, 8)
    kind: uint32_t = u8(p, p.at + 4)
    if kind == 240:
        # RFC 1051 has no sequence number.
        p.at += 5
        return IPV4
    if kind == 212 and u8(p, p.at + 5) == 0:
        p.at += 8
        return IPV4
    return COUNT_NOT_TCP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _token_ring(p: cython.pointer[Packet]) -> cython.int:
    """Step over access and frame control, the addresses, and the route that the source's first bit announces."""
    size: uint64_t = 14
    if not has(p, 15):
        return lack(p, 15)
    if u8(p, p.at + 1) & 0xC0 != 0x40:
        return COUNT_NOT_TCP
    if u8(p, p.at + 8) & 0x80:
        size += u8(p, p.at + 14) & 0x1F
    p.at += size
    return LLC


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _frame_relay(p: cython.pointer[Packet]) -> cython.int:
    """Step over a two-byte Q.922 address, and RFC 2427's protocol identifier or Cisco's EtherType behind it."""
    if not has(p, 4):
        return lack(p, 4)
    if u8(p, p.at) & 1 or not u8(p, p.at + 1) & 1:
        return COUNT_NOT_TCP
    if u8(p, p.at + 2) != 3:
        return _ether_type_after(p, 4, 2)
    kind: uint32_t = u8(p, p.at + 3)
    p.at += 4
    if kind == 0xCC:
        return IPV4
    if kind == 0x8E:
        return IPV6
    if kind == 0:
        # A byte of padding stands before the identifier of SNAP.
        kind = u8(p, p.at)
        p.at += 1
    return _snap(p) if kind == 0x80 else COUNT_NOT_TCP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _pktap(p: cython.pointer[Packet]) -> cython.int:
    """Step over Darwin's header, which is little-endian and names the link type of the frame behind it."""
    if not has(p, 12):
        return lack(p, 12)
    size: uint64_t = u8(p, p.at) | u8(p, p.at + 1) << 8
    link: uint32_t = u8(p, p.at + 8) | u8(p, p.at + 9) << 8
    if size < 12 or u16(p, p.at + 2):
        return COUNT_MALFORMED
    if not has(p, size):
        return lack(p, size)
    # Other than 1 is a record without a frame.
    if u8(p, p.at + 4) != 1:
        return COUNT_NOT_TCP
    p.at += size
    if link == 1:
        return ETHERNET
    if link == 0 or link == 108:
        return NULL_LOOP
    if link == 12 or link == 14 or link == 101:
        return IP
    p.reason = REASON_LINK | link
    return LEFT if link == 105 or link == 127 else COUNT_UNSUPPORTED


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _nflog(p: cython.pointer[Packet]) -> cython.int:
    """Find the payload among the attributes of a netfilter log record; their numbers are the host's, so mostly
    little-endian."""
    if not has(p, 4):
        return lack(p, 4)
    family: uint32_t = u8(p, p.at)
    at: uint64_t = p.at + 4
    _: cython.int
    size: uint64_t
    kind: uint32_t
    for _ in range(64):
        p.at = at
        if not has(p, 4):
            return lack(p, 4)
        size = u8(p, at) | u8(p, at + 1) << 8
        kind = u8(p, at + 2) | u8(p, at + 3) << 8
        if size < 4:
            return COUNT_MALFORMED
        if kind & 0x7FFF == 9:
            p.at = at + 4
            if at + size < p.limit:
                narrow(p, at + size)
            return IPV4 if family == 2 else IPV6 if family == 10 else COUNT_NOT_TCP
        at += (size + 3) & ~cython.cast(uint64_t, 3)
    return COUNT_NOT_TCP


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _nsh(p: cython.pointer[Packet]) -> cython.int:
    """Step over a network service header (RFC 8300)."""
    if not has(p, 8):
        return lack(p, 8)
    size: uint64_t = (u16(p, p.at) & 0x3F) * 4
    kind: uint32_t = u8(p, p.at + 3)
    if size < 8:
        return COUNT_MALFORMED
    if not has(p, size):
        return lack(p, size)
    p.at += size
    if kind == 1:
        return IPV4
    if kind == 2:
        return IPV6
    if kind == 3:
        return ETHERNET
    if kind == 5:
        return MPLS
    return NSH if kind == 4 else COUNT_NOT_TCP
