"""The segments of chosen connections: a second pass over the captures that keeps what belongs to these alone.

The tracker is deterministic, so the second pass finds the connections under the numbers that the report gave them.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from handshake_inspect.analyse import in_time_order
from handshake_inspect.capture import Capture, open_capture
from handshake_inspect.capture.source import STDIN
from handshake_inspect.decode import Decoder
from handshake_inspect.errors import CaptureError, UsageError
from handshake_inspect.track.tracker import NOBODYS, Tracker
from handshake_inspect.views import address_text

if TYPE_CHECKING:
    from numpy import uint32
    from numpy.typing import NDArray

TCP = 1
"""Segment.kind of columns.pxd."""


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
    names = [paths] if isinstance(paths, str) else list(paths)
    if STDIN in names:
        raise UsageError("standard input cannot be read twice: save it to a file first")
    import numpy as np

    wanted = np.array(sorted(set(connections)), dtype=np.uint32)
    tracker = Tracker()
    decoder = Decoder()
    index = 0
    for name in in_time_order(names):
        try:
            capture = open_capture(name, index=index)
        except CaptureError:
            if len(names) == 1:
                raise
            continue
        yield from _of_one(capture, decoder, tracker, wanted)
        decoder.reset()
        index += 1


def _of_one(capture: Capture, decoder: Decoder, tracker: Tracker, wanted: NDArray[uint32]) -> Iterator[OneSegment]:
    """Yield the wanted segments of one capture."""
    import numpy as np

    numbers = array("I", [NOBODYS])
    for batch in capture.batches():
        rows = decoder.decode(batch)
        if rows > len(numbers):
            numbers = array("I", [NOBODYS]) * rows
        tracker.track(decoder.segments, rows, numbers)
        found = np.frombuffer(numbers, dtype=np.uint32, count=rows)
        chosen = np.flatnonzero(np.isin(found, wanted))
        if not len(chosen):
            continue
        segments = np.asarray(decoder.segments)
        frames = np.asarray(batch.frames)
        for row in chosen.tolist():
            segment = segments[row]
            place = int(segment["frame"]) & 0xFFFFFFFFFF
            frame = frames[place - batch.first_frame]
            family = int(segment["family"])
            is_icmp = int(segment["kind"]) != TCP
            start = int(frame["start"])
            yield OneSegment(
                connection=int(found[row]),
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
                data=bytes(batch.buffer[start : start + int(frame["captured"])]),
            )
