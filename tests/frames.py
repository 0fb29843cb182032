"""Reads captures for tests: every frame as a plain tuple."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, NamedTuple

from handshake_inspect.capture import Batch, Capture, open_capture

ROW = struct.Struct("=qQIIIHH")
"""A row of the Frame column."""


class Seen(NamedTuple):
    """One frame as it was read: its number, its row and its bytes."""

    number: int
    time_ns: int
    offset: int
    data: bytes
    wire: int
    link_type: int
    interface: int


def seen(batch: Batch) -> list[Seen]:
    """Return the frames of a batch."""
    rows = memoryview(batch.frames).tobytes()[: batch.count * ROW.size]
    return [
        Seen(number, time_ns, offset, bytes(batch.buffer[start : start + captured]), wire, link_type, interface)
        for number, (time_ns, offset, start, captured, wire, link_type, interface) in enumerate(
            ROW.iter_unpack(rows), batch.first_frame
        )
    ]


def read(path: str | Path, **choices: Any) -> tuple[Capture, list[Seen]]:
    """Return a capture that is read to its end, and its frames; `choices` go to open_capture."""
    capture = open_capture(str(path), **choices)
    return capture, [frame for batch in capture.batches() for frame in seen(batch)]
