"""A ladder as a capture file: any IP version, link type, file format, byte order, resolution, compression, ISNs.

`play()` is what most tests want: from the text of a ladder to the report on it.
"""

from __future__ import annotations

import gzip
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import captures
from frames_by_hand import A4, A6, B4, B6, ethernet, ipv4, ipv6, tcp, udp
from handshake_inspect import Report, analyse
from handshake_inspect.report import Connection, Endpoint
from ladder import CLIENT_ISN, COPY_NS, SERVER_ISN, Ladder, Segment, wrapped

START_NS = 1_700_000_000_000_000_000
SERVER_PORT = 443
ROUTER4, ROUTER6 = bytes((203, 0, 113, 9)), bytes.fromhex("20010db8" + "00" * 11 + "99")


def _snap(packet: bytes, kind: int) -> bytes:
    return b"\xaa\xaa\x03\0\0\0" + struct.pack(">H", kind) + packet


def _ppp(packet: bytes, kind: int) -> bytes:
    return (b"\0\x21" if kind == 0x0800 else b"\0\x57") + packet


def _family(packet: bytes, kind: int, order: str) -> bytes:
    return struct.pack(order + "I", 2 if kind == 0x0800 else 30) + packet


def _nflog(packet: bytes, kind: int) -> bytes:
    family = b"\2\0\0\0" if kind == 0x0800 else b"\x0a\0\0\0"
    return family + struct.pack("<HH", 4 + len(packet), 9) + packet + bytes(-len(packet) % 4)


def _type(kind: int) -> bytes:
    return struct.pack(">H", kind)


# How a link type carries an IP packet; `kind` is the EtherType.
LINKS: dict[int, Callable[[bytes, int], bytes]] = {
    0: lambda packet, kind: _family(packet, kind, "<"),
    1: ethernet,
    9: lambda packet, kind: b"\xff\3" + _ppp(packet, kind),
    10: lambda packet, kind: b"\x50" + bytes(12) + _snap(packet, kind),
    12: lambda packet, kind: packet,
    14: lambda packet, kind: packet,
    50: lambda packet, kind: b"\xff\3" + _ppp(packet, kind),
    51: lambda packet, kind: struct.pack(">BBHH", 0x11, 0, 9, 2 + len(packet)) + _ppp(packet, kind),
    100: _snap,
    101: lambda packet, kind: packet,
    104: lambda packet, kind: b"\x0f\0" + _type(kind) + packet,
    108: lambda packet, kind: _family(packet, kind, ">"),
    113: lambda packet, kind: struct.pack(">HHHQH", 0, 1, 6, 0, kind) + packet,
    129: lambda packet, kind: b"\1\2\0\0" + b"\xd4\0\0\1" + packet,
    166: lambda packet, kind: b"\0" + _ppp(packet, kind),
    204: lambda packet, kind: b"\1\xff\3" + _ppp(packet, kind),
    205: lambda packet, kind: b"\1\x0f\0" + _type(kind) + packet,
    228: lambda packet, kind: packet,
    229: lambda packet, kind: packet,
    239: _nflog,
    276: lambda packet, kind: struct.pack(">HHIHBBQ", kind, 0, 2, 1, 0, 6, 0) + packet,
    284: lambda packet, kind: ethernet(b"", kind)[:12] + b"\xc0\0\0\0" + _type(kind) + packet,
    285: lambda packet, kind: ethernet(b"\0\0\xc0\0\0\0" + _type(kind) + packet, 0xDADA),
}
ONE_FAMILY = {129: 4, 228: 4, 229: 6}
"""The link types that carry one IP version here."""


class Wrapping(NamedTuple):
    """What a capture of the same conversation can look like; with `one_socket`, both ends are the client's."""

    family: int = 4
    link: int = 1
    file: str = "pcap"
    order: captures.ByteOrder = "little"
    nanoseconds: bool = True
    compress: bool = False
    server_below: bool = False
    one_socket: bool = False
    isns: tuple[int, int] = (CLIENT_ISN, SERVER_ISN)
    shift_ns: int = 0

    def __str__(self) -> str:
        changed = [f"{name}={value}" for name, value in self._asdict().items() if value != getattr(PLAIN, name)]
        return ",".join(changed) or "plain"


PLAIN = Wrapping()


def packet(segment: Segment, wrapping: Wrapping) -> bytes:
    """Return the IP packet of a segment, or of the ICMP error."""
    low, high = (A4, B4) if wrapping.family == 4 else (A6, B6)
    ends = (low, low) if wrapping.one_socket else (high, low) if wrapping.server_below else (low, high)
    source, target = ends[segment.sender], ends[1 - segment.sender]
    if segment.icmp is not None:
        assert segment.quoted is not None, "an ICMP error quotes a segment"
        quoted = packet(segment.quoted, wrapping)
        body = struct.pack(">BBHI", *segment.icmp, 0, 0) + quoted
        if wrapping.family == 4:
            return ipv4(body, protocol=1, src=ROUTER4, dst=target, ip_id=segment.number)
        return ipv6(body, following=58, src=ROUTER6, dst=target)
    ports = (segment.port, segment.port if wrapping.one_socket else SERVER_PORT)
    sent = wrapped(segment)
    payload = bytes(number % 251 for number in range(segment.length))
    data = tcp(
        sent.flags, sent.options, payload, source, target, sent.seq, sent.ack, ports[sent.sender],
        ports[1 - sent.sender], sent.window, sent.good,
    )  # fmt: skip
    return (
        ipv4(data, src=source, dst=target, ip_id=sent.number) if wrapping.family == 4 else ipv6(data, 6, source, target)
    )


def frames(ladder: str, wrapping: Wrapping = PLAIN, keep: Callable[[Segment], bool] = lambda _: True) -> list[Any]:
    """Return the frames of a ladder for captures.py; `keep` says which segments the capture point saw."""
    conversation = Ladder(ladder, isns=wrapping.isns)
    kind = 0x0800 if wrapping.family == 4 else 0x86DD
    start = START_NS + wrapping.shift_ns
    link = LINKS[wrapping.link]
    found = []
    for segment in conversation.segments:
        if keep(segment):
            data = link(packet(segment, wrapping), kind)
            found += [(start + segment.time_ns + copy * COPY_NS, data) for copy in range(segment.copies)]
    if conversation.quiet_ns is not None:
        silence = ipv4(udp(b"", 9)) if wrapping.family == 4 else ipv6(udp(b"", 9), 17)
        found.append((start + conversation.quiet_ns, link(silence, kind)))
    return found


def capture_bytes(found: list[Any], wrapping: Wrapping = PLAIN) -> bytes:
    """Return the file that holds these frames."""
    if wrapping.file == "pcap":
        data = captures.pcap_bytes(
            found, order=wrapping.order, nanoseconds=wrapping.nanoseconds, link_type=wrapping.link
        )
    else:
        data = captures.pcapng_bytes(
            found, order=wrapping.order, tsresol=9 if wrapping.nanoseconds else None, link_types=(wrapping.link,)
        )
    return gzip.compress(data, 1) if wrapping.compress else data


def play(
    ladder: str, wrapping: Wrapping = PLAIN, *, keep: Callable[[Segment], bool] = lambda _: True, two_msl: str = "linux"
) -> Report:
    """Return the report on the capture of a ladder."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ladder.pcap")
        path.write_bytes(capture_bytes(frames(ladder, wrapping, keep), wrapping))
        return analyse(str(path), two_msl=two_msl)


def only(ladder: str, wrapping: Wrapping = PLAIN, **choices: Any) -> Connection:
    """Return the one connection of a ladder."""
    report = play(ladder, wrapping, **choices)
    assert len(report.connections) == 1, [connection.first_frame for connection in report.connections]
    return report.connections[0]


def path(end: Endpoint) -> str:
    """Return the states of an endpoint in order, "" for one that showed no sign of life."""
    if not end.transitions:
        return end.state or ""
    assert end.transitions[-1].to == end.state
    for before, after in zip(end.transitions, end.transitions[1:], strict=False):
        assert before.to == after.from_, (before, after)
    return " ".join([end.transitions[0].from_, *(step.to for step in end.transitions)])


def ids(connection: Connection) -> set[str]:
    """Return the ids of the findings."""
    return {finding.id for finding in connection.findings}
