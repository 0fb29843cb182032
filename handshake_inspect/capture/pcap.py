"""The pcap format (draft-ietf-opsawg-pcap): a header, then records of a time, two lengths and the bytes."""

from __future__ import annotations

import struct
import sys

from handshake_inspect.capture import walk
from handshake_inspect.capture.reader import LARGEST_RECORD, ByteOrder, Reader
from handshake_inspect.capture.window import Window

ORDINARY_SNAPLEN = 262144
"""Bytes: libpcap and Wireshark take records up to this long, whatever the file's own snapshot length."""

DAY_S = 86_400

NEVER, MAYBE, ALWAYS = 0, 1, 2
"""Whether a record's captured and wire length have changed places: MAYBE where captured is the larger."""


class PcapReader(Reader):
    """Reads pcap whose magic number said `byte_order` and the variant.

    `unit_ns` is that of the records' time fraction; `file_header` and `record_headers` are lengths in bytes,
    the first of the latter the one to believe unless the records speak against it.
    """

    def __init__(
        self, byte_order: ByteOrder, *, unit_ns: int, file_header: int = 24, record_headers: tuple[int, ...] = (16,)
    ) -> None:
        self.byte_order = byte_order
        self.time_resolution_ns = unit_ns
        self.link_types = []
        self._unit_ns = unit_ns
        self._file_header = file_header
        self._record_headers = record_headers
        self._record_header = record_headers[0]

    def begin(self, window: Window) -> str | None:
        """Use the file's header."""
        if not window.hold(self._file_header):
            return f"the pcap header needs {self._file_header} bytes, {window.left} are there"
        mark = "<" if self.byte_order == "little" else ">"
        major, minor, _, _, snaplen, network = struct.unpack_from(mark + "HHiIII", window.buffer, window.begin + 4)
        # The upper half of the field tells the length of the frame check sequence, not the link type.
        link_type = network & 0xFFFF
        self.link_types.append(link_type)
        if major < 2:
            return f"pcap version {major}.{minor}, 2.0 and later are read"
        window.begin += self._file_header
        largest = min(max(snaplen, ORDINARY_SNAPLEN), LARGEST_RECORD)
        lengths = _swapped_lengths(major, minor)
        if lengths == NEVER and not self._sound(window, self._record_header, largest):
            others = (size for size in self._record_headers[1:] if self._sound(window, size, largest, surely=True))
            self._record_header = next(others, self._record_header)
        self.walker = walk.PcapWalker(
            self.byte_order != sys.byteorder, self._record_header, self._unit_ns, lengths, link_type, largest
        )
        return None

    def _sound(self, window: Window, header: int, largest: int, *, surely: bool = False) -> bool:
        """Return whether the second record can be one, if the records' headers have `header` bytes.

        Where the input ends before it, nothing is known: the answer is `not surely`.
        """
        if len(self._record_headers) == 1:
            return True
        record = struct.Struct(("<" if self.byte_order == "little" else ">") + "IIII")
        if not window.hold(header):
            return not surely
        seconds, _, captured, _ = record.unpack_from(window.buffer, window.begin)
        if captured > largest or not window.hold(header + captured + record.size):
            return not surely
        later, fraction, captured, wire = record.unpack_from(window.buffer, window.begin + header + captured)
        near = abs(later - seconds) < DAY_S
        sound = captured <= largest and fraction < 1_000_000_000 and (near or captured <= wire)
        # Zeros in the middle of a packet would pass for a record without bytes.
        return sound and (not surely or (near and 0 < captured <= wire and fraction < 1_000_000))

    def attend(self, window: Window) -> tuple[int, str | None]:
        """Never called: the walker leaves nothing to this reader."""
        raise AssertionError("the pcap walker asked for its reader")

    def fault(self) -> str:
        """Return what is wrong with the record: its length is the one thing that can be."""
        return f"record claims {self.walker.claimed} bytes, more than the {self.walker.largest} that it may have"

    def cut(self, window: Window) -> str | None:
        """Return what the last record lacks."""
        if not window.left:
            return None
        if window.left < self._record_header:
            return f"record header needs {self._record_header} bytes, {window.left} are left"
        return f"record says {self.walker.claimed} bytes, {window.left - self._record_header} are left"


def _swapped_lengths(major: int, minor: int) -> int:
    """Return whether files of this version have the two lengths the other way round, as libpcap decides it."""
    if (major, minor) == (543, 0):  # written by DG/UX
        return ALWAYS
    if major == 2 and minor < 3:
        return ALWAYS
    return MAYBE if (major, minor) == (2, 3) else NEVER
