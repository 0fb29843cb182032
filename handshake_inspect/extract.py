"""The original frames of chosen connections, in the order of the captures, for a capture of their own.

Two passes over the captures: the first learns which frames carry the connections' segments, the second gives these
frames out, and with a segment that came in IP fragments every fragment of it.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from handshake_inspect.capture import Batch
from handshake_inspect.capture.write import WRITERS, WholeFrame, format_of
from handshake_inspect.decode.outer import fragment_key
from handshake_inspect.segments import FRAME_MASK, opened, rows_of

if TYPE_CHECKING:
    from numpy import uint64
    from numpy.typing import NDArray

    from handshake_inspect.report import Connection, Frame

__all__ = ["WRITERS", "WholeFrame", "format_of", "frames_of", "lifecycle_frames", "write_frames"]

CAPTURE_SHIFT = 40
FRAGMENTS_APART_NS_MOST = 60_000_000_000
"""Fragments of one datagram are no further apart: after that its identification may be another's."""


def lifecycle_frames(connections: Iterable[Connection]) -> set[int]:
    """Return the frames that change or prove a state, as capture << 40 | frame.

    These are the frames of the openings and closings, of every transition and of what confirms it, of the
    acknowledgment checks, of TIME_WAIT, and the ICMP error that answered a SYN.
    """
    found: set[int] = set()
    for connection in connections:
        frames: list[Frame | None] = [*connection.opening.frames, *connection.closing.frames]
        for end in (connection.client, connection.server):
            for step in end.transitions:
                frames += (step.frame, step.earliest_frame, step.confirmed_by)
        frames += (check.frame for check in connection.checks)
        for stay in connection.time_wait:
            frames += (stay.frame, *stay.restarts, stay.end_frame)
        if connection.opening.icmp is not None:
            frames.append(connection.opening.icmp.frame)
        found.update(_number(frame) for frame in frames if frame is not None)
    return found


def _number(frame: Frame) -> int:
    return frame if isinstance(frame, int) else frame.capture << CAPTURE_SHIFT | frame.frame


def frames_of(
    paths: str | Sequence[str], connections: Collection[int], *, only: Collection[int] | None = None
) -> Iterator[WholeFrame]:
    """Yield the frames of the connections with these ids, byte for byte, in the order of the captures.

    `only` (see `lifecycle_frames`) leaves out the connections' other frames.  Memory is 8 bytes a chosen frame and a
    batch.  Raises UsageError for standard input; a damaged capture ends where the report's did.
    """
    import numpy as np

    names = [paths] if isinstance(paths, str) else list(paths)
    kept = None if only is None else np.array(sorted(only), dtype=np.uint64)
    numbers = array("Q")
    fragments: dict[bytes, int] = {}
    for rows in rows_of(names, connections):
        found = np.asarray(rows.decoder.segments)["frame"][rows.chosen]
        if kept is not None:
            found = found[np.isin(found, kept)]
        numbers.frombytes(found.tobytes())
        # The decoder has a store of fragments from the first one on that it met.
        if rows.decoder.fragments is not None:
            fragments.update(_fragments(rows.batch, found))
    wanted = np.frombuffer(numbers, dtype=np.uint64) if numbers else np.empty(0, dtype=np.uint64)
    for capture in opened(names):
        for batch in capture.batches():
            yield from _chosen(batch, wanted, fragments)


def _fragments(batch: Batch, found: NDArray[uint64]) -> Iterator[tuple[bytes, int]]:
    """Yield the key and the time of each datagram in fragments that one of these frames of the batch completes."""
    import numpy as np

    frames = np.asarray(batch.frames)
    for number in found.tolist():
        frame = frames[(number & FRAME_MASK) - batch.first_frame]
        start = int(frame["start"])
        key = fragment_key(int(frame["link_type"]), bytes(batch.buffer[start : start + int(frame["captured"])]))
        if key is not None:
            yield key, int(frame["time_ns"])


def _chosen(batch: Batch, wanted: NDArray[uint64], fragments: dict[bytes, int]) -> Iterator[WholeFrame]:
    """Yield the frames of one batch that are wanted, or belong to a datagram of one that is."""
    import numpy as np

    first = batch.capture << CAPTURE_SHIFT | batch.first_frame
    low, high = np.searchsorted(wanted, np.array([first, first + batch.count], dtype=np.uint64))
    rows = np.unique(wanted[low:high] - np.uint64(first)).tolist()
    frames = np.asarray(batch.frames)
    chosen = set(rows) if fragments else ()
    for row in range(batch.count) if fragments else rows:
        frame = frames[row]
        start, time_ns, link_type = int(frame["start"]), int(frame["time_ns"]), int(frame["link_type"])
        data = bytes(batch.buffer[start : start + int(frame["captured"])])
        if fragments and row not in chosen:
            last_ns = fragments.get(fragment_key(link_type, data) or b"")
            if last_ns is None or abs(last_ns - time_ns) > FRAGMENTS_APART_NS_MOST:
                continue
        yield WholeFrame(batch.capture, batch.first_frame + row, time_ns, link_type, int(frame["wire"]), data)


def write_frames(frames: Iterable[WholeFrame], out: BinaryIO, format: str, paths: Sequence[str]) -> int:
    """Write frames as a capture of one of WRITERS' formats and return how many; `paths` are those of the captures."""
    writer = WRITERS[format].writer(out, [os.path.basename(path) for path in paths])
    count = 0
    for frame in frames:
        writer.frame(frame)
        count += 1
    writer.finish()
    return count
