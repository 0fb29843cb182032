"""Frames made by code, and batches of them: what the decode tests stand on."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from handshake_inspect.columns import COUNTER_NAMES, frame_column
from handshake_inspect.decode import Decoder

NAMES = (
    "time_ns", "frame", "src_high", "src_low", "dst_high", "dst_low", "seq", "ack", "length", "ts_value", "ts_echo",
    "ip_id", "src_port", "dst_port", "flags", "window", "checksum", "mss", "kind", "family", "window_scale", "options",
    "fast_open", "marks", "icmp_type", "icmp_code", "reporter_high", "reporter_low",
)  # fmt: skip
SEGMENT = struct.Struct("qQQQQQIIIIIIHHHHHHBBBBBBBB4xQQ")
FRAME = struct.Struct("qQIIIHH")


@dataclass
class Batch:
    """Stands in for the batches of the capture room."""

    buffer: bytes
    frames: Any
    count: int
    first_frame: int = 1
    capture: int = 0


def batch(
    frames: list[bytes], link_type: int = 1, wire: list[int] | None = None, time_ns: list[int] | None = None
) -> Batch:
    """Return a batch of whole frames, or of frames that were `wire` bytes long before they were cut."""
    rows = bytearray()
    at = 0
    for number, frame in enumerate(frames):
        time = time_ns[number] if time_ns else number
        rows += FRAME.pack(time, at, at, len(frame), wire[number] if wire else len(frame), link_type, 0)
        at += len(frame)
    column = frame_column(max(len(frames), 1))
    memoryview(column).cast("B")[: len(rows)] = bytes(rows)
    return Batch(b"".join(frames), column, len(frames))


def rows_of(decoder: Decoder, count: int) -> list[dict[str, int]]:
    """Return the first `count` segments as dictionaries."""
    data = memoryview(decoder.segments).cast("B")
    return [
        dict(zip(NAMES, SEGMENT.unpack_from(data, row * SEGMENT.size), strict=True)) for row in range(count)
    ]  # fmt: skip


def decode(*frames: bytes, link_type: int = 1, wire: int | None = None) -> tuple[list[dict[str, int]], dict[str, int]]:
    """Decode frames with a fresh decoder; return the rows, and the counters that are not 0."""
    decoder = Decoder()
    count = decoder.decode(batch(list(frames), link_type, [wire] * len(frames) if wire else None))
    seen = {name: value for name, value in zip(COUNTER_NAMES, decoder.counters, strict=True) if value}
    return rows_of(decoder, count), seen


def checksum(data: bytes) -> int:
    """Return the internet checksum (RFC 1071) of `data`."""
    total = sum(struct.unpack(f">{len(data) // 2 + len(data) % 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


A4, B4 = bytes((192, 0, 2, 1)), bytes((198, 51, 100, 2))
A6, B6 = bytes.fromhex("20010db8" + "00" * 11 + "01"), bytes.fromhex("20010db8" + "00" * 11 + "02")
SYN, ACK, FIN, RST, PSH = 2, 16, 1, 4, 8


def tcp(
    flags: int = SYN, options: bytes = b"", payload: bytes = b"", src: bytes = A4, dst: bytes = B4,
    seq: int = 0xFFFFFFF0, ack: int = 0, sport: int = 49152, dport: int = 443, window: int = 64240, good: bool = True,
) -> bytes:  # fmt: skip
    """Return a TCP segment between `src` and `dst` with a right checksum, unless `good` is False."""
    options += b"\0" * (-len(options) % 4)
    head = struct.pack(">HHIIHHHH", sport, dport, seq, ack, (20 + len(options)) // 4 << 12 | flags, window, 0, 0)
    length = 20 + len(options) + len(payload)
    pseudo = (
        src + dst + (struct.pack(">BBH", 0, 6, length & 0xFFFF) if len(src) == 4 else struct.pack(">II", length, 6))
    )
    value = checksum(pseudo + head + options + payload) ^ (0 if good else 0x5555)
    return head[:16] + struct.pack(">HH", value, 0) + options + payload


def ipv4(
    payload: bytes, protocol: int = 6, src: bytes = A4, dst: bytes = B4, options: bytes = b"", total: int | None = None,
    fragment: int = 0, ip_id: int = 7,
) -> bytes:  # fmt: skip
    """Return an IPv4 packet; `fragment` is the 16-bit word of flags and offset."""
    size = 20 + len(options)
    total = size + len(payload) if total is None else total
    head = struct.pack(">BBHHHBBH", 64 | size // 4, 0, total, ip_id, fragment, 64, protocol, 0) + src + dst + options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ipv6(payload: bytes, following: int = 6, src: bytes = A6, dst: bytes = B6, length: int | None = None) -> bytes:
    """Return an IPv6 packet."""
    return (
        struct.pack(">IHBB", 6 << 28, len(payload) if length is None else length, following, 64) + src + dst + payload
    )


def udp(payload: bytes, dport: int, sport: int = 40000) -> bytes:
    """Return a UDP datagram without a checksum."""
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def ethernet(payload: bytes, kind: int = 0x0800) -> bytes:
    """Return an Ethernet frame."""
    return bytes.fromhex("020000000002020000000001") + struct.pack(">H", kind) + payload


def tcp6(**settings: Any) -> bytes:
    """Return a TCP segment between the IPv6 addresses."""
    return tcp(src=A6, dst=B6, **settings)
