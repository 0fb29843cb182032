"""Writes captures for tests: pcap and pcapng in any byte order, resolution and link type.

A frame is a tuple `(time_ns, data)`, `(time_ns, data, wire)` or, in pcapng,
`(time_ns, data, wire, interface)`; `wire` is the length on the wire in bytes and is
`len(data)` when left out or None.  `write_pcap` and `write_pcapng` write a file;
`pcap_bytes` and `pcapng_bytes` return what it would hold; the functions below them
make single records and blocks, for files that no ordinary writer would write.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

ByteOrder = Literal["little", "big"]
Frame = tuple[Any, ...]

ETHERNET = 1
"""LINKTYPE_ETHERNET."""

MICROSECONDS, NANOSECONDS = 0xA1B2C3D4, 0xA1B23C4D
"""The magic numbers of pcap."""

MAGIC = {MICROSECONDS: 1_000, NANOSECONDS: 1}
"""The nanoseconds in one unit of a pcap record's time fraction."""


def mark(order: ByteOrder) -> str:
    """Return the byte order as `struct` writes it."""
    return "<" if order == "little" else ">"


def write_pcap(path: str | Path, frames: Iterable[Frame], **choices: Any) -> Path:
    """Write `frames` to `path` as `pcap_bytes` does with the same keywords, and return the path."""
    path = Path(path)
    path.write_bytes(pcap_bytes(frames, **choices))
    return path


def write_pcapng(path: str | Path, frames: Iterable[Frame], **choices: Any) -> Path:
    """Write `frames` to `path` as `pcapng_bytes` does with the same keywords, and return the path."""
    path = Path(path)
    path.write_bytes(pcapng_bytes(frames, **choices))
    return path


def pcap_bytes(
    frames: Iterable[Frame],
    *,
    order: ByteOrder = "little",
    nanoseconds: bool = True,
    link_type: int = ETHERNET,
    snaplen: int = 262144,
    version: tuple[int, int] = (2, 4),
    magic: int | None = None,
) -> bytes:
    """Return a pcap file.  `magic` overrides the number that `nanoseconds` chooses."""
    unit = 1 if nanoseconds else 1_000
    parts = [pcap_header(order, magic or (NANOSECONDS if nanoseconds else MICROSECONDS), link_type, snaplen, version)]
    for time_ns, data, *rest in frames:
        parts.append(pcap_record(order, time_ns, data, rest[0] if rest else None, unit=unit))
    return b"".join(parts)


def pcap_header(
    order: ByteOrder = "little",
    magic: int = NANOSECONDS,
    link_type: int = ETHERNET,
    snaplen: int = 262144,
    version: tuple[int, int] = (2, 4),
) -> bytes:
    """Return the 24 bytes that begin a pcap file."""
    return struct.pack(mark(order) + "IHHiIII", magic, *version, 0, 0, snaplen, link_type)


def pcap_record(
    order: ByteOrder, time_ns: int, data: bytes, wire: int | None = None, *, unit: int = 1, extra: bytes = b""
) -> bytes:
    """Return one pcap record; `unit` is nanoseconds, `extra` ends the header of a modified pcap."""
    seconds, fraction = divmod(time_ns, 1_000_000_000)
    wire = len(data) if wire is None else wire
    return struct.pack(mark(order) + "IIII", seconds, fraction // unit, len(data), wire) + extra + data


def pcapng_bytes(
    frames: Iterable[Frame],
    *,
    order: ByteOrder = "little",
    tsresol: int | None = 9,
    tsoffset: int | None = None,
    link_types: Sequence[int] = (ETHERNET,),
    snaplen: int = 0,
) -> bytes:
    """Return a pcapng file of one section, with one interface for each of `link_types`.

    `tsresol` is the byte of the option (9 is nanoseconds, 0x80 | n is 2**-n seconds); None leaves
    the option out, which means microseconds.  `tsoffset` is seconds.
    """
    parts = [section(order)]
    parts += [interface(order, number, snaplen, tsresol, tsoffset) for number in link_types]
    for time_ns, data, *rest in frames:
        wire, number = (*rest, None, None)[:2]
        stamp = ticks(time_ns, tsresol, tsoffset)
        parts.append(packet(order, stamp, data, wire, number or 0))
    return b"".join(parts)


def ticks(time_ns: int, tsresol: int | None = 9, tsoffset: int | None = None) -> int:
    """Return `time_ns` in an interface's unit, rounded down."""
    tsresol = 6 if tsresol is None else tsresol
    per_second = 2 ** (tsresol & 0x7F) if tsresol & 0x80 else 10**tsresol
    return (time_ns - (tsoffset or 0) * 1_000_000_000) * per_second // 1_000_000_000


def block(order: ByteOrder, kind: int, body: bytes) -> bytes:
    """Return a pcapng block, its body padded to 32 bits."""
    body += bytes(-len(body) % 4)
    length = struct.pack(mark(order) + "I", len(body) + 12)
    return struct.pack(mark(order) + "I", kind) + length + body + length


def option(order: ByteOrder, code: int, value: bytes) -> bytes:
    """Return a pcapng option, padded to 32 bits; code 0 ends a list of options."""
    return struct.pack(mark(order) + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: ByteOrder = "little", options: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    """Return a Section Header Block."""
    return block(order, 0x0A0D0D0A, struct.pack(mark(order) + "IHHq", 0x1A2B3C4D, *version, -1) + options)


def interface(
    order: ByteOrder = "little",
    link_type: int = ETHERNET,
    snaplen: int = 0,
    tsresol: int | None = 9,
    tsoffset: int | None = None,
) -> bytes:
    """Return an Interface Description Block."""
    options = b""
    if tsresol is not None:
        options += option(order, 9, bytes([tsresol]))
    if tsoffset is not None:
        options += option(order, 14, struct.pack(mark(order) + "q", tsoffset))
    if options:
        options += option(order, 0, b"")
    return block(order, 1, struct.pack(mark(order) + "HHI", link_type, 0, snaplen) + options)


def packet(
    order: ByteOrder, stamp: int, data: bytes, wire: int | None = None, number: int = 0, options: bytes = b""
) -> bytes:
    """Return an Enhanced Packet Block; `stamp` is in the unit of interface `number`."""
    wire = len(data) if wire is None else wire
    stamp &= 2**64 - 1
    head = struct.pack(mark(order) + "IIIII", number, stamp >> 32, stamp & 0xFFFFFFFF, len(data), wire)
    return block(order, 6, head + data + bytes(-len(data) % 4) + options)


def simple_packet(order: ByteOrder, data: bytes, wire: int | None = None) -> bytes:
    """Return a Simple Packet Block, which has no time and belongs to interface 0."""
    return block(order, 3, struct.pack(mark(order) + "I", len(data) if wire is None else wire) + data)


def obsolete_packet(order: ByteOrder, stamp: int, data: bytes, wire: int | None = None, number: int = 0) -> bytes:
    """Return a Packet Block, which the Enhanced Packet Block replaced."""
    wire = len(data) if wire is None else wire
    head = struct.pack(mark(order) + "HHIIII", number, 0, stamp >> 32, stamp & 0xFFFFFFFF, len(data), wire)
    return block(order, 2, head + data)
