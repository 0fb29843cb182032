"""What a file format's reader does: the part of reading a capture that differs between formats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal

from handshake_inspect.capture.window import Window

ByteOrder = Literal["little", "big"]

LARGEST_RECORD = 64 * 1024 * 1024
"""The most bytes of one record or packet block; one that claims more is taken for damage."""


class Reader(ABC):
    """Reads one format from a window: `walker` makes the rows, the methods handle what is rare.

    The attributes are those of `Capture` with the same names, as far as they are known so far.
    """

    walker: Any
    byte_order: ByteOrder
    time_resolution_ns: int | None
    link_types: list[int]

    @abstractmethod
    def begin(self, window: Window) -> str | None:
        """Use the bytes that come before the first record; return what is wrong with them."""

    @abstractmethod
    def attend(self, window: Window) -> tuple[int, str | None]:
        """Handle what the walker left to the reader at `window.begin`.

        Returns the bytes that were used and what is wrong; 0 and None ask for more bytes.
        """

    @abstractmethod
    def fault(self) -> str:
        """Return what is wrong with the record at which the walker stopped."""

    @abstractmethod
    def cut(self, window: Window) -> str | None:
        """Return what is missing, when the input ends with `window.left` bytes not used; None where nothing is."""

    def record_offset(self, window: Window) -> int:
        """Return the offset of the record that is not readable."""
        return window.place
