"""Two ways to take frames from a socket that sniffs: Linux's shared ring, and one frame at a time anywhere else.

Both fill the rows of a Frame column, from their `buffer`; rows and bytes stay until `release`.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import select
import socket
import struct
import sys
import time
from collections.abc import Sequence
from typing import Any, Protocol

from handshake_inspect.capture import ring
from handshake_inspect.capture.kernel_filter import NOTHING, Program
from handshake_inspect.columns import frame_column

BLOCK_BYTES = 1 << 20
BLOCKS = 64
"""The ring, if the kernel has the memory; else half of it, and so on, down to FEWEST_BLOCKS."""
FEWEST_BLOCKS = 4
RETIRE_MS = 25
"""The kernel hands a block over after this time, though it is not full."""
TAG_ROOM = 4
"""Bytes before each frame in which its VLAN tag is put back."""

# include/uapi/linux/if_packet.h and asm-generic/socket.h
SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, PACKET_RESERVE = 263, 5, 6, 10, 12
TPACKET_V3 = 2
SO_ATTACH_FILTER = 26

LINKS = {1: 1, 772: 1, 801: 105, 802: 119, 803: 127}
"""ARPHRD_ type of a device to the LINKTYPE_ of its frames; frames of others are taken from their IP header on."""

FRAME_MOST = 1 << 18
ONE_BY_ONE = 4096
"""Frames of a batch that are taken one at a time, and the bytes that one can have."""


class Tap(Protocol):
    """Where a live capture's frames come from; `rows` of the column are enough for one `read`."""

    buffer: Any
    rows: int
    lost: int | None

    @property
    def bytes(self) -> int: ...
    @property
    def first_ns(self) -> int: ...
    @property
    def last_ns(self) -> int: ...
    @property
    def devices(self) -> Sequence[int]: ...
    @property
    def link_types(self) -> list[int]: ...
    def wait(self, seconds: float) -> None: ...
    def read(self, column: Any) -> int: ...
    def release(self) -> None: ...
    def stop(self) -> None: ...
    def fault(self) -> str | None: ...
    def close(self) -> None: ...


def attach(sniffer: socket.socket, program: Program) -> None:
    """Have the kernel run `program` on each frame of this socket, in place of any other."""
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    held = ctypes.create_string_buffer(code)
    sniffer.setsockopt(
        socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(held))
    )  # fmt: skip


class RingTap:
    """An AF_PACKET socket of Linux, not yet open to any protocol, that gets a ring (TPACKET_V3).

    It yields `most` frames, if that is not None.  `lost` counts those that the kernel dropped, its ring being full.
    """

    def __init__(self, sniffer: socket.socket, most: int | None = None, blocks: int = BLOCKS) -> None:
        self._socket = sniffer
        sniffer.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
        sniffer.setsockopt(SOL_PACKET, PACKET_RESERVE, TAG_ROOM)
        blocks = self._ask_for(blocks)
        self.buffer = mmap.mmap(sniffer.fileno(), blocks * BLOCK_BYTES)
        self.lost: int | None = 0
        self.rows = BLOCK_BYTES // ring.SMALLEST_PACKET * 2
        self._walker = ring.RingWalker(BLOCK_BYTES, blocks, LINKS)
        self._walker.left = -1 if most is None else most
        self._poll = select.poll()
        self._poll.register(sniffer, select.POLLIN)

    def _ask_for(self, blocks: int) -> int:
        """Set the ring up with as many blocks as there is memory for; return how many."""
        while True:
            # One "frame" a block: the kernel asks for a size, and with blocks of any content it means nothing.
            request = struct.pack("7I", BLOCK_BYTES, blocks, BLOCK_BYTES, blocks, RETIRE_MS, 0, 0)
            try:
                self._socket.setsockopt(SOL_PACKET, PACKET_RX_RING, request)
                return blocks
            except OSError as problem:
                if problem.errno != errno.ENOMEM or blocks <= FEWEST_BLOCKS:
                    raise
                blocks //= 2

    @property
    def devices(self) -> list[int]:
        """The kernel's numbers of the devices in rows so far; a row's `interface` is the place in it."""
        devices: list[int] = self._walker.devices
        return devices

    @property
    def link_types(self) -> list[int]:
        """The LINKTYPE_ numbers so far."""
        types: list[int] = self._walker.link_types
        return types

    @property
    def bytes(self) -> int:
        """Bytes of all frames so far, as captured."""
        return int(self._walker.bytes)

    @property
    def first_ns(self) -> int:
        """The smallest time so far."""
        return int(self._walker.first_ns)

    @property
    def last_ns(self) -> int:
        """The largest time so far."""
        return int(self._walker.last_ns)

    def wait(self, seconds: float) -> None:
        """Sleep until there are frames, or for `seconds`."""
        self._poll.poll(seconds * 1000)

    def read(self, column: Any) -> int:
        """Fill the column with what is there; return the rows."""
        return int(self._walker.walk(self.buffer, column))

    def release(self) -> None:
        """Give what was read back to the kernel."""
        self._walker.give_back(self.buffer)
        self._count_lost()

    def _count_lost(self) -> None:
        # Reading the counts sets them to 0.
        _, lost, _ = struct.unpack("3I", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12))
        assert self.lost is not None
        self.lost += lost

    def stop(self) -> None:
        """Take no more frames; when this returns, all that were taken can be read."""
        attach(self._socket, NOTHING)
        # Twice, since the kernel's timer may have just begun anew.
        time.sleep(2 * RETIRE_MS / 1000)
        self._count_lost()

    def fault(self) -> str | None:
        """Return what happened to the socket since the last call: its device may have gone down."""
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return None if number == 0 else errno.errorcode.get(number, str(number))

    def close(self) -> None:
        """Close the socket, and the ring with it, once nobody looks at its rows."""
        self._socket.close()
        # A batch may still look into it; the last one to let go of the mapping unmaps it.
        with contextlib.suppress(BufferError):
            self.buffer.close()


class SteppingTap:
    """Any socket of scapy that sniffs: each frame is asked for, and `snaplen` bytes of it are copied.

    `link_type` is that of all its frames, of which there are `most`, if that is not None.
    """

    def __init__(self, sniffer: Any, link_type: int, snaplen: int, most: int | None = None) -> None:
        self._socket = sniffer
        self._left = sys.maxsize if most is None else most
        self._snaplen = min(snaplen, FRAME_MOST)
        self.link_types = [link_type]
        self._stopped = False
        self.buffer = bytearray(ONE_BY_ONE * 2048 + FRAME_MOST)
        self.rows = ONE_BY_ONE
        self.lost: int | None = 0 if hasattr(sniffer, "get_stats") else None
        self.bytes = self.first_ns = self.last_ns = 0
        self.devices: Sequence[int] = ()

    def wait(self, seconds: float) -> None:
        """Sleep until there is a frame, or for `seconds`."""
        self._ready(seconds)

    def _ready(self, seconds: float) -> bool:
        return bool(type(self._socket).select([self._socket], seconds))

    def read(self, column: Any) -> int:
        """Fill the column with what is there; return the rows."""
        at = row = 0
        while (
            row < min(self.rows, self._left)
            and at + FRAME_MOST <= len(self.buffer)
            and not self._stopped
            and self._ready(0)
        ):
            _, frame, seconds = self._socket.recv_raw(FRAME_MOST)
            if frame is None:
                # It was ready, and what came did not pass its filter.
                break
            captured = min(len(frame), self._snaplen)
            time_ns = time.time_ns() if seconds is None else int(seconds * 1e9)
            self.buffer[at : at + captured] = frame[:captured]
            ring.put(column, row, time_ns, at, captured, len(frame), self.link_types[0], 0)
            self.first_ns = min(self.first_ns or time_ns, time_ns)
            self.last_ns = max(self.last_ns, time_ns)
            self.bytes += captured
            at += captured
            row += 1
        self._left -= row
        return row

    def release(self) -> None:
        """Count what was lost; the rows' bytes may be overwritten."""
        if self.lost is not None:
            _, lost = self._socket.get_stats()
            self.lost = lost or 0

    def stop(self) -> None:
        """Take no more frames."""
        self._stopped = True

    def fault(self) -> str | None:
        """A socket that fails raises OSError when it is read."""
        return None

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def column_for(tap: Tap) -> Any:
    """Return a Frame column with room for one read."""
    return frame_column(tap.rows)
