"""What can be done to one frame: lengths that lie, options without end, tunnels in tunnels, fragments.

OPERATIONS is the table.  Each takes a frame and a source of randomness and returns the frames that come of it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

EDGES = (0, 1, 2, 3, 4, 7, 8, 15, 16, 20, 31, 32, 40, 63, 64, 127, 128, 254, 255)
WORDS = (0, 1, 7, 8, 20, 40, 255, 256, 1500, 0x7FFF, 0x8000, 0xFFF8, 0xFFFE, 0xFFFF)
NUMBERS = (0, 1, 2, 99, 100, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 2, 2**32 - 1)
FLAGS = (0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x00, 0x03, 0x06, 0x29, 0xFF, 0xC2, 0x52)
ETHERTYPES = (0x0800, 0x86DD, 0x8100, 0x88A8, 0x8847, 0x8864, 0x6558, 0x894F, 0x88B5, 0x0806, 0x05DC)
PROTOCOLS = (0, 1, 4, 6, 17, 41, 43, 44, 47, 50, 51, 58, 59, 60, 97, 115, 135, 137, 139, 255)
PORTS = (0, 53, 80, 443, 1701, 2152, 3544, 4754, 4789, 4790, 6081, 6635, 8472, 65535)

Frames = list[bytes]


def ip_at(frame: bytes) -> int | None:
    """Where an IP header seems to begin, in a frame of any link type."""
    for at in (14, 0, 4, 16, 18, 20, 22):
        if len(frame) >= at + 20 and frame[at] >> 4 in (4, 6):
            return at
    return None


def inner_at(frame: bytes) -> int | None:
    """Where what IP carries begins, options and extension headers counted as carried."""
    at = ip_at(frame)
    if at is None:
        return None
    return at + ((frame[at] & 15) * 4 if frame[at] >> 4 == 4 else 40)


def put(frame: bytes, at: int, new: bytes) -> bytes:
    """The frame with some bytes replaced; unchanged where they would not fit."""
    return frame[:at] + new + frame[at + len(new) :] if at >= 0 and at + len(new) <= len(frame) else frame


def checksummed(header: bytes) -> bytes:
    """An IPv4 header with its right checksum."""
    header = header[:10] + b"\0\0" + header[12:]
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return header[:10] + struct.pack("!H", ~total & 0xFFFF) + header[12:]


def ipv4(payload: bytes, protocol: int, source: int = 0x0A000001, target: int = 0x0A000002) -> bytes:
    """A packet around a payload."""
    head = struct.pack("!BBHHHBBHII", 0x45, 0, (20 + len(payload)) & 0xFFFF, 0, 0, 64, protocol, 0, source, target)
    return checksummed(head) + payload


def ipv6(payload: bytes, following: int) -> bytes:
    """A packet around a payload."""
    head = struct.pack("!IHBB", 6 << 28, len(payload) & 0xFFFF, following, 64)
    return head + b"\x20\x01" + bytes(13) + b"\1" + b"\x20\x01" + bytes(13) + b"\2" + payload


def flip(frame: bytes, random: Random) -> Frames:
    """Some bits, anywhere."""
    changed = bytearray(frame)
    for _ in range(random.choice((1, 1, 2, 8))):
        if changed:
            changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return [bytes(changed)]


def edge(frame: bytes, random: Random) -> Frames:
    """One byte, near the front, that is a number at which something changes."""
    at = random.randrange(min(len(frame), 80) or 1)
    return [put(frame, at, bytes((random.choice(EDGES),)))]


def cut(frame: bytes, random: Random) -> Frames:
    return [frame[: random.randrange(len(frame) + 1)]]


def grow(frame: bytes, random: Random) -> Frames:
    """Bytes inserted, or hung on."""
    more = random.choice((bytes(random.choice((1, 4, 20, 1500))), random.randbytes(random.choice((1, 8, 40)))))
    at = random.choice((len(frame), random.randrange(len(frame) + 1)))
    return [frame[:at] + more + frame[at:]]


def ip_field(frame: bytes, random: Random) -> Frames:
    """Version, lengths, fragment word, protocol, addresses."""
    at = ip_at(frame)
    if at is None:
        return [frame]
    word = struct.pack("!H", random.choice(WORDS))
    octet = bytes((random.choice(EDGES),))
    if frame[at] >> 4 == 4:
        kind = random.randrange(6)
        offset = (0, 2, 6, 9, 15, 19)[kind]
        first, protocol = bytes((0x40 | random.randrange(16),)), bytes((random.choice(PROTOCOLS),))
        new = (first, word, word, protocol, octet, octet)[kind]
    else:
        kind = random.randrange(4)
        offset = (4, 6, 23, 39)[kind]
        new = (word, bytes((random.choice(PROTOCOLS),)), octet, octet)[kind]
    return [put(frame, at + offset, new)]


def tcp_field(frame: bytes, random: Random) -> Frames:
    """Ports, numbers, data offset, flags, window."""
    at = inner_at(frame)
    if at is None:
        return [frame]
    number = struct.pack("!I", random.choice(NUMBERS))
    near = struct.pack("!I", (int.from_bytes(frame[at + 4 : at + 8]) + random.randint(-2, 2)) & 0xFFFFFFFF)
    return [random.choice((
        put(frame, at, struct.pack("!H", random.choice(PORTS))),
        put(frame, at + 2, struct.pack("!H", random.choice(PORTS))),
        put(frame, at + 4, number), put(frame, at + 8, number), put(frame, at + 4, near), put(frame, at + 8, near),
        put(frame, at + 12, bytes((random.randrange(16) << 4,))),
        put(frame, at + 13, bytes((random.choice(FLAGS),))),
        put(frame, at + 13, bytes((random.randrange(256),))),
        put(frame, at + 14, struct.pack("!H", random.choice(WORDS))),
    ))]  # fmt: skip


def turn(frame: bytes, random: Random) -> Frames:
    """The same segment from the other end."""
    at, inner = ip_at(frame), inner_at(frame)
    if at is None or inner is None or len(frame) < inner + 12:
        return [frame]
    size = 4 if frame[at] >> 4 == 4 else 16
    first = at + 12 if size == 4 else at + 8
    swapped = put(frame, first, frame[first + size : first + 2 * size] + frame[first : first + size])
    ports = frame[inner + 2 : inner + 4] + frame[inner : inner + 2]
    if random.random() < 0.5:
        ports += frame[inner + 8 : inner + 12] + frame[inner + 4 : inner + 8]
    return [put(swapped, inner, ports)]


def giant_options(frame: bytes, random: Random) -> Frames:
    """TCP options that fill the header, some with lengths that lie."""
    at, inner = ip_at(frame), inner_at(frame)
    if at is None or inner is None or len(frame) < inner + 20:
        return [frame]
    options = b""
    while len(options) < 40:
        kind = random.choice((0, 1, 2, 3, 4, 5, 8, 19, 28, 29, 30, 34, 69, 253, 254, 255))
        size = random.choice((0, 1, 2, 3, 4, 10, 12, 38, 40, 255))
        options += bytes((kind,)) if kind < 2 else bytes((kind, size)) + random.randbytes(min(max(size - 2, 0), 38))
    data = frame[inner + 20 :]
    header = put(frame[inner : inner + 20], 12, b"\xf0")
    return [with_length(frame[:inner] + header + options[:40] + data, at)]


def with_length(frame: bytes, at: int) -> bytes:
    """The frame with the length in the IP header at `at` put right."""
    if frame[at] >> 4 == 4:
        frame = put(frame, at + 2, struct.pack("!H", (len(frame) - at) & 0xFFFF))
        return put(frame, at, checksummed(frame[at : at + 20]))
    return put(frame, at + 4, struct.pack("!H", (len(frame) - at - 40) & 0xFFFF))


def _around(packet: bytes, random: Random) -> tuple[bytes, int]:
    """One tunnel around an IP packet: what IP carries then, and its protocol number."""
    version = packet[0] >> 4 if packet else 4
    ether = struct.pack("!H", 0x86DD if version == 6 else 0x0800)
    kind = random.randrange(10)
    if kind == 0:
        return packet, 41 if version == 6 else 4
    if kind == 1:
        return b"\0\0" + ether + packet, 47
    if kind == 2:
        return b"\xb0\0" + ether + bytes(12) + packet, 47
    if kind == 3:
        return b"\x00\x01\x01\x3f" + packet, 137
    if kind == 4:
        return bytes((41 if version == 6 else 4, random.choice((0, 1, 4, 255)))) + bytes(10) + packet, 51
    if kind == 5:
        return b"\x30\0" + bytes(12) + ether + packet, 97
    target, shell = (
        (4789, b"\x08" + bytes(7) + bytes(12) + ether),
        (6081, b"\0\0" + ether + bytes(4)),
        (2152, b"\x30\xff" + struct.pack("!H", len(packet) & 0xFFFF) + bytes(4)),
        (6635, b"\0\0\x11\x3f"),
    )[kind - 6]
    inside = shell + packet
    return struct.pack("!HHHH", 40000, target, (8 + len(inside)) & 0xFFFF, 0) + inside, 17


def tunnels(frame: bytes, random: Random) -> Frames:
    """The IP packet in a tunnel, in a tunnel, up to a hundred deep."""
    at = ip_at(frame)
    if at is None:
        return [frame]
    packet = frame[at:]
    for _ in range(random.choice((1, 1, 2, 4, 20, 100))):
        inside, protocol = _around(packet, random)
        packet = ipv6(inside, protocol) if random.random() < 0.2 else ipv4(inside, protocol)
    kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\0"
    return [put(frame[:at], at - 2, kind) + packet]


def labels(frame: bytes, random: Random) -> Frames:
    """VLAN tags and MPLS labels before the IP packet."""
    tag = random.choice((b"\x81\0\0\1", b"\x88\xa8\0\1", b"\x88\x47\0\0\1\xff", b"\x88\x64\x11\0\0\1\xff\xff\0\x21"))
    return [frame[:12] + tag * random.choice((1, 2, 3, 40, 100)) + frame[12:]]


def extension_headers(frame: bytes, random: Random) -> Frames:
    """IPv6 with a chain of extension headers, some of them in the wrong order or too long."""
    at = ip_at(frame)
    if at is None:
        return [frame]
    packet = frame[at:]
    if packet[0] >> 4 == 6:
        following, payload = packet[6], packet[40:]
    else:
        following, payload = packet[9], packet[(packet[0] & 15) * 4 :]
    for _ in range(random.choice((1, 2, 3, 10, 70))):
        kind = random.choice((0, 43, 44, 51, 60, 60, 135, 139, 140))
        size = random.choice((0, 0, 0, 1, 31, 255))
        if kind == 44:
            word = random.choice((0, 0, 0, 1, 8, 9, 0xFFF8, 0xFFF9))
            payload = struct.pack("!BBHI", following, 0, word, random.randrange(3)) + payload
        elif kind == 51:
            payload = struct.pack("!BB", following, 4) + bytes(22) + payload
        else:
            payload = bytes((following, size)) + bytes(6 + 8 * min(size, 3)) + payload
        following = kind
    return [put(frame[:at], at - 2, b"\x86\xdd") + ipv6(payload, following)]


def fragments(frame: bytes, random: Random) -> Frames:
    """The IPv4 packet in pieces: in any order, overlapping, some lost, some twice."""
    at = ip_at(frame)
    if at is None or frame[at] >> 4 != 4 or len(frame) < at + 20:
        return [frame]
    size = (frame[at] & 15) * 4
    header, payload = frame[at : at + size], frame[at + size :]
    step = random.choice((8, 8, 16, 24, 64, 512))
    pieces = []
    for start in range(0, min(len(payload), 60 * step), step):
        overlap = random.choice((0, 0, 0, 8, 16))
        stop = min(len(payload), start + step + overlap)
        more = 0x2000 if stop < len(payload) else 0
        if random.random() < 0.05:
            more ^= 0x2000
        word = struct.pack("!H", more | (start // 8 & 0x1FFF))
        piece = put(header, 6, word) + payload[start:stop]
        pieces.append(with_length(frame[:at] + piece, at) if len(header) >= 20 else frame)
    if random.random() < 0.3:
        random.shuffle(pieces)
    if random.random() < 0.2 and pieces:
        pieces[random.randrange(len(pieces))] = random.choice(pieces)
    return pieces or [frame]


def quoted(frame: bytes, random: Random) -> Frames:
    """An ICMP error that quotes the packet, whole or in part; before it the packet itself."""
    at = ip_at(frame)
    if at is None:
        return [frame]
    quote = frame[at : at + random.choice((20, 28, 40, 60, 576))]
    if frame[at] >> 4 == 4:
        icmp = bytes((random.choice((3, 3, 11, 12, 5, 4)), random.randrange(16))) + bytes(6) + quote
        error = ipv4(icmp, 1, 0x0A0000FE, 0x0A000001)
    else:
        icmp = bytes((random.choice((1, 1, 2, 3, 4)), random.randrange(8))) + bytes(6) + quote
        error = ipv6(icmp, 58)
    return [frame, frame[:at] + error]


def ether_type(frame: bytes, random: Random) -> Frames:
    """Another EtherType."""
    return [put(frame, 12, struct.pack("!H", random.choice(ETHERTYPES)))]


Operation = Callable[[bytes, Random], Frames]

OPERATIONS: tuple[Operation, ...] = (
    flip, edge, cut, grow, ip_field, ip_field, tcp_field, tcp_field, tcp_field, turn, giant_options, tunnels, labels,
    extension_headers, fragments, quoted, ether_type,
)  # fmt: skip
"""What is done to a frame; twice in the table is twice as often."""
