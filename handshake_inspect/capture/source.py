"""The bytes of a capture, from a file or standard input, decompressed where they are compressed.

To add a compression: one function that makes a decoder, and one row in COMPRESSIONS.
"""

from __future__ import annotations

import io
import os
import stat
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from handshake_inspect.errors import CaptureError
from handshake_inspect.stopping import STOP, Stopped

STDIN = "-"
"""The path that means standard input."""

PACKED = 32 * 1024
"""Compressed bytes that are read at once.  What is left of them is copied at each end of a member, so they are few."""

UNPACKED = 64 * 1024
"""The fewest decompressed bytes that a decoder is asked for."""


BOMB_BYTES = 64 * 1024 * 1024
BOMB_RATIO = 10_000
"""Decompressed bytes for one compressed that no capture has, whose frames at least count up; asked from BOMB_BYTES on.

gzip reaches 1,000, xz 7,000; bzip2 can make 700,000 out of one, and zstd 30,000.
"""

LAST_WORDS_MS = 300
"""How long the writer of a pipe may be silent, once reading is to stop."""


class Decoder(Protocol):
    """Undoes one member (gzip, bzip2, xz) or frame (zstd, lz4), as the classes of the standard library do."""

    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Compression(NamedTuple):
    """A way of compressing: `load` returns what makes a decoder, and the errors that decoder raises."""

    name: str
    magic: tuple[bytes, ...]
    load: Callable[[], tuple[Callable[[], Any], tuple[type[Exception], ...]]]
    module: str
    """What to install where Python was built without it or does not have it."""


class _Gzip:
    """A gzip member with the interface that bz2 and lzma have."""

    def __init__(self) -> None:
        import zlib

        self._member = zlib.decompressobj(wbits=31)
        self._held = b""
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._member.decompress(self._held + data if self._held else data, max_length)
        self._held = self._member.unconsumed_tail
        self.needs_input = not self._held and len(out) < max_length
        return out


class _Zstandard:
    """A zstd frame through PyPI's zstandard, which cannot limit what it returns.

    It is fed 2 KiB at a time: a block is at least 4 bytes and at most 128 KiB once decompressed, so no
    answer is longer than 64 MiB, whatever the input.
    """

    def __init__(self) -> None:
        import zstandard

        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._held = memoryview(b"")
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data + bytes(self._held)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if data:
            self._held = memoryview(bytes(self._held) + data)
        out = self._frame.decompress(self._held[:2048])
        self._held = self._held[2048:]
        self.needs_input = not self._held
        return out


def _load_gzip() -> tuple[Callable[[], Any], tuple[type[Exception], ...]]:
    import zlib

    return _Gzip, (zlib.error,)


def _load_bzip2() -> tuple[Callable[[], Any], tuple[type[Exception], ...]]:
    import bz2

    return bz2.BZ2Decompressor, (OSError,)


def _load_xz() -> tuple[Callable[[], Any], tuple[type[Exception], ...]]:
    import lzma

    return lzma.LZMADecompressor, (lzma.LZMAError,)


def _load_zstd() -> tuple[Callable[[], Any], tuple[type[Exception], ...]]:
    if sys.version_info >= (3, 14):
        from compression import zstd

        return zstd.ZstdDecompressor, (zstd.ZstdError,)
    import zstandard

    return _Zstandard, (zstandard.ZstdError,)


def _load_lz4() -> tuple[Callable[[], Any], tuple[type[Exception], ...]]:
    import lz4.frame

    return lz4.frame.LZ4FrameDecompressor, (RuntimeError,)


# fmt: off
COMPRESSIONS = (
    Compression("gzip",  (b"\x1f\x8b",),              _load_gzip,  "zlib"),
    Compression("bzip2", (b"BZh",),                   _load_bzip2, "bz2"),
    Compression("xz",    (b"\xfd7zXZ\0",),            _load_xz,    "lzma"),
    # A zstd stream may begin with a skippable frame (RFC 8878 section 3.1.2), as those of pzstd do.
    Compression("zstd",  (b"\x28\xb5\x2f\xfd", *(bytes((n, 0x2A, 0x4D, 0x18)) for n in range(0x50, 0x60))),
                                                      _load_zstd,  "zstandard"),
    Compression("lz4",   (b"\x04\x22\x4d\x18",),      _load_lz4,   "lz4"),
)
"""Every compression that is read, by the first bytes of the file."""
# fmt: on


class Source:
    """The bytes of `path`, once: `peek` looks at the first of them, `readinto` takes them in turn.

    `position` counts the bytes of the file itself taken so far, `size` is its length (None where it has
    none, as a pipe), and `damage` says why the bytes ended early, if they did; `stopped` that more would have come
    through a pipe.  Raises CaptureError when the file cannot be opened or read at all.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.position = 0
        self.size: int | None = None
        self.damage: str | None = None
        self.stopped = False
        self._waits = False
        self.compression: Compression | None = None
        self._head = b""
        self._file = self._open()
        try:
            start = self.peek(16)
            if self.damage:
                raise CaptureError(path, self.damage)
            self.compression = next((row for row in COMPRESSIONS if start.startswith(row.magic)), None)
            if self.compression:
                self._unpacked = _Decompressed(self, self.compression, self._head)
                self._head = b""
        except BaseException:
            self.close()
            raise

    def _open(self) -> Any:
        try:
            file = _standard_input() if self.path == STDIN else io.FileIO(self.path)
        except OSError as error:
            raise CaptureError(self.path, f"cannot be opened: {error.strerror or error}") from None
        except ValueError as error:
            raise CaptureError(self.path, f"cannot be opened: {error}") from None
        try:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):
                self.size = status.st_size
            # Where it cannot be waited for, it is read at once.
            self._waits = self.size is None and os.name == "posix"
        except (OSError, AttributeError, io.UnsupportedOperation):
            self.size = None
        return file

    def peek(self, count: int) -> bytes:
        """Return the first `count` bytes, or as many as there are, without taking them."""
        more = bytearray(count)
        while len(self._head) < count:
            got = self._take(memoryview(more)[: count - len(self._head)])
            if not got:
                break
            self._head += more[:got]
        return self._head[:count]

    def readinto(self, view: memoryview) -> int:
        """Fill the front of `view` and return the number of bytes: 0 only at the end."""
        if self._head:
            count = min(len(view), len(self._head))
            view[:count] = self._head[:count]
            self._head = self._head[count:]
            return count
        return self._take(view)

    def _take(self, view: memoryview) -> int:
        return self._unpacked.readinto(view) if self.compression else self.read_file(view)

    def read_file(self, view: memoryview) -> int:
        """Fill the front of `view` from the file as it is on disk."""
        if self._waits and not self._comes():
            return 0
        try:
            count: int = self._file.readinto(view) or 0
        except OSError as error:
            self.damage = f"cannot be read further: {error.strerror or error}"
            return 0
        self.position += count
        return count

    def _comes(self) -> bool:
        """Wait until there is something to read, or the end; return False when reading is to stop before.

        The writer of a pipe may have been asked to stop as well, and its last bytes are on their way then.
        """
        from select import POLLIN, poll

        pipe = poll()
        pipe.register(self._file, POLLIN)
        if not STOP.asked:
            try:
                STOP.waiting = True
                pipe.poll()
                return True
            except Stopped:
                pass
            finally:
                STOP.waiting = False
        self.stopped = time.monotonic() > STOP.until or not pipe.poll(LAST_WORDS_MS)
        return not self.stopped

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self.path != STDIN:
            self._file.close()


def _standard_input() -> Any:
    """Return standard input without a buffer where it is a real file, else as it is."""
    if sys.stdin is None:
        raise ValueError("it is closed")
    try:
        return open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    except (AttributeError, io.UnsupportedOperation):
        return sys.stdin.buffer


class _Decompressed:
    """The decompressed bytes of a source; members or frames that follow each other are read as one."""

    def __init__(self, source: Source, compression: Compression, start: bytes) -> None:
        try:
            self._make, self._errors = compression.load()
        except ImportError:
            raise CaptureError(
                source.path,
                f"is compressed with {compression.name}, which needs the Python module {compression.module}: "
                f"pip install {compression.module}",
            ) from None
        self._source = source
        self._name = compression.name
        self._magic = compression.magic
        self._input = start
        self._chunk = bytearray(PACKED)
        self._decoder: Decoder | None = self._make()
        self._ready = memoryview(b"")
        self._made = 0

    def readinto(self, view: memoryview) -> int:
        """Fill `view` as far as the input goes; damage in the input ends it, and is noted in the source."""
        filled = 0
        while filled < len(view):
            if not self._ready:
                if self._decoder is None:
                    break
                self._ready = memoryview(self._decode(max(len(view) - filled, UNPACKED)))
                continue
            count = min(len(view) - filled, len(self._ready))
            view[filled : filled + count] = self._ready[:count]
            self._ready = self._ready[count:]
            filled += count
        return filled

    def _decode(self, room: int) -> bytes:
        """Return the next bytes, perhaps none yet; at the end `_decoder` is None."""
        decoder = self._decoder
        assert decoder is not None
        if decoder.eof:
            self._input = (decoder.unused_data or b"") + self._input  # lz4 says None for none
            self._next_member()
            return b""
        if decoder.needs_input and not self._input and not self._refill():
            self._end(f"{self._name}: the compressed data end early")
            return b""
        data, self._input = (self._input, b"") if decoder.needs_input else (b"", self._input)
        try:
            made = decoder.decompress(data, room)
        except self._errors as error:
            self._end(f"{self._name}: the compressed data are damaged: {error}")
            return b""
        self._made += len(made)
        packed = self._source.position
        if self._made > BOMB_BYTES and self._made > BOMB_RATIO * packed:
            self._end(f"{self._name}: {packed:,} bytes have become {self._made:,} so far, as no capture does")
        return made

    def _refill(self) -> bool:
        """Put the next bytes of the file behind those at hand; say whether there were any."""
        count = self._source.read_file(memoryview(self._chunk))
        self._input += self._chunk[:count]
        return count > 0

    def _next_member(self) -> None:
        """Start on the member that follows; zeros may pad the end, as in files from tapes."""
        longest = max(map(len, self._magic))
        while True:
            self._input = self._input.lstrip(b"\0")
            if len(self._input) >= longest or not self._refill():
                break
        if self._input.startswith(self._magic):
            self._decoder = self._make()
        elif self._input:
            self._end(f"{self._name}: what follows the compressed data is not {self._name}")
        else:
            self._end(None)

    def _end(self, damage: str | None) -> None:
        self._decoder = None
        self._source.damage = self._source.damage or damage
