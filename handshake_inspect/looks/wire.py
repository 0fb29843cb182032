"""What a second pass over the captures adds to the report: how far each end has sent and acknowledged, and RSTs.

The report keeps the segments that move a state.  Bytes in flight at an instant, repeated SYN-ACKs and FINs with
their times, and a RST's own headers (the TTL, what it answers) are read from the segments themselves.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handshake_inspect.report import FrameOf
from handshake_inspect.rfc9293.seq import seq_distance

if TYPE_CHECKING:
    from handshake_inspect.report import Connection, Frame
    from handshake_inspect.segments import OneSegment

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
MODULUS = 1 << 32


@dataclass
class Direction:
    """What one end had sent at the instant that was asked for, and when it sent what may be sent again."""

    first_seq: int | None = None
    next_seq: int | None = None
    acked: int | None = None
    syn_acks_ns: list[int] = field(default_factory=list)
    fins_ns: list[int] = field(default_factory=list)
    ttls: Counter[int] = field(default_factory=Counter)

    def send(self, segment: OneSegment) -> None:
        """Move SND.NXT to the end of the segment; a SYN and a FIN take one number each."""
        taken = segment.length + bool(segment.flags & SYN) + bool(segment.flags & FIN)
        after = (segment.seq + taken) % MODULUS
        if self.next_seq is None or seq_distance(self.next_seq, after) > 0:
            self.next_seq = after
        if self.first_seq is None:
            self.first_seq = segment.seq

    def acknowledge(self, ack: int) -> None:
        """The peer has acknowledged everything before `ack`."""
        if self.acked is None or seq_distance(self.acked, ack) > 0:
            self.acked = ack


@dataclass(frozen=True)
class Reset:
    """One RST as it was captured; `answers` is the peer's segment whose ACK number it carries as its own SEQ."""

    frame: Frame
    time_ns: int
    by_client: bool
    has_ack: bool
    ttl: int | None
    answers: Frame | None
    answers_data: int
    answers_fin: bool


@dataclass
class Wire:
    """One connection's segments in short: client and server, and the RSTs in the order of the capture."""

    client: Direction = field(default_factory=Direction)
    server: Direction = field(default_factory=Direction)
    resets: list[Reset] = field(default_factory=list)

    def unacknowledged(self, role: str) -> int | None:
        """Return the sequence numbers that this end had sent and its peer had not acknowledged; None if unknown."""
        sender = self.client if role == "client" else self.server
        start = sender.acked if sender.acked is not None else sender.first_seq
        if start is None or sender.next_seq is None:
            return None
        return max(int(seq_distance(start, sender.next_seq)), 0)


def digests(
    segments: Iterable[OneSegment], connections: Mapping[int, Connection], *, until_ns: int | None, several: bool
) -> dict[int, Wire]:
    """Return the digest of each connection by its id.

    `until_ns` is the instant up to which sending and acknowledging count; the times of SYN-ACKs and FINs are all
    kept, so that a reader can say when the next copy came.  Memory is a few hundred bytes a connection.
    """
    found = {id: Wire() for id in connections}
    last: dict[tuple[int, bool], OneSegment] = {}
    for segment in segments:
        if segment.is_icmp:
            continue
        connection = connections[segment.connection]
        wire = found[segment.connection]
        client = connection.client
        is_client = (segment.source, segment.source_port) == (client.address, client.port)
        sender, receiver = (wire.client, wire.server) if is_client else (wire.server, wire.client)
        if segment.flags & RST:
            wire.resets.append(_reset(segment, last.get((segment.connection, not is_client)), is_client, several))
            continue
        _repeatable(sender, segment)
        ttl = ttl_of(segment)
        if ttl is not None:
            sender.ttls[ttl] += 1
        last[segment.connection, is_client] = segment
        if until_ns is not None and segment.time_ns > until_ns:
            continue
        sender.send(segment)
        if segment.flags & ACK:
            receiver.acknowledge(segment.ack)
    return found


def _repeatable(sender: Direction, segment: OneSegment) -> None:
    """Keep the times of what is sent again until it is acknowledged."""
    if segment.flags & FIN:
        sender.fins_ns.append(segment.time_ns)
    elif segment.flags & (SYN | ACK) == SYN | ACK:
        sender.syn_acks_ns.append(segment.time_ns)


def _reset(segment: OneSegment, before: OneSegment | None, by_client: bool, several: bool) -> Reset:
    """A RST without ACK takes its SEQ from the segment that it answers (RFC 9293 section 3.10.7.1)."""
    answered = before if before is not None and not segment.flags & ACK and before.ack == segment.seq else None
    return Reset(
        frame=_frame(segment, several),
        time_ns=segment.time_ns,
        by_client=by_client,
        has_ack=bool(segment.flags & ACK),
        ttl=ttl_of(segment),
        answers=None if answered is None else _frame(answered, several),
        answers_data=0 if answered is None else answered.length,
        answers_fin=answered is not None and bool(answered.flags & FIN),
    )


def _frame(segment: OneSegment, several: bool) -> Frame:
    return FrameOf(capture=segment.capture, frame=segment.frame) if several else segment.frame


def ttl_of(segment: OneSegment) -> int | None:
    """Return the TTL or hop limit of the IP header that holds the segment's addresses; None where none is found.

    The header is found by its addresses, whatever lies before it: a link header, tags, a tunnel.
    """
    source, target = ipaddress.ip_address(segment.source), ipaddress.ip_address(segment.target)
    place = segment.data.find(source.packed + target.packed)
    version, before, ttl = (4, 12, 8) if source.version == 4 else (6, 8, 7)
    start = place - before
    if place < 0 or start < 0 or segment.data[start] >> 4 != version:
        return None
    return segment.data[start + ttl]


def read(paths: Sequence[str], connections: Collection[Connection], *, until_ns: int | None = None) -> dict[int, Wire]:
    """Read the captures a second time and digest the segments of these connections.  Raises UsageError for `-`."""
    from handshake_inspect.segments import segments_of

    by_id = {connection.id: connection for connection in connections}
    if not by_id:
        return {}
    several = any(isinstance(connection.first_frame, FrameOf) for connection in by_id.values())
    return digests(segments_of(paths, by_id.keys()), by_id, until_ns=until_ns, several=several)
