"""Mirrored copies: which frame repeats which, byte for byte, because the capture holds it twice."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from handshake_inspect.report import Frame, Role
    from handshake_inspect.segments import OneSegment

WITHIN_NS = 10_000_000
"""A copy follows its original within 10 ms."""
IPV4_HEADER, IPV4_ID, TCP_DATA_OFFSET = 20, 4, 12


class Seen(NamedTuple):
    """A segment that was seen a moment ago."""

    time_ns: int
    frame: Frame
    bytes: bytes


class Copies:
    """Finds the original of a mirrored copy, on the sides (`roles`) where the report has counted any."""

    def __init__(self, roles: Iterable[Role]) -> None:
        self.seen: dict[Role, deque[Seen]] = {role: deque() for role in roles}

    def original(self, segment: OneSegment, frame: Frame, sender: Role) -> Frame | None:
        """The frame that this segment is a copy of, None for an original."""
        seen = self.seen.get(sender)
        if seen is None:
            return None
        while seen and segment.time_ns - seen[0].time_ns > WITHIN_NS:
            seen.popleft()
        fingerprint = identity(segment)
        for one in seen:
            if one.bytes == fingerprint:
                return one.frame
        seen.append(Seen(segment.time_ns, frame, fingerprint))
        return None


def identity(segment: OneSegment) -> bytes:
    """The TCP header with its checksum and options; on IPv4 with the identification before it."""
    ports_and_numbers = segment.data.find(
        struct.pack(">HHI", segment.source_port, segment.target_port, segment.seq)
    )  # fmt: skip
    if ports_and_numbers < 0:
        return struct.pack(">IIHI", segment.seq, segment.ack, segment.flags, segment.length)
    header = segment.data[ports_and_numbers:]
    if len(header) > TCP_DATA_OFFSET:
        header = header[: (header[TCP_DATA_OFFSET] >> 4) * 4]
    if ":" in segment.source:
        return header
    ip = ports_and_numbers - IPV4_HEADER
    return header + segment.data[ip + IPV4_ID : ip + IPV4_ID + 2] if ip >= 0 else header
