"""The pcapng format (draft-ietf-opsawg-pcapng): sections, interfaces and packets, each in blocks.

The walker takes the packets and skips what is neither; sections and interfaces come here.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator

from handshake_inspect.capture import walk
from handshake_inspect.capture.reader import LARGEST_RECORD, Reader
from handshake_inspect.capture.window import Window

BYTE_ORDER_MAGIC = 0x1A2B3C4D
SECTION_FIXED = 28
"""Bytes of a Section Header Block without options."""
INTERFACES = 65536
"""A section's interfaces that a frame can name: the column has 16 bits for the number."""

END_OF_OPTIONS, IF_TSRESOL, IF_TSOFFSET = 0, 9, 14
SECOND_NS = 1_000_000_000


class PcapngReader(Reader):
    """Reads pcapng.  `byte_order` is that of the first section, `time_resolution_ns` the finest interface's."""

    def __init__(self, byte_order: None = None) -> None:
        self.byte_order = "little"
        self.time_resolution_ns = None
        self._link_types: dict[int, None] = {}
        self._mark = "<"
        self._sections = 0
        self.walker = walk.PcapngWalker(LARGEST_RECORD)

    @property
    def link_types(self) -> list[int]:  # type: ignore[override]
        """The interfaces' link types, in order of first appearance."""
        return list(self._link_types)

    def begin(self, window: Window) -> str | None:
        """Check that the first section header is whole enough to be one; the walker then finds it."""
        if not window.hold(SECTION_FIXED):
            return f"the pcapng section header needs {SECTION_FIXED} bytes, {window.left} are there"
        return self._section_order(window)[1]

    def attend(self, window: Window) -> tuple[int, str | None]:
        """Take the section header or the interface description at `window.begin`."""
        if self.walker.stop == walk.STOPS["SECTION"]:
            return self._section(window)
        return self._interface(window)

    def _section_order(self, window: Window) -> tuple[str, str | None]:
        """Return the byte order of the section header as `struct` writes it, and what is wrong with its magic."""
        magic = bytes(window.buffer[window.begin + 8 : window.begin + 12])
        for mark, order in (("<", "little"), (">", "big")):
            if int.from_bytes(magic, order) == BYTE_ORDER_MAGIC:  # type: ignore[arg-type]
                return mark, None
        return "<", f"section header has the byte-order magic {magic.hex(' ')}, 1a 2b 3c 4d or 4d 3c 2b 1a is needed"

    def _section(self, window: Window) -> tuple[int, str | None]:
        mark, problem = self._section_order(window)
        if problem:
            return 0, problem
        (length,) = struct.unpack_from(mark + "I", window.buffer, window.begin + 4)
        if length < SECTION_FIXED:
            return 0, f"section header says {length} bytes, it needs {SECTION_FIXED}"
        if length % 4:
            return 0, f"section header says {length} bytes, which is not a multiple of 4"
        if length > LARGEST_RECORD:
            return 0, f"section header says {length} bytes, more than the {LARGEST_RECORD} that it may have"
        if window.left < length:
            self.walker.claimed = length
            return 0, None
        (trailer,) = struct.unpack_from(mark + "I", window.buffer, window.begin + length - 4)
        if trailer != length:
            return 0, f"block says {length} bytes where it begins and {trailer} where it ends"
        major, minor = struct.unpack_from(mark + "HH", window.buffer, window.begin + 12)
        if major != 1:
            return 0, f"section is of pcapng version {major}.{minor}, 1.x is read"
        order = "little" if mark == "<" else "big"
        if not self._sections:
            self.byte_order = order  # type: ignore[assignment]
        self._sections += 1
        self._mark = mark
        self.walker.new_section(order != sys.byteorder)
        return length, None

    def _interface(self, window: Window) -> tuple[int, str | None]:
        if self.walker.known == INTERFACES:
            return 0, f"section has more than {INTERFACES} interfaces"
        length = int(self.walker.claimed)
        link_type, _, snaplen = struct.unpack_from(self._mark + "HHI", window.buffer, window.begin + 8)
        resolution, offset_s = 6, 0
        options = memoryview(window.buffer)[window.begin + 16 : window.begin + length - 4]
        for code, value in _options(options, self._mark):
            if value is None:
                return 0, "interface description has an option that is longer than the block"
            if code == IF_TSRESOL and len(value) == 1:
                resolution = value[0]
            elif code == IF_TSOFFSET and len(value) == 8:
                (offset_s,) = struct.unpack(self._mark + "q", value)
        clock, scale, shift, unit_ns = _clock(resolution)
        furthest = 2**63 - 1
        offset_ns = max(-furthest, min(furthest, offset_s * SECOND_NS))
        self.walker.add_interface(link_type, snaplen, clock, scale, shift, offset_ns)
        self._link_types.setdefault(link_type)
        finest = self.time_resolution_ns
        self.time_resolution_ns = unit_ns if finest is None else min(finest, unit_ns)
        return length, None

    def fault(self) -> str:
        """Return what is wrong with the block at which the walker stopped."""
        claimed, other = self.walker.claimed, self.walker.other
        sentences = {
            "BLOCK_SHORT": f"block says {claimed} bytes, it needs 12",
            "BLOCK_UNALIGNED": f"block says {claimed} bytes, which is not a multiple of 4",
            "BLOCK_TRAILER": f"block says {claimed} bytes where it begins and {other} where it ends",
            "BLOCK_TOO_LONG": f"block says {claimed} bytes, more than the {self.walker.largest} that it may have",
            "PACKET_SHORT": f"block says {claimed} bytes, one of its type needs {other}",
            "PACKET_TOO_LONG": f"packet says {claimed} bytes, its block has room for {other}",
            "NO_INTERFACE": f"packet is of interface {claimed}, the section has described {self._described()}",
        }
        return next(text for name, text in sentences.items() if walk.STOPS[name] == self.walker.stop)

    def _described(self) -> str:
        return {0: "none", 1: "only interface 0"}.get(self.walker.known, f"only 0 to {self.walker.known - 1}")

    def cut(self, window: Window) -> str | None:
        """Return what the last block lacks."""
        if self.walker.skipping:
            length = self.walker.skipped_length
            return f"block says {length} bytes, {length - self.walker.left_to_skip + window.left} are left"
        if not window.left:
            return None
        if window.left < 12:
            return f"block needs at least 12 bytes, {window.left} are left"
        return f"block says {self.walker.claimed} bytes, {window.left} are left"

    def record_offset(self, window: Window) -> int:
        """Return where the block begins, though the window may have moved on into it."""
        return int(self.walker.skip_began) if self.walker.skipping else window.place


def _options(body: memoryview, mark: str) -> Iterator[tuple[int, bytes | None]]:
    """Yield the code and value of each option in `body`; the value is None where the body ends inside it."""
    at = 0
    while len(body) - at >= 4:
        code, length = struct.unpack_from(mark + "HH", body, at)
        if code == END_OF_OPTIONS:
            return
        if length > len(body) - at - 4:
            yield code, None
            return
        yield code, bytes(body[at + 4 : at + 4 + length])
        at += 4 + length + -length % 4


def _clock(resolution: int) -> tuple[str, int, int, int]:
    """Return the walker's clock, scale and shift for an if_tsresol byte, and its unit in ns (at least 1)."""
    exponent = resolution & 0x7F
    if resolution & 0x80:
        return "shift", 1, exponent, max(1, round(SECOND_NS / 2**exponent))
    if exponent <= 9:
        return "multiply", 10 ** (9 - exponent), 0, 10 ** (9 - exponent)
    # 64 bits of a unit below 10**-28 s are no whole nanosecond.
    return ("divide", 10 ** (exponent - 9), 0, 1) if exponent <= 28 else ("zero", 1, 0, 1)
