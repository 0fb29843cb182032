"""A capture, open to be read once: batches of frames, and what is known about the whole."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

from handshake_inspect.capture import walk
from handshake_inspect.capture.formats import OTHERS, READ, identify
from handshake_inspect.capture.reader import ByteOrder
from handshake_inspect.capture.source import STDIN, Source
from handshake_inspect.capture.window import Window
from handshake_inspect.columns import frame_column
from handshake_inspect.errors import CaptureError
from handshake_inspect.stopping import STOP

CHUNK = 512 * 1024
"""Bytes of the buffer, and so of most reads: larger ones are hardly faster, and leave the processor's cache."""

ROWS = 8192
"""The most frames in a batch."""

MORE, FULL = walk.STOPS["MORE"], walk.STOPS["FULL"]
ASKS = (walk.STOPS["SECTION"], walk.STOPS["INTERFACE"])


class Batch:
    """Frames that follow each other: rows 0 to `count` - 1 of `frames`, whose bytes are in `buffer`.

    `frames` is a Frame column, `buffer` the bytes that its `start` counts in.  `first_frame` is the
    number of row 0, counted from 1; `capture` is the index of the capture.  Valid until the next batch is asked for.
    """

    __slots__ = ("buffer", "capture", "count", "first_frame", "frames")

    def __init__(self, buffer: bytearray, frames: Any, count: int, first_frame: int, capture: int) -> None:
        self.buffer = buffer
        self.frames = frames
        self.count = count
        self.first_frame = first_frame
        self.capture = capture


class Capture:
    """An open capture.  What it says about the frames (`frames`, times, `bytes`, `faults`) grows with `batches`.

    `bytes` counts after decompression; `position` and `size` count in the file as it is on disk, and `size` is
    None for a pipe.  `byte_order` and the resolution of a pcapng capture are known once its sections and
    interfaces are read; `time_resolution_ns` is the finest one, None without an interface.
    """

    def __init__(self, path: str, index: int, chunk: int, rows: int, source: Source | None = None) -> None:
        self.path = path
        self.index = index
        self.frames = 0
        self.bytes = 0
        self.faults: list[CaptureError] = []
        self._rows = rows
        self._source = source or Source(path)
        try:
            head = self._source.peek(16)
            row = identify(head)
            if row is None:
                raise CaptureError(path, STOP.sentence if self._source.stopped else _refusal(head, self._source))
            self.format = row.name
            self._reader = row.reader(row.byte_order, **row.variant)
            self._window = Window(self._source, chunk)
            problem = self._reader.begin(self._window)
            if problem:
                damage = self._source.damage
                raise CaptureError(path, f"{damage}; {problem}" if damage else problem, offset=0)
        except BaseException:
            self._source.close()
            raise

    @property
    def byte_order(self) -> ByteOrder:
        """The byte order; of pcapng, that of the first section."""
        return self._reader.byte_order

    @property
    def time_resolution_ns(self) -> int | None:
        """The unit of the times in nanoseconds, rounded, at least 1; None where no interface said one."""
        return self._reader.time_resolution_ns

    @property
    def link_types(self) -> list[int]:
        """The LINKTYPE_ numbers, in order of first appearance."""
        return self._reader.link_types

    @property
    def first_time_ns(self) -> int | None:
        """The smallest time of the frames so far, nanoseconds since 1970."""
        return self._reader.walker.first_ns if self.frames else None

    @property
    def last_time_ns(self) -> int | None:
        """The largest time of the frames so far, nanoseconds since 1970."""
        return self._reader.walker.last_ns if self.frames else None

    @property
    def position(self) -> int:
        """Bytes of the file on disk read so far."""
        return self._source.position

    @property
    def size(self) -> int | None:
        """Bytes of the file on disk, None for a pipe."""
        return self._source.size

    def close(self) -> None:
        """Close the file; reading to the end does it as well."""
        self._source.close()

    def batches(self) -> Iterator[Batch]:
        """Yield the frames in the order of the file, once.

        A fault ends the iteration: it is added to `faults` after the frames before it were yielded.
        """
        for batch in self.growing(lambda: True):
            assert batch is not None
            yield batch

    def growing(self, ended: Callable[[], bool]) -> Generator[Batch | None, None, None]:
        """Yield the frames as `batches` does, and None at the end of the bytes for as long as they have not `ended`.

        A record that is there in part is no fault before that.
        """
        reader, window, walker = self._reader, self._window, self._reader.walker
        column = frame_column(self._rows)
        try:
            while True:
                walker.walk(window.buffer, window.begin, window.end, window.offset, column, walker.count)
                window.begin = walker.used
                problem = None
                if walker.stop in ASKS:
                    used, problem = reader.attend(window)
                    window.begin += used
                    if used:
                        continue
                elif walker.stop not in (MORE, FULL):
                    problem = reader.fault()
                if walker.count:
                    first = self.frames + 1
                    self.frames += walker.count
                    self.bytes = window.place
                    yield Batch(window.buffer, column, walker.count, first, self.index)
                    walker.count = 0
                if self.size is not None and STOP.ends(self.path, self.frames):
                    problem = STOP.sentence
                if problem:
                    self._fault(problem)
                    return
                while walker.stop != FULL and not window.fill():
                    if ended():
                        self._end()
                        return
                    yield None
        finally:
            self.bytes = window.place
            # What is known of a capture stays; its buffer is large.
            del self._window
            self.close()

    def _end(self) -> None:
        """Say what is wrong with the end of the input, if anything is."""
        problems = [problem for problem in (self._source.damage, self._reader.cut(self._window)) if problem]
        if self._source.stopped:
            self._fault(STOP.sentence)
        elif problems:
            self._fault("; ".join(problems))

    def _fault(self, problem: str) -> None:
        offset = self._reader.record_offset(self._window)
        self.faults.append(CaptureError(self.path, problem, offset=offset, frame=self.frames + 1))


def open_capture(path: str, *, index: int = 0, chunk: int = CHUNK, rows: int = ROWS) -> Capture:
    """Open the capture at `path`, or on standard input where it is "-".

    `index` is the capture's number in what it yields.  `chunk` bytes are read at once and `rows` frames are in a
    batch at most.  Raises CaptureError when there is no capture to read: the file cannot be opened, is
    empty, or is something else.
    """
    assert chunk > 0 and rows > 0
    return Capture(path, index, chunk, rows)


def first_time_ns(path: str) -> int | None:
    """Return the time of the capture's first frame; None without one, and always for standard input.

    Raises CaptureError as `open_capture` does.
    """
    if path == STDIN:
        return None
    capture = open_capture(path, chunk=64 * 1024, rows=1)
    try:
        next(capture.batches(), None)
        return capture.first_time_ns
    finally:
        capture.close()


def _refusal(head: bytes, source: Source) -> str:
    """Return why a file that begins with `head` is no capture."""
    import re  # here, because it costs every other start 5 ms

    inside = f" inside {source.compression.name}" if source.compression else ""
    if not head:
        damage = f" ({source.damage})" if source.damage else ""
        return f"empty: 0 bytes{inside}{damage}, no capture"
    for pattern, name, tool in OTHERS:
        if re.match(pattern, head):
            return f"{name}{inside}, which is not read; convert it with: {tool} IN OUT.pcapng"
    start = head[:3]
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in start)
    return f"not a packet capture: starts with {start.hex(' ')} ('{text}'){inside}; {READ}"
