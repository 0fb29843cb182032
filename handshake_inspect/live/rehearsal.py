"""A run of two frames from nowhere, made before privileges are given up.

What a run imports when it is first needed may lie where only root can read (a Python below /root): after a rehearsal it
is all there.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from handshake_inspect.capture import Batch
from handshake_inspect.capture.ring import put
from handshake_inspect.columns import frame_column
from handshake_inspect.errors import CaptureError

ETHERNET = bytes.fromhex("020000000002 020000000001 0800")
SYN = bytes.fromhex("45000028 00010000 40060000 c0000201 c0000202 9c400050 00000001 00000000 5002ffff 00000000")
REFUSAL = bytes.fromhex("45000028 00010000 40060000 c0000202 c0000201 00509c40 00000000 00000002 50140000 00000000")
"""A SYN from 192.0.2.1 to port 80 of 192.0.2.2, and the RST,ACK that answers it: there is something to find."""

ON_DEMAND = ("handshake_inspect.decode.fragments", "handshake_inspect.decode.slow", "ipaddress")
"""What frames of other kinds would import."""


class Rehearsal:
    """A source of two frames."""

    path = "rehearsal"
    format = "live"
    byte_order = None
    time_resolution_ns = 1
    link_types = (1,)
    lost = 0
    frames = bytes = 0
    first_time_ns = 0
    last_time_ns = now_ns = 1

    def __init__(self) -> None:
        self.faults: list[CaptureError] = []

    def batches(self) -> Iterator[Batch | None]:
        """Yield them."""
        for name in ON_DEMAND:
            importlib.import_module(name)
        buffer = bytearray()
        column = frame_column(2)
        for row, packet in enumerate((SYN, REFUSAL)):
            frame = ETHERNET + packet
            put(column, row, row, len(buffer), len(frame), len(frame), 1, 0)
            buffer += frame
        self.frames = 2
        yield Batch(buffer, column, 2, 1, 0)

    def stop(self) -> None:
        """It ends by itself."""
