"""A capture that is still being written, and the files that the writer goes on with.

It is read as far as it has come, and looked at again and again.  A record that is there in part is waited for.  The
next file is one of a series (see `series.py`), a new file under the same name, or the same file begun again.
"""

from __future__ import annotations

import io
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

from handshake_inspect.capture.capture import CHUNK, ROWS, Batch, Capture, open_capture
from handshake_inspect.capture.formats import identify
from handshake_inspect.capture.reader import ByteOrder
from handshake_inspect.capture.series import Series
from handshake_inspect.capture.source import STDIN, Source
from handshake_inspect.errors import CaptureError

SHORTEST_S, LONGEST_S = 0.01, 0.2
"""How long it sleeps before it looks again: twice as long each time that nothing came."""
LOOK_ROUND_S = 0.2
"""How often it looks for another file, at most."""
HEAD = 4096
"""Bytes at the front of the file that tell whether it is still the same."""
PACKED = "and such a file ends where it ends: read it without following it"
MAGIC, SHORTEST, ENOUGH = 4, 24, 28
"""Bytes that tell a capture from other files, and of the shortest and longest header without options."""


class Followed(NamedTuple):
    """A file that was gone on with, and why: `begun again`, `replaced`, `next`; `first` for the one at the start.

    Its first frame has the number `first_frame`.
    """

    path: str
    why: str
    first_frame: int


class Following:
    """Frames of a growing file and of those after it, as of one capture: they are numbered on from file to file.

    What it says of the frames are the attributes of `Capture`.  `tell` is called with each file when it is opened.
    Raises CaptureError when `path` cannot be followed: standard input, a pipe, or in a folder that is not there.
    """

    index = 0
    size = None
    lost = None

    def __init__(self, path: str, tell: Callable[[Followed], None], *, chunk: int = CHUNK, rows: int = ROWS) -> None:
        self.path = path
        self.format = "none"
        self.byte_order: ByteOrder | None = None
        self.frames = 0
        self.link_types: list[int] = []
        self.time_resolution_ns: int | None = None
        self.first_time_ns: int | None = None
        self.last_time_ns: int | None = None
        self.faults: list[CaptureError] = []
        self._bytes = 0
        self._current: Capture | None = None
        self._tell = tell
        self._sizes = {"chunk": chunk, "rows": rows}
        self._series = Series(path)
        self._stopping = False
        self._wait_s = SHORTEST_S
        self._looked_s = 0.0
        self._next: Followed | None = None
        _refuse_what_does_not_grow(path)

    @property
    def bytes(self) -> int:
        """Bytes of all files so far."""
        return self._bytes + (self._current.bytes if self._current else 0)

    @property
    def now_ns(self) -> int:
        """The time of the last frame: how far behind its writer a file is, nobody knows."""
        return self.last_time_ns or 0

    def stop(self) -> None:
        """Read what is there now, and no more."""
        self._stopping = True

    def batches(self) -> Iterator[Batch | None]:
        """Yield the frames as they come, and None whenever there were none for a while; stale at the next step.

        A file that is damaged, or none at all, ends the iteration and is in `faults`.
        """
        self._next = self._start()
        while self._next is not None or not self._stopping:
            if self._next is None:
                yield from self._pause()
                self._next = self._start()
                continue
            try:
                opened = self._open(self._next.path)
            except CaptureError as fault:
                self.faults.append(fault)
                return
            if opened is None:
                if self._stopping:
                    return
                yield from self._pause()
                # Nothing may ever be written to it, while its writer has gone on.
                later = self._series.after(self._next.path, None, self.last_time_ns)
                self._next = self._next if later is None else self._next._replace(path=later)
                continue
            source, capture = opened
            self._current = capture
            self._tell(self._next)
            self._next, self._looked_s = None, 0.0
            yield from self._one_file(capture, source)
            self._bytes, self._current = self.bytes, None
            self.faults += capture.faults
            if capture.faults and self._next is None:
                return

    def _one_file(self, capture: Capture, source: _Growing) -> Iterator[Batch | None]:
        """Yield what one file has until there is a next one; `_next` then says which."""
        stop_at: int | None = None
        with closing(capture.growing(lambda: self._next is not None)) as batches:
            for batch in batches:
                if batch is not None:
                    self._wait_s = SHORTEST_S
                    yield self._numbered_on(batch, capture)
                if self._stopping and stop_at is None:
                    stop_at = source.length()
                if stop_at is not None and (batch is None or capture.bytes >= stop_at):
                    return
                if batch is None:
                    # When there is a next file, this one is asked for its last bytes once more before it is left.
                    self._next = self._look_round(capture, source)
                    if self._next is None:
                        yield from self._pause()

    def _numbered_on(self, batch: Batch, capture: Capture) -> Batch:
        """Return the batch with frames that are numbered on, and take it into account."""
        batch.first_frame = self.frames + 1
        self.frames += batch.count
        self.link_types += [number for number in capture.link_types if number not in self.link_types]
        self.time_resolution_ns = _least(self.time_resolution_ns, capture.time_resolution_ns)
        self.first_time_ns = _least(self.first_time_ns, capture.first_time_ns)
        if capture.last_time_ns is not None:
            self.last_time_ns = max(self.last_time_ns or capture.last_time_ns, capture.last_time_ns)
        return batch

    def _pause(self) -> Iterator[None]:
        time.sleep(self._wait_s)
        self._wait_s = min(2 * self._wait_s, LONGEST_S)
        yield None

    def _start(self) -> Followed | None:
        path = self._series.newest()
        return None if path is None else self._followed(path, "first")

    def _look_round(self, capture: Capture, source: _Growing) -> Followed | None:
        """Return the file to go on with, when there is one."""
        if source.begun_again():
            return self._followed(source.path, "begun again")
        now_s = time.monotonic()
        if now_s - self._looked_s < LOOK_ROUND_S:
            return None
        self._looked_s = now_s
        if source.replaced():
            return self._followed(source.path, "replaced")
        path = self._series.after(source.path, capture.first_time_ns, self.last_time_ns)
        return None if path is None else self._followed(path, "next")

    def _followed(self, path: str, why: str) -> Followed:
        return Followed(path, why, self.frames + 1)

    def _open(self, path: str) -> tuple[_Growing, Capture] | None:
        """Open a file once it has a header; None when it has not, or is gone again."""
        try:
            size = os.path.getsize(path)
            if size < SHORTEST:
                return None
            source = _Growing(path)
        except OSError:
            return None
        try:
            capture = Capture(path, self.index, source=source, **self._sizes)
        except CaptureError:
            if size < ENOUGH:
                return None
            raise
        if self.format == "none":
            self.format, self.byte_order = capture.format, capture.byte_order
        return source, capture


def _least(one: int | None, other: int | None) -> int | None:
    return min((number for number in (one, other) if number is not None), default=None)


class _Growing(Source):
    """A file whose end is not the end.  Once it has been begun again, no byte of it is given out any more."""

    def __init__(self, path: str) -> None:
        self._look = io.FileIO(path)
        self._head_was = self._look.read(HEAD)
        self._over = False
        super().__init__(path)
        if self.compression:
            self.close()
            raise CaptureError(path, f"is compressed with {self.compression.name}, {PACKED}")
        if not os.path.samestat(os.fstat(self._look.fileno()), os.fstat(self._file.fileno())):
            self.close()
            raise FileNotFoundError(f"{path} was replaced while it was opened")

    def read_file(self, view: memoryview) -> int:
        """Fill the front of `view` with what there is, if the file is still the one that was opened."""
        if self._over:
            return 0
        before = self.position
        count = super().read_file(view)
        # After the read: what it read is of the file that was opened, if that is there still.
        if count and self.begun_again():
            self.position = before
            return 0
        return count

    def begun_again(self) -> bool:
        """Whether the file was emptied and is written anew, whatever its length is now."""
        if not self._over:
            self._look.seek(0)
            head = self._look.read(HEAD)
            self._over = not head.startswith(self._head_was)
            self._head_was = head if not self._over else self._head_was
        return self._over

    def replaced(self) -> bool:
        """Whether another file has the name now."""
        try:
            return not os.path.samestat(os.stat(self.path), os.fstat(self._look.fileno()))
        except OSError:
            return False

    def length(self) -> int:
        """Return the bytes of the file as it is now."""
        return os.fstat(self._look.fileno()).st_size

    def close(self) -> None:
        """Close the file."""
        self._look.close()
        super().close()


def _refuse_what_does_not_grow(path: str) -> None:
    """CaptureError for what cannot be followed."""
    if path == STDIN:
        raise CaptureError(path, "standard input is no file that grows: read it with `handshake-inspect -`")
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise CaptureError(path, f"cannot be followed: there is no folder {folder}") from None
        return
    except OSError as error:
        raise CaptureError(path, f"cannot be followed: {error.strerror or error}") from None
    if not stat.S_ISREG(mode):
        raise CaptureError(path, "cannot be followed: it is no file that grows, but a folder, a pipe or a device")
    try:
        source = _Growing(path)
    except OSError as error:
        raise CaptureError(path, f"cannot be followed: {error.strerror or error}") from None
    head = source.peek(MAGIC)
    source.close()
    if len(head) == MAGIC and identify(head) is None:
        # It raises, with the reason.
        open_capture(path).close()
