"""A reader of whole pcap and pcapng files, as small as the corpus test needs; the real ones are in capture/."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from frames_by_hand import FRAME, Batch
from handshake_inspect.columns import frame_column

SHARED = Path(os.environ.get("HANDSHAKE_INSPECT_SHARED", Path(__file__).parents[2] / "shared"))
CORPUS = SHARED / "corpus"
FRAMES_A_BATCH = 8_000

Record = tuple[int, int, int, int, int]  # time_ns, start, captured, wire, link type


def _pcap(data: bytes) -> Iterator[Record]:
    order = "<" if data[:1] in (b"\xd4", b"\x4d", b"\x34") else ">"
    magic, _, _, _, _, _, link = struct.unpack_from(order + "IHHiIII", data)
    unit, header = (1 if magic == 0xA1B23C4D else 1000), 24 if magic == 0xA1B2CD34 else 16
    at = 24
    while at + header <= len(data):
        seconds, fraction, captured, wire = struct.unpack_from(order + "IIII", data, at)
        at += header
        if captured > 1 << 18 or at + captured > len(data):
            return
        yield seconds * 10**9 + fraction * unit, at, captured, wire, link & 0xFFFF
        at += captured


def _pcapng(data: bytes) -> Iterator[Record]:
    at, order = 0, "<"
    links: list[tuple[int, int]] = []
    while at + 12 <= len(data):
        if data[at : at + 4] == b"\n\r\r\n":
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        kind, size = struct.unpack_from(order + "II", data, at)
        if size < 12 or at + size > len(data):
            return
        if kind == 1:
            link, _, snap = struct.unpack_from(order + "HHI", data, at + 8)
            links.append((link, snap))
        elif kind in (2, 6):
            interface, high, low, captured, wire = struct.unpack_from(order + "IIIII", data, at + 8)
            interface = interface >> 16 if kind == 2 and order == ">" else interface & 0xFFFF
            if interface >= len(links) or captured > size - 32:
                return
            yield (high << 32 | low) % (1 << 62), at + 28, captured, wire, links[interface][0]
        elif kind == 3 and links:
            (wire,) = struct.unpack_from(order + "I", data, at + 8)
            captured = min(wire, size - 16, links[0][1] or wire)
            yield 0, at + 12, captured, wire, links[0][0]
        at += size


def batches(path: Path) -> Iterator[Batch]:
    """Yield the frames of a capture, up to the first that is not whole."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    records = list(_pcapng(data) if data[:4] == b"\n\r\r\n" else _pcap(data))
    for first in range(0, len(records), FRAMES_A_BATCH):
        some = records[first : first + FRAMES_A_BATCH]
        packed = b"".join(
            FRAME.pack(time, start, start, captured, wire, link, 0) for time, start, captured, wire, link in some
        )
        column = frame_column(len(some))
        memoryview(column).cast("B")[:] = packed
        yield Batch(data, column, len(some), first + 1)
