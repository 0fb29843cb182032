"""Captures that differ in one segment: a number changed, a segment taken out, a RST put in.

A capture is read with `segments_of` and written with the project's own writer; checksums are put right again, so that
the number or the flag is all that is wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from handshake_inspect import analyse
from handshake_inspect.capture.write import PcapWriter, WholeFrame
from handshake_inspect.segments import OneSegment, segments_of

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MODULUS = 1 << 32
MICROSECOND_NS = 1_000


def segments(path: Path) -> list[OneSegment]:
    """Every frame of a capture that holds nothing but TCP."""
    report = analyse(str(path))
    found = list(segments_of(str(path), range(len(report.connections))))
    assert [segment.frame for segment in found] == list(range(1, report.captures[0].frames + 1))
    return found


def write(path: Path, frames: Sequence[OneSegment]) -> Path:
    """Write frames as a capture, numbered from 1."""
    with path.open("wb") as out:
        writer = PcapWriter(out, [str(path)])
        for number, frame in enumerate(frames, 1):
            writer.frame(WholeFrame(0, number, frame.time_ns, frame.link_type, len(frame.data), frame.data))
        writer.finish()
    return path


def tcp_at(segment: OneSegment) -> int:
    """Where the TCP header begins in the frame."""
    head = struct.pack(">HHII", segment.source_port, segment.target_port, segment.seq, segment.ack)
    place = segment.data.rfind(head)
    assert place > 0 and segment.data.count(head) == 1
    return place


def after(segment: OneSegment) -> int:
    """The number after the segment's last: a SYN and a FIN take one each."""
    return (segment.seq + segment.length + bool(segment.flags & SYN) + bool(segment.flags & FIN)) % MODULUS


def summed(data: bytes) -> int:
    """The Internet checksum's sum (RFC 1071), not complemented."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data[: len(data) // 2 * 2]))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def patched(segment: OneSegment, offset: int, new: bytes) -> OneSegment:
    """The segment with other bytes in its TCP header, at an even offset, and its checksum right (RFC 1624)."""
    place = tcp_at(segment)
    old = segment.data[place + offset : place + offset + len(new)]
    (checksum,) = struct.unpack_from(">H", segment.data, place + 16)
    changed = summed(struct.pack(">HH", ~checksum & 0xFFFF, ~summed(old) & 0xFFFF) + new)
    data = bytearray(segment.data)
    data[place + offset : place + offset + len(new)] = new
    struct.pack_into(">H", data, place + 16, ~changed & 0xFFFF)
    seq, ack = struct.unpack_from(">II", data, place + 4)
    return segment._replace(data=bytes(data), seq=seq, ack=ack)


def with_ack(segment: OneSegment, ack: int) -> OneSegment:
    """The segment with another acknowledgment number."""
    return patched(segment, 8, struct.pack(">I", ack % MODULUS))


def reset(last: OneSegment) -> OneSegment:
    """A RST of the same sender, at its next number, right after its segment: headers alone."""
    place = tcp_at(last)
    words = last.data[place + 12] >> 4
    bare = last._replace(data=last.data[: place + words * 4] + b"", length=0)
    cut = len(last.data) - len(bare.data)
    seq = struct.pack(">I", after(last))
    flags = bytes([last.data[place + 12], RST | (last.flags & ACK)])
    return _shorter(patched(patched(_without_payload(bare, last), 4, seq), 12, flags), cut)._replace(
        time_ns=last.time_ns + MICROSECOND_NS
    )


def _without_payload(bare: OneSegment, last: OneSegment) -> OneSegment:
    """Take the payload out of the TCP checksum, and out of the length that its pseudo-header holds."""
    place = tcp_at(last)
    payload = last.data[len(bare.data) :]
    padded = payload + bytes(len(payload) % 2)
    (checksum,) = struct.unpack_from(">H", bare.data, place + 16)
    total = summed(struct.pack(">HHH", ~checksum & 0xFFFF, ~summed(padded) & 0xFFFF, ~len(payload) & 0xFFFF))
    data = bytearray(bare.data)
    struct.pack_into(">H", data, place + 16, ~total & 0xFFFF)
    return bare._replace(data=bytes(data))


def _shorter(segment: OneSegment, cut: int) -> OneSegment:
    """The lengths in the IP header, after an Ethernet header, for a payload that is so much shorter."""
    data = bytearray(segment.data)
    (kind,) = struct.unpack_from(">H", data, 12)
    if kind == 0x0800:
        (length,) = struct.unpack_from(">H", data, 16)
        struct.pack_into(">H", data, 16, length - cut)
        struct.pack_into(">H", data, 24, 0)
        struct.pack_into(">H", data, 24, ~summed(bytes(data[14:34])) & 0xFFFF)
    else:
        assert kind == 0x86DD
        (length,) = struct.unpack_from(">H", data, 18)
        struct.pack_into(">H", data, 18, length - cut)
    return segment._replace(data=bytes(data))
