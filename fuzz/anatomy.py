"""A capture taken apart into what a mutation can change, and put together again, true or lying.

`parse` never fails: what it does not understand stays bytes, in `head` or `tail`.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

UNPACKED_MOST = 1 << 20
"""Bytes that a compressed capture may have once decompressed: a mutation works on small ones."""

PCAP_UNITS = {0xA1B2C3D4: 1_000, 0xA1B23C4D: 1, 0xA1B2CD34: 1_000, 0x1C0001AC: 1_000, 0x1C0001AB: 1_000}
SECTION, INTERFACE, OLD_PACKET, SIMPLE, PACKET = 0x0A0D0D0A, 1, 2, 3, 6


@dataclass
class Record:
    """One frame, or (with `kind`) one block of pcapng that is none: then `data` is its body.

    `captured`, `wire` and `length` are what the record says of itself where that is not the truth.
    """

    data: bytes
    ticks: int = 0
    interface: int = 0
    options: bytes = b""
    kind: int = PACKET
    captured: int | None = None
    wire: int | None = None
    length: int | None = None
    trailer: int | None = None

    @property
    def is_frame(self) -> bool:
        return self.kind == PACKET


@dataclass
class Anatomy:
    """`form` is pcap or pcapng, or raw for anything else; `head` is what comes before the first record.

    `mark` is the byte order as struct writes it; `packing` the name of a compression, outermost.
    """

    form: str
    mark: str = "<"
    head: bytes = b""
    records: list[Record] = field(default_factory=list)
    tail: bytes = b""
    unit_ns: int = 1_000
    packing: str | None = None

    @property
    def frames(self) -> list[Record]:
        return [record for record in self.records if record.is_frame]

    @property
    def link_type(self) -> int:
        """The link type of the first interface; 1 where there is none."""
        if self.form == "pcap" and len(self.head) >= 24:
            return int(struct.unpack_from(self.mark + "I", self.head, 20)[0]) & 0xFFFF
        for record in self.records:
            if record.kind == INTERFACE and len(record.data) >= 2:
                return int(struct.unpack_from(self.mark + "H", record.data)[0])
        return 1

    def set_link_type(self, number: int) -> None:
        """Change the link type of every interface."""
        if self.form == "pcap":
            self.head = self.head[:20] + struct.pack(self.mark + "I", number) + self.head[24:]
        for record in self.records:
            if record.kind == INTERFACE and len(record.data) >= 2:
                record.data = struct.pack(self.mark + "H", number) + record.data[2:]


class Packing(NamedTuple):
    """A compression: its first bytes, and how to go in and out."""

    magic: bytes
    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes], bytes]


def _gunzip(data: bytes) -> bytes:
    with gzip.open(io.BytesIO(data)) as file:
        return file.read(UNPACKED_MOST)


def _zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=1).compress(data)


def _unzstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdDecompressor().stream_reader(data).read(UNPACKED_MOST)


def _lz4(data: bytes) -> bytes:
    import lz4.frame

    packed: bytes = lz4.frame.compress(data)
    return packed


def _unlz4(data: bytes) -> bytes:
    import lz4.frame

    plain: bytes = lz4.frame.LZ4FrameDecompressor().decompress(data, UNPACKED_MOST)
    return plain


PACKINGS = {
    "gzip": Packing(b"\x1f\x8b", lambda data: gzip.compress(data, 6, mtime=0), _gunzip),
    "bzip2": Packing(b"BZh", bz2.compress, lambda data: bz2.BZ2Decompressor().decompress(data, UNPACKED_MOST)),
    "xz": Packing(
        b"\xfd7zXZ\0", lambda data: lzma.compress(data, preset=0),
        lambda data: lzma.LZMADecompressor(memlimit=1 << 26).decompress(data, UNPACKED_MOST),
    ),
    "zstd": Packing(b"\x28\xb5\x2f\xfd", _zstd, _unzstd),
    "lz4": Packing(b"\x04\x22\x4d\x18", _lz4, _unlz4),
}  # fmt: skip


def parse(data: bytes) -> Anatomy:
    """Take a capture apart."""
    packing = next((name for name, row in PACKINGS.items() if data.startswith(row.magic)), None)
    if packing:
        try:
            data = PACKINGS[packing].unpack(data)
        except Exception:
            return Anatomy("raw", tail=data)
    if data.startswith(b"\x0a\x0d\x0d\x0a"):
        found = _parse_pcapng(data)
    else:
        found = _parse_pcap(data)
    found.packing = packing
    return found


def _parse_pcap(data: bytes) -> Anatomy:
    for mark in "<>":
        if len(data) >= 24 and struct.unpack_from(mark + "I", data)[0] in PCAP_UNITS:
            magic = struct.unpack_from(mark + "I", data)[0]
            found = Anatomy("pcap", mark, data[:24], unit_ns=PCAP_UNITS[magic])
            break
    else:
        return Anatomy("raw", tail=data)
    at, per_second = 24, 10**9 // found.unit_ns
    while len(data) - at >= 16:
        seconds, fraction, captured, wire = struct.unpack_from(mark + "IIII", data, at)
        if captured > len(data) - at - 16:
            break
        frame = data[at + 16 : at + 16 + captured]
        found.records.append(Record(frame, seconds * per_second + fraction, wire=wire))
        at += 16 + captured
    found.tail = data[at:]
    return found


def _parse_pcapng(data: bytes) -> Anatomy:
    mark = ">" if data[8:12] == b"\x1a\x2b\x3c\x4d" else "<"
    found = Anatomy("pcapng", mark)
    at = 0
    while len(data) - at >= 12:
        kind, length = struct.unpack_from(mark + "II", data, at)
        if length < 12 or length % 4 or length > len(data) - at:
            break
        body = data[at + 8 : at + length - 4]
        if kind == PACKET and len(body) >= 20:
            interface, high, low, captured, wire = struct.unpack_from(mark + "IIIII", body)
            end = 20 + captured + -captured % 4
            frame, options = body[20 : 20 + captured], body[end:]
            record = Record(frame, high << 32 | low, interface, options, wire=wire)
        else:
            record = Record(body, kind=kind)
        found.records.append(record)
        at += length
    found.tail = data[at:]
    return found


def compose(anatomy: Anatomy) -> bytes:
    """Put a capture together."""
    write = {"pcap": _pcap_record, "pcapng": _block}.get(anatomy.form)
    body = b"".join(write(record, anatomy) for record in anatomy.records) if write else b""
    data = anatomy.head + body + anatomy.tail
    return PACKINGS[anatomy.packing].pack(data) if anatomy.packing else data


def _pcap_record(record: Record, anatomy: Anatomy) -> bytes:
    seconds, fraction = divmod(record.ticks, 10**9 // anatomy.unit_ns)
    size = len(record.data)
    captured = size if record.captured is None else record.captured
    wire = size if record.wire is None else record.wire
    words = (seconds, fraction, captured, wire)
    return struct.pack(anatomy.mark + "IIII", *(word & 0xFFFFFFFF for word in words)) + record.data


def _block(record: Record, anatomy: Anatomy) -> bytes:
    mark, body = anatomy.mark, record.data
    if record.is_frame:
        size = len(body)
        captured = size if record.captured is None else record.captured
        wire = size if record.wire is None else record.wire
        words = (record.interface, record.ticks >> 32, record.ticks, captured, wire)
        body = struct.pack(mark + "IIIII", *(word & 0xFFFFFFFF for word in words)) + padded(body) + record.options
    body = padded(body)
    length = (len(body) + 12 if record.length is None else record.length) & 0xFFFFFFFF
    trailer = (length if record.trailer is None else record.trailer) & 0xFFFFFFFF
    return struct.pack(mark + "II", record.kind, length) + body + struct.pack(mark + "I", trailer)


def padded(data: bytes) -> bytes:
    """The bytes, filled up with zeros to a multiple of four."""
    return data + bytes(-len(data) % 4)
