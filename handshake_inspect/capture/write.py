"""Writes captures, little-endian and with times in nanoseconds: WRITERS is the table of formats.

To add a format: a class with `frame` and `finish`, and one row in WRITERS.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple, Protocol

from handshake_inspect.errors import UsageError

ETHERNET = 1
SNAPLEN = 262_144
PCAP_NANOSECONDS = 0xA1B23C4D
SECOND_NS = 1_000_000_000
SECTION, INTERFACE, STATISTICS, PACKET = 0x0A0D0D0A, 1, 5, 6
BYTE_ORDER_MAGIC = 0x1A2B3C4D
OPTION_APPLICATION = 4
OPTION_NAME, OPTION_RESOLUTION, OPTION_FILTER = 2, 9, 11
OPTION_BEGIN, OPTION_END, OPTION_RECEIVED, OPTION_DROPPED = 2, 3, 4, 5
"""Option codes of the section header, of an interface's description, and of its statistics."""
NANOSECONDS = 9
NAME_MOST, FILTER_MOST = 255, 65_000
"""Bytes of a text that is written."""
LIBPCAP_FILTER = b"\0"
"""What stands before a filter that is written as libpcap's expressions are."""


class WholeFrame(NamedTuple):
    """One frame as it was captured: `number` counts from 1 in capture number `capture`, `wire` is its length there."""

    capture: int
    number: int
    time_ns: int
    link_type: int
    wire: int
    data: bytes


class Writer(Protocol):
    """Writes frames one by one to a binary stream."""

    def frame(self, frame: WholeFrame) -> None:
        """Write one frame.  Raises UsageError for one that the format cannot hold."""

    def finish(self) -> None:
        """Write what a file without any frame needs."""


class PcapWriter:
    """pcap with nanoseconds: one link type a file, times from 1970 to 2106."""

    def __init__(self, out: BinaryIO, sources: Sequence[str]) -> None:
        self._out = out
        self._link_type: int | None = None

    def frame(self, frame: WholeFrame) -> None:
        """Write one frame; the first one decides the link type of the file."""
        if self._link_type is None:
            self._begin(frame.link_type)
        elif self._link_type != frame.link_type:
            raise UsageError(
                f"the chosen frames have link types {self._link_type} and {frame.link_type}, and pcap holds one: "
                f"write pcapng, or choose fewer"
            )
        seconds, rest = divmod(frame.time_ns, SECOND_NS)
        if not 0 <= seconds < 2**32:
            raise UsageError(
                f"the time of frame {frame.number} is outside of 1970 to 2106, which is all that pcap holds"
            )
        self._out.write(struct.pack("<IIII", seconds, rest, len(frame.data), frame.wire))
        self._out.write(frame.data)

    def finish(self) -> None:
        """Write the header of a file that got no frame."""
        if self._link_type is None:
            self._begin(ETHERNET)

    def _begin(self, link_type: int) -> None:
        self._link_type = link_type
        self._out.write(struct.pack("<IHHiIII", PCAP_NANOSECONDS, 2, 4, 0, 0, SNAPLEN, link_type))


class PcapngWriter:
    """pcapng: one section, an interface for each link type of each capture, named after the capture."""

    def __init__(self, out: BinaryIO, sources: Sequence[str]) -> None:
        self._out = out
        self._sources = sources
        self._interfaces: dict[tuple[int, int], int] = {}
        out.write(section_block())

    def frame(self, frame: WholeFrame) -> None:
        """Write one frame, and its interface before the first of it."""
        if not 0 <= frame.time_ns < 2**64:
            raise UsageError(f"the time of frame {frame.number} is before 1970, which is not written")
        number = self._interface(frame.capture, frame.link_type)
        time, size = frame.time_ns, len(frame.data)
        fixed = struct.pack("<IIIII", number, time >> 32, time & 0xFFFFFFFF, size, frame.wire)
        self._out.write(_block(PACKET, fixed + _padded(frame.data)))

    def finish(self) -> None:
        """A section without an interface is a whole file."""

    def _interface(self, capture: int, link_type: int) -> int:
        number = self._interfaces.get((capture, link_type))
        if number is None:
            number = self._interfaces[capture, link_type] = len(self._interfaces)
            self._out.write(interface_block(Interface(self._sources[capture], link_type)))
        return number


class Interface(NamedTuple):
    """What pcapng says of an interface: `snaplen` 0 is no limit, `filter` the expression that frames had to match."""

    name: str
    link_type: int
    snaplen: int = 0
    filter: str = ""


class Statistics(NamedTuple):
    """What became of an interface's frames: how many came, and how many of these the system dropped."""

    received: int
    dropped: int


def section_block() -> bytes:
    """Return the block that begins a file."""
    head = struct.pack("<IHHq", BYTE_ORDER_MAGIC, 1, 0, -1)
    return _block(SECTION, head + _options((OPTION_APPLICATION, b"handshake-inspect")))


def interface_block(interface: Interface) -> bytes:
    """Return the block that describes the next interface of the file, with times in nanoseconds."""
    options = [(OPTION_NAME, _text(interface.name)), (OPTION_RESOLUTION, bytes([NANOSECONDS]))]
    if interface.filter:
        options.append((OPTION_FILTER, LIBPCAP_FILTER + _text(interface.filter, FILTER_MOST)))
    return _block(INTERFACE, struct.pack("<HHI", interface.link_type, 0, interface.snaplen) + _options(*options))


def statistics_block(number: int, begin_ns: int, end_ns: int, statistics: Statistics) -> bytes:
    """Return the block that says what became of the frames of interface `number` between two times."""
    times = tuple(struct.pack("<II", time_ns >> 32, time_ns & 0xFFFFFFFF) for time_ns in (begin_ns, end_ns))
    options = _options(
        (OPTION_BEGIN, times[0]),
        (OPTION_END, times[1]),
        (OPTION_RECEIVED, struct.pack("<Q", statistics.received)),
        (OPTION_DROPPED, struct.pack("<Q", statistics.dropped)),
    )
    return _block(STATISTICS, struct.pack("<I", number) + times[1] + options)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _options(*options: tuple[int, bytes]) -> bytes:
    parts = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options]
    return b"".join(parts) + bytes(4)


def _text(value: str, most: int = NAME_MOST) -> bytes:
    return value.encode("utf-8", "backslashreplace")[:most]


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


class Format(NamedTuple):
    """A format that is written: what makes its writer (from a stream and the captures' names), and its endings."""

    name: str
    writer: type[PcapWriter] | type[PcapngWriter]
    suffixes: tuple[str, ...]


WRITERS = {
    row.name: row
    for row in (
        Format("pcapng", PcapngWriter, (".pcapng", ".ntar")),
        Format("pcap", PcapWriter, (".pcap", ".cap", ".dmp")),
    )
}
"""Every format that is written."""


def format_of(path: str) -> str | None:
    """The format that a file name asks for by its ending; None for any other."""
    lower = path.lower()
    return next((row.name for row in WRITERS.values() if lower.endswith(row.suffixes)), None)
