"""The segments of chosen connections: a second pass over the captures that keeps what belongs to these alone.

The tracker is deterministic, so the second pass finds the connections under the numbers that the report gave them.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from handshake_inspect.analysis import in_time_order
from handshake_inspect.capture import Batch, Capture, open_capture
from handshake_inspect.capture.source import STDIN
from handshake_inspect.decode import Decoder
from handshake_inspect.errors import CaptureError, UsageError
from handshake_inspect.track.tracker import NOBODYS, Tracker
from handshake_inspect.views import address_text

if TYPE_CHECKING:
    from numpy import intp, uint32
    from numpy.typing import NDArray

TCP = 1
"""Segment.kind of columns.pxd."""

FRAME_MASK = (1 << 40) - 1
"""The frame number in Segment.frame; the capture's is above."""


class OneSegment(NamedTuple):
    """One segment (or an ICMP error that quotes one) of one connection, as it was captured.

    `frame` counts from 1 in capture number `capture`; `seq`, `ack`, `window` are as sent; `length` counts payload bytes
    on the wire.  `flags` are the TCP control bits (FIN 1, SYN 2, RST 4, PSH 8, ACK 16, ...), 0 for an ICMP error.
    `data` is the whole frame as it was captured, `wire` its length on the wire and `link_type` what it begins with.
    """

    connection: int
    capture: int
    frame: int
    time_ns: int
    source: str
    source_port: int
    target: str
    target_port: int
    flags: int
    seq: int
    ack: int
    length: int
    window: int
    is_icmp: bool
    link_type: int
    wire: int
    data: bytes


def segments_of(paths: str | Sequence[str], connections: Collection[int]) -> Iterator[OneSegment]:
    """Yield the segments of the connections with these numbers (ids), in the order of the captures.

    Memory is bounded by a batch of frames.  Raises UsageError for standard input, which cannot be read twice; a
    damaged capture ends where the report's did.
    """
    import numpy as np

    for rows in rows_of(paths, connections):
        segments = np.asarray(rows.decoder.segments)
        frames = np.asarray(rows.batch.frames)
        for row in rows.chosen.tolist():
            segment = segments[row]
            place = int(segment["frame"]) & FRAME_MASK
            frame = frames[place - rows.batch.first_frame]
            yield _segment(rows.capture, int(rows.numbers[row]), segment, place, frame, rows.batch.buffer)


class Rows(NamedTuple):
    """One batch: `chosen` are the rows of the decoder's segments that are wanted, `numbers` the connection of each row.

    Valid until the next batch is asked for.
    """

    capture: Capture
    batch: Batch
    decoder: Decoder
    numbers: NDArray[uint32]
    chosen: NDArray[intp]


def rows_of(paths: str | Sequence[str], connections: Collection[int]) -> Iterator[Rows]:
    """Yield the batches that hold segments of the connections with these numbers, in the order of the captures.

    Raises UsageError for standard input, which cannot be read twice.
    """
    names = [paths] if isinstance(paths, str) else list(paths)
    if STDIN in names:
        raise UsageError("standard input cannot be read twice: save it to a file first")
    import numpy as np

    wanted = np.array(sorted(set(connections)), dtype=np.uint32)
    tracker = Tracker()
    decoder = Decoder()
    for capture in opened(names):
        numbers = array("I", [NOBODYS])
        for batch in capture.batches():
            rows = decoder.decode(batch)
            if rows > len(numbers):
                numbers = array("I", [NOBODYS]) * rows
            tracker.track(decoder.segments, rows, numbers)
            found = np.frombuffer(numbers, dtype=np.uint32, count=rows)
            chosen = np.flatnonzero(np.isin(found, wanted))
            if len(chosen):
                yield Rows(capture, batch, decoder, found, chosen)
        decoder.reset()


def opened(names: Sequence[str]) -> Iterator[Capture]:
    """Open captures as the analysis did: in the order of their first frames, numbered, without those that are none."""
    index = 0
    for name in in_time_order(names):
        try:
            capture = open_capture(name, index=index)
        except CaptureError:
            if len(names) == 1:
                raise
            continue
        yield capture
        index += 1


def _segment(capture: Capture, connection: int, segment: Any, place: int, frame: Any, buffer: bytearray) -> OneSegment:
    """Return a row of a Segment column, and of the Frame column that it came from, as a tuple."""
    family = int(segment["family"])
    is_icmp = int(segment["kind"]) != TCP
    start = int(frame["start"])
    return OneSegment(
        connection=connection,
        capture=capture.index,
        frame=place,
        time_ns=int(segment["time_ns"]),
        source=address_text(family, int(segment["src_high"]), int(segment["src_low"])),
        source_port=int(segment["src_port"]),
        target=address_text(family, int(segment["dst_high"]), int(segment["dst_low"])),
        target_port=int(segment["dst_port"]),
        flags=0 if is_icmp else int(segment["flags"]),
        seq=int(segment["seq"]),
        ack=0 if is_icmp else int(segment["ack"]),
        length=0 if is_icmp else int(segment["length"]),
        window=0 if is_icmp else int(segment["window"]),
        is_icmp=is_icmp,
        link_type=int(frame["link_type"]),
        wire=int(frame["wire"]),
        data=bytes(buffer[start : start + int(frame["captured"])]),
    )
