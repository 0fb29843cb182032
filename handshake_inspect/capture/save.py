"""Saves frames as they come: into one file, into a ring of files, or only around what was worth keeping.

What is written is pcapng and whole at every moment: each write ends with a whole block, and one that fails (a disk that
is full) is taken back to the block before it.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from handshake_inspect.capture.pack import BESIDES, Packer
from handshake_inspect.capture.reader import LARGEST_RECORD
from handshake_inspect.capture.write import Interface, Statistics, interface_block, section_block, statistics_block
from handshake_inspect.errors import UsageError

if TYPE_CHECKING:
    from handshake_inspect.capture.capture import Batch

PACKED = 512 * 1024
"""Bytes that are written at once."""
LARGEST: int = LARGEST_RECORD + BESIDES
"""Bytes of the largest block."""
SMALLEST_RING = 64 * 1024
"""The fewest bytes of a file of a ring."""
TRAILER = 128
"""Bytes kept free in a file of a ring for the statistics of one interface."""


class Origin(Protocol):
    """Where the frames come from: what is known of an interface, when its first frame comes and when a file ends."""

    def interface(self, capture: int, interface: int, link_type: int) -> Interface:
        """Describe an interface of a capture."""

    def statistics(self, capture: int, interface: int) -> Statistics | None:
        """Return what became of an interface's frames since the beginning, None where nobody counts."""


class Packing:
    """Frames as blocks, with one numbering of the interfaces for all files of a run."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.interfaces: list[tuple[int, int]] = []
        self._descriptions: list[bytes] = []
        self._packer = Packer()
        self._out = bytearray(PACKED)

    @property
    def head(self) -> bytes:
        """What a file begins with: the section, and every interface so far."""
        return section_block() + b"".join(self._descriptions)

    @property
    def trailer_room(self) -> int:
        """Bytes that the statistics may take."""
        return TRAILER * len(self.interfaces)

    def tail(self, begin_ns: int, end_ns: int) -> bytes:
        """What a file ends with: the statistics of the interfaces that have some."""
        blocks = []
        for number, place in enumerate(self.interfaces):
            statistics = self.origin.statistics(*place)
            if statistics is not None:
                blocks.append(statistics_block(number, begin_ns, end_ns, statistics))
        return b"".join(blocks)

    @property
    def times_ns(self) -> tuple[int, int]:
        """The smallest and largest time of the frames that were packed last."""
        return self._packer.first_ns, self._packer.last_ns

    def pack(self, batch: Batch, row: int, end: int, room: int) -> tuple[memoryview, int, bytes]:
        """Pack as many of the frames `row` to `end` - 1 as there is room for: `room` bytes.

        Returns the blocks, the first row that is not among them, and the description of an interface that has to be
        written before it, if that is why it is not.  The blocks are valid until the next call.
        """
        view = memoryview(self._out)[:room]
        packer = self._packer
        after = packer.pack(batch.buffer, batch.frames, row, end, batch.capture, view, 0)
        if packer.asks:
            return view[: packer.used], after, self._describe(batch.capture, packer.interface, packer.link_type)
        if after == row and room > len(self._out):
            # One frame is larger than the buffer.
            self._out = bytearray(min(room, 2 * len(self._out)))
            return self.pack(batch, row, end, room)
        return view[: packer.used], after, b""

    def _describe(self, capture: int, interface: int, link_type: int) -> bytes:
        if not self._packer.add(capture, interface, link_type):
            raise UsageError(f"frames of more than {len(self.interfaces)} interfaces cannot be saved to one file")
        self.interfaces.append((capture, interface))
        self._descriptions.append(interface_block(self.origin.interface(capture, interface, link_type)))
        return self._descriptions[-1]


class File:
    """One file that is being written; `size` are its bytes, all of whole blocks."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = 0
        try:
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
        except OSError as problem:
            raise UsageError(f"{path} cannot be written: {problem.strerror or problem}") from None
        self._regular = stat.S_ISREG(os.fstat(self._handle).st_mode)

    def write(self, blocks: bytes | memoryview) -> None:
        """Write whole blocks.  UsageError when not all of them can be; the file then ends before them."""
        rest = memoryview(blocks)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        except OSError as problem:
            if self._regular:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._handle, self.size)
            reason = problem.strerror or problem
            raise UsageError(f"{self.path} cannot be written after byte {self.size}: {reason}") from None
        self.size += len(blocks)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


class Series:
    """The names of the files of one run: `path` itself, or numbered ones as dumpcap names them.

    `live.pcapng` becomes `live_00001_20261121081500.pcapng`: number and local time of its beginning.  Of numbered
    ones the newest `keep` stay, where that is not None.
    """

    def __init__(self, path: str, *, numbered: bool, keep: int | None) -> None:
        self.path = path
        self.written: deque[str] = deque()
        self.count = 0
        self._numbered = numbered
        self._keep = keep

    def next(self, time_ns: int) -> File:
        """Open the next file, and remove the oldest ones that are too many."""
        self.count += 1
        file = File(self._name(time_ns) if self._numbered else self.path)
        self.written.append(file.path)
        while self._keep is not None and len(self.written) > self._keep:
            with contextlib.suppress(OSError):
                os.unlink(self.written.popleft())
        return file

    def _name(self, time_ns: int) -> str:
        base, ending = os.path.splitext(self.path)
        return f"{base}_{self.count:05d}_{time.strftime('%Y%m%d%H%M%S', time.localtime(time_ns // 10**9))}{ending}"


class Saver:
    """Saves every frame to `path`; with `ring`, to files of at most so many bytes, of which `keep` stay.

    A tap: give it each batch, and `finish` it.  Raises UsageError when a file cannot be written.
    """

    def __init__(self, path: str, origin: Origin, *, ring: int | None = None, keep: int | None = None) -> None:
        assert ring is None or ring >= SMALLEST_RING
        self.frames = 0
        self.series = Series(path, numbered=ring is not None, keep=keep)
        self._ring = ring
        self._packing = Packing(origin)
        self._in_file = 0
        self._begin_ns = self._end_ns = time.time_ns()
        self._file = self._begin()

    def batch(self, batch: Batch) -> None:
        """Write the frames of a batch."""
        row = 0
        while row < batch.count:
            blocks, after, description = self._packing.pack(batch, row, batch.count, self._room())
            if after == row and not description:
                if self._in_file:
                    self._finish_file()
                    self._file = self._begin()
                    continue
                # A file holds one frame, however large it is.
                blocks, after, description = self._packing.pack(batch, row, row + 1, LARGEST)
            self._file.write(blocks)
            self._file.write(description)
            self.frames += after - row
            self._in_file += after - row
            row = after

    def finish(self) -> None:
        """Write what is known at the end, and close."""
        self._finish_file()

    def _room(self) -> int:
        """Bytes of frames that the file may still take."""
        if self._ring is None:
            return LARGEST
        room = self._ring - self._file.size - self._packing.trailer_room
        return max(0, room)

    def _begin(self) -> File:
        self._begin_ns = time.time_ns()
        file = self.series.next(self._begin_ns)
        file.write(self._packing.head)
        self._in_file = 0
        return file

    def _finish_file(self) -> None:
        try:
            self._file.write(self._packing.tail(self._begin_ns, time.time_ns()))
        finally:
            self._file.close()
