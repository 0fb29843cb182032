"""A window on the bytes of a source: one buffer, refilled in place."""

from __future__ import annotations

from handshake_inspect.capture.source import Source


class Window:
    """`buffer[begin:end]` are the bytes read but not used, and `offset` is that of `buffer[0]` in the source.

    The buffer has `chunk` bytes and grows only while what is unused fills it.
    """

    __slots__ = ("_source", "_view", "begin", "buffer", "end", "offset")

    def __init__(self, source: Source, chunk: int) -> None:
        self._source = source
        self.buffer = bytearray(chunk)
        self._view = memoryview(self.buffer)
        self.begin = self.end = self.offset = 0

    @property
    def left(self) -> int:
        """The bytes that are read but not used."""
        return self.end - self.begin

    @property
    def place(self) -> int:
        """The offset in the source of the first byte that is not used."""
        return self.offset + self.begin

    def fill(self) -> bool:
        """Read what the source gives at once behind the bytes at hand; return False at its end.

        Bytes are moved to the front only where at least as many were used before them or the buffer is
        full, so that the moves cost no more than the reading, however small the pieces come.
        """
        left = self.left
        if self.begin and (self.begin >= left or self.end == len(self.buffer)):
            self._view[:left] = self._view[self.begin : self.end]
            self.offset += self.begin
            self.begin, self.end = 0, left
        elif self.end == len(self.buffer):
            grown = bytearray(2 * len(self.buffer))
            grown[: self.end] = self.buffer
            self.buffer = grown
            self._view = memoryview(grown)
        count = self._source.readinto(self._view[self.end :])
        self.end += count
        return count > 0

    def hold(self, count: int) -> bool:
        """Read until `count` unused bytes are at hand; return False where the source ends before."""
        while self.left < count:
            if not self.fill():
                return False
        return True
