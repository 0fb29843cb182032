"""Which file formats are read, and how a file is recognised by its first bytes.

To add a format: a reader (see `reader.Reader`), and one row in FORMATS for each of its magic numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from handshake_inspect.capture.pcap import PcapReader
from handshake_inspect.capture.pcapng import PcapngReader
from handshake_inspect.capture.reader import ByteOrder, Reader


class Format(NamedTuple):
    """A magic number: the format that it begins, the reader and what that reader is told about the variant."""

    magic: bytes
    name: str
    reader: Callable[..., Reader]
    byte_order: ByteOrder | None
    variant: dict[str, Any]


def _pcap(number: int, **variant: Any) -> tuple[Format, Format]:
    """Return the rows of one of pcap's magic numbers, in both byte orders."""
    return (
        Format(number.to_bytes(4, "little"), "pcap", PcapReader, "little", variant),
        Format(number.to_bytes(4, "big"), "pcap", PcapReader, "big", variant),
    )


FORMATS: tuple[Format, ...] = (
    # Some Linux distributions and Nokia's firewalls wrote 8 or 4 more bytes in each record's header under this number.
    *_pcap(0xA1B2C3D4, unit_ns=1_000, record_headers=(16, 24, 20)),
    *_pcap(0xA1B23C4D, unit_ns=1),
    # Alexey Kuznetsov's libpcap, in Linux distributions around 2000: 8 or 12 more bytes in each record's header.
    *_pcap(0xA1B2CD34, unit_ns=1_000, record_headers=(24, 28)),
    # Ixia's lcap, from its hardware and its software: 4 more bytes in the file's header.
    *_pcap(0x1C0001AC, unit_ns=1_000, file_header=28),
    *_pcap(0x1C0001AB, unit_ns=1_000, file_header=28),
    Format(b"\x0a\x0d\x0d\x0a", "pcapng", PcapngReader, None, {}),
)
"""Every format that is read, by magic number."""

READ = "pcap, pcapng, or either in gzip, bzip2, xz, zstd, lz4 are read"
"""What is read, for the message to somebody who has something else."""

# fmt: off
OTHERS = (
    (rb"snoop\0\0\0",      "a snoop capture",                       "editcap"),
    (rb"GMBU",             "a Microsoft Network Monitor capture",   "editcap"),
    (rb"RTSS",             "a Microsoft Network Monitor 1 capture", "editcap"),
    (rb"XCP\0",            "a NetXRay or Windows Sniffer capture",  "editcap"),
    (rb"TRSNIFF data",     "a Sniffer capture",                     "editcap"),
    (rb"\x7fver",          "an OmniPeek capture",                   "editcap"),
    (rb"iptrace [12]\.0",  "an AIX iptrace capture",                "editcap"),
    (rb"btsnoop\0",        "a Bluetooth snoop capture",             "editcap"),
    (rb"TR\0d\0",          "an HP-UX nettl trace",                  "editcap"),
    (rb"(0x)?[0-9A-Fa-f]{4,8}:?[ \t]+[0-9A-Fa-f]{2}[ 0-9A-Fa-f]", "a hexdump", "text2pcap"),
)
"""Captures that are not read: a pattern of the first 16 bytes, the name, and Wireshark's tool that converts them."""
# fmt: on


def identify(head: bytes) -> Format | None:
    """Return the row of FORMATS that `head`, the first bytes of a file, begins with."""
    return next((row for row in FORMATS if head.startswith(row.magic)), None)
