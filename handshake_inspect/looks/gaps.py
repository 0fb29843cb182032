"""Where a capture lacks segments: the first frame that acknowledges what no frame holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from handshake_inspect.report import FrameOf
from handshake_inspect.rfc9293.seq import seq_distance

if TYPE_CHECKING:
    from handshake_inspect.report import Connection, Frame

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
MODULUS = 1 << 32
EARLY_MAX = 1_000
"""So many segments beyond a hole are remembered; beyond more than these the hole is old."""


class Stream:
    """What one end has sent without a hole, and what lies beyond one."""

    def __init__(self) -> None:
        self.next: int | None = None
        self._early: list[tuple[int, int]] = []

    def send(self, seq: int, after: int) -> None:
        """Take one segment into account: it holds the numbers from `seq` up to `after`."""
        if self.next is None:
            self.next = seq
        if len(self._early) < EARLY_MAX:
            self._early.append((seq, after))
        moved = True
        while moved:
            moved = False
            for place, (start, end) in enumerate(self._early):
                if seq_distance(start, self.next) >= 0:
                    self.next = end if seq_distance(self.next, end) > 0 else self.next
                    del self._early[place]
                    moved = True
                    break

    def lacks(self, ack: int) -> bool:
        """Whether the peer acknowledges what was not captured; if so, it counts as sent from here on."""
        if self.next is None or seq_distance(self.next, ack) <= 0:
            return False
        self.next = ack
        self.send(ack, ack)
        return True


def first_gaps(paths: Sequence[str], connections: Iterable[Connection]) -> dict[int, Frame]:
    """The frame of each connection that first acknowledges what the captures lack, in a second pass over them.

    Raises UsageError for standard input, which cannot be read twice.
    """
    from handshake_inspect.segments import segments_of

    by_id = {connection.id: connection for connection in connections}
    streams = {id: (Stream(), Stream()) for id in by_id}
    found: dict[int, Frame] = {}
    for segment in segments_of(paths, by_id.keys()):
        connection = by_id[segment.connection]
        if segment.is_icmp or segment.flags & RST or segment.connection in found:
            continue
        client = (segment.source, segment.source_port) == (connection.client.address, connection.client.port)
        sender, receiver = streams[segment.connection] if client else streams[segment.connection][::-1]
        taken = segment.length + bool(segment.flags & SYN) + bool(segment.flags & FIN)
        sender.send(segment.seq, (segment.seq + taken) % MODULUS)
        if segment.flags & ACK and receiver.lacks(segment.ack):
            several = isinstance(connection.first_frame, FrameOf)
            found[segment.connection] = (
                FrameOf(capture=segment.capture, frame=segment.frame) if several else segment.frame
            )
    return found
