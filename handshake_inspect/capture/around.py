"""Keeps the last seconds of frames in memory, and saves them with the next seconds when somebody says so."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from handshake_inspect.capture.save import LARGEST, File, Origin, Packing, Series

if TYPE_CHECKING:
    from handshake_inspect.capture.capture import Batch

CHUNK = 64 * 1024
"""Bytes of frames that are held and forgotten together."""
LATE_NS = 1_000_000_000
"""How much older than the newest batch a moment may be for which all is held."""
CHUNK_BESIDES = 512
"""Bytes that a chunk costs beside its frames."""


class Chunk(NamedTuple):
    """Whole blocks, as they are to be written; `first_ns` and `last_ns` are the smallest and largest time in them."""

    blocks: bytes
    first_ns: int
    last_ns: int


class Around:
    """Saves the frames from `before_ns` before a moment until `after_ns` after it, each time in a file of its own.

    A tap: give it each batch; then `save` the moments that are found in it; `pass_time` ends a file when no frame comes
    any more; `finish` it.  At most `memory` bytes are held, so that a file may begin later than it was asked to:
    `shortest_ns` is the least that there was before a moment because of that, None as long as memory was enough.
    A moment within the time of the file before it makes that file longer.  Raises UsageError when a file cannot be
    written.
    """

    def __init__(
        self, path: str, origin: Origin, *, before_ns: int, after_ns: int, memory: int, keep: int | None = None
    ) -> None:
        self.series = Series(path, numbered=True, keep=keep)
        self.frames = 0
        self.shortest_ns: int | None = None
        self._packing = Packing(origin)
        self._before_ns = before_ns
        self._after_ns = after_ns
        self._memory = memory
        self._held: deque[Chunk] = deque()
        self._size = 0
        self._newest_ns = 0
        # The first frame of the newest batch: about the earliest moment that can still be found.
        self._next_ns = 0
        self._forgotten_ns: int | None = None
        self._file: File | None = None
        self._begin_ns = self._until_ns = 0
        # Where the file has come to: so many chunks from the newest end are not written whole, and of the first of
        # them so many bytes are done with.
        self._pending = 0
        self._done = 0

    def batch(self, batch: Batch) -> None:
        """Hold the frames of a batch, and write those that belong to the file that is open."""
        self.pass_time(self._newest_ns)
        begins_ns: int | None = None
        row = 0
        while row < batch.count:
            blocks, after, description = self._packing.pack(batch, row, batch.count, CHUNK)
            if after == row and not description:
                blocks, after, description = self._packing.pack(batch, row, row + 1, LARGEST)
            if after > row:
                chunk = Chunk(bytes(blocks), *self._packing.times_ns)
                begins_ns = chunk.first_ns if begins_ns is None else min(begins_ns, chunk.first_ns)
                self._hold(chunk)
            if description and self._file is not None:
                self._write()
                self._file.write(description)
            row = after
        self._write()
        self._next_ns = self._next_ns if begins_ns is None else begins_ns
        self._forget()

    def save(self, time_ns: int) -> None:
        """Save what is around this moment."""
        if self._file is not None and time_ns <= self._until_ns:
            self._until_ns = max(self._until_ns, time_ns + self._after_ns)
        else:
            self.finish()
            self._begin_ns = time_ns - self._before_ns
            self._until_ns = time_ns + self._after_ns
            self._file = self.series.next(time_ns)
            self._file.write(self._packing.head)
            self._pending, self._done = len(self._held), 0
            if self._forgotten_ns is not None and self._forgotten_ns >= self._begin_ns:
                held_ns = max(0, time_ns - self._held[0].first_ns) if self._held else 0
                self.shortest_ns = held_ns if self.shortest_ns is None else min(self.shortest_ns, held_ns)
        self._write()

    def pass_time(self, now_ns: int) -> None:
        """End the file when its time is over."""
        if self._file is not None and now_ns > self._until_ns:
            self.finish()

    def finish(self) -> None:
        """End the file that is open, if one is."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.write(self._packing.tail(self._begin_ns, min(self._until_ns, self._newest_ns)))
            finally:
                file.close()

    def _hold(self, chunk: Chunk) -> None:
        self._held.append(chunk)
        self._size += len(chunk.blocks) + CHUNK_BESIDES
        self._newest_ns = max(self._newest_ns, chunk.last_ns)
        self._pending += 1

    def _forget(self) -> None:
        """Forget the chunks that are too old, and the oldest that are too many; never one that is to be written."""
        while len(self._held) > (self._pending if self._file else 0):
            oldest = self._held[0]
            too_many = self._size > self._memory
            if not too_many and oldest.last_ns >= self._next_ns - self._before_ns - LATE_NS:
                break
            if too_many:
                self._forgotten_ns = oldest.last_ns
            self._held.popleft()
            self._size -= len(oldest.blocks) + CHUNK_BESIDES

    def _write(self) -> None:
        """Write what is held and belongs to the open file, up to the first frame after its end."""
        if self._file is None:
            return
        for chunk in list(islice(self._held, len(self._held) - self._pending, None)):
            if self._done or chunk.first_ns < self._begin_ns or chunk.last_ns > self._until_ns:
                self._write_part(chunk)
                if self._done < len(chunk.blocks):
                    return
            else:
                self._file.write(chunk.blocks)
            self._pending -= 1
            self._done = 0

    def _write_part(self, chunk: Chunk) -> None:
        """Write the frames of a chunk that lie between begin and end."""
        assert self._file is not None
        parts = []
        for start, end, time_ns in blocks_of(chunk.blocks, self._done):
            if time_ns > self._until_ns:
                break
            self._done = end
            if time_ns >= self._begin_ns:
                parts.append(chunk.blocks[start:end])
        self._file.write(b"".join(parts))


def blocks_of(blocks: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and time in nanoseconds of each Enhanced Packet Block from `start` on."""
    while start < len(blocks):
        length, _, high, low = struct.unpack_from("<IIII", blocks, start + 4)
        yield start, start + length, high << 32 | low
        start += length
