"""Where the outermost IP header of a frame begins: for the few frames that are looked at one by one.

The compiled walk (layers.py) goes down to TCP and keeps no places on the way.  What needs the IP packet itself, of a
few frames only, asks here.  The link types that carry nearly every capture are known; of any other the answer is None.
"""

from __future__ import annotations

from typing import NamedTuple

VLAN_TAGS = (0x8100, 0x88A8, 0x9100)
TAGS_MOST = 4
IPV4, IPV6 = 0x0800, 0x86DD
UDP = 17
FRAGMENT_HEADER = 44

# fmt: off
HEADERS = {
    # link type   bytes before IP, and where among them the EtherType is (None: it has none)
    1:            (14, 12),     # ETHERNET
    113:          (16, 14),     # LINUX_SLL
    276:          (20, 0),      # LINUX_SLL2
    0:            (4, None),    # NULL
    108:          (4, None),    # LOOP
    12:           (0, None),    # RAW, as OpenBSD and others number it
    14:           (0, None),
    101:          (0, None),    # RAW
    228:          (0, None),    # IPV4
    229:          (0, None),    # IPV6
}
# fmt: on


class Datagram(NamedTuple):
    """The payload of an unfragmented UDP datagram with its ports."""

    source_port: int
    target_port: int
    payload: bytes


def ip_at(link_type: int, data: bytes) -> int | None:
    """Return where the outermost IP header begins in a frame; None where there is none, or it is not known."""
    header = HEADERS.get(link_type)
    if header is None:
        return None
    at, type_at = header
    if type_at is not None:
        kind = int.from_bytes(data[type_at : type_at + 2])
        for _ in range(TAGS_MOST):
            if kind not in VLAN_TAGS:
                break
            kind = int.from_bytes(data[at + 2 : at + 4])
            at += 4
        if kind not in (IPV4, IPV6):
            return None
    if len(data) < at + 20 or data[at] >> 4 not in (4, 6) or (data[at] >> 4 == 6 and len(data) < at + 40):
        return None
    return at


def fragment_key(link_type: int, data: bytes) -> bytes | None:
    """Return what one datagram's fragments have in common (RFC 791, RFC 8200 section 4.5); None for a whole one."""
    at = ip_at(link_type, data)
    if at is None:
        return None
    if data[at] >> 4 == 4:
        if not int.from_bytes(data[at + 6 : at + 8]) & 0x3FFF:
            return None
        return b"4" + data[at + 12 : at + 20] + data[at + 9 : at + 10] + data[at + 4 : at + 6]
    if data[at + 6] != FRAGMENT_HEADER or len(data) < at + 48:
        return None
    return b"6" + data[at + 8 : at + 40] + data[at + 44 : at + 48]


def udp_of(link_type: int, data: bytes) -> Datagram | None:
    """Return the UDP datagram right behind the outermost IP header; None for a fragment and for anything else."""
    at = ip_at(link_type, data)
    if at is None:
        return None
    if data[at] >> 4 == 4:
        size = (data[at] & 15) * 4
        if size < 20 or data[at + 9] != UDP or int.from_bytes(data[at + 6 : at + 8]) & 0x3FFF:
            return None
        at += size
    else:
        if data[at + 6] != UDP:
            return None
        at += 40
    length = int.from_bytes(data[at + 4 : at + 6])
    if length < 8 or len(data) < at + 8:
        return None
    return Datagram(
        int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 2 : at + 4]), data[at + 8 : at + length]
    )
