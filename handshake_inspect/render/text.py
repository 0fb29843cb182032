"""How single values are spelled for people: durations, sizes, times, addresses; and text made safe for a terminal.

Everything here gives ASCII, so that a report looks the same in every locale; only text that came
from a path or a capture may hold more, and that goes through `clean` first.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

from handshake_inspect.spelling import SECOND_NS, called, counted, duration, frame_list, frame_number, three_figures

if TYPE_CHECKING:
    from handshake_inspect.report import Endpoint

__all__ = [
    "address", "called", "clean", "clock", "counted", "counts", "duration", "frame_list", "frame_number", "host_port",
    "seconds", "size", "three_figures",
]  # fmt: skip

NO_ASIDES: Mapping[str, str] = {}

UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that no terminal should be shown: controls (with ESC, C0 and C1), format characters
(with the bidirectional ones, U+202A to U+202E and U+2066 to U+2069), lone surrogates, private and unassigned
code points, and the line and paragraph separators."""


def clean(text: str) -> str:
    r"""The text with every unsafe character spelled out (`\x1b`, `\u202e`), so that nothing hides or acts."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(spelled(c) if unicodedata.category(c) in UNSAFE_CATEGORIES else c for c in text)


def spelled(character: str) -> str:
    r"""The character as Python spells it in ASCII: `\x1b`, `\u202e`, `\U000e0001`."""
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def size(count: int) -> str:
    """A number of bytes in decimal units: `999 B`, `1.46 kB`, `12.0 MB`."""
    unit = 1
    for name in ("B", "kB", "MB", "GB"):
        text = three_figures(count, unit)
        if text != "1000":
            return f"{text} {name}"
        unit *= 1000
    return f"{count / 1e12:,.2f} TB"


def seconds(nanoseconds: int, decimals: int) -> str:
    """Seconds with a fixed number of decimals (0 to 9), cut, never rounded: as Wireshark's time column."""
    sign = "-" if nanoseconds < 0 else ""
    whole, part = divmod(abs(nanoseconds), SECOND_NS)
    return f"{sign}{whole}.{f'{part:09d}'[:decimals]}"


def clock(nanoseconds: int, *, utc: bool) -> str:
    """A time since 1970 as date, time and zone: `2026-03-01 10:00:00.123456 UTC` or `... +01:00`."""
    from datetime import UTC, datetime, timedelta

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds // 1000)
    if utc:
        return moment.strftime("%Y-%m-%d %H:%M:%S.%f UTC")
    return moment.astimezone().isoformat(" ", "microseconds").replace("+00:00", " UTC")


def address(endpoint: Endpoint, longest: int | None = None) -> str:
    """`10.0.0.1:80`, `[2001:db8::1]:80` or `www.example.org:80`; cut in its middle when longer than `longest`."""
    return host_port(called(endpoint.address, endpoint.names), endpoint.port, longest)


def host_port(host: str, port: int, longest: int | None = None) -> str:
    """As `address`, of a host and a port."""
    host = clean(host)
    if longest is not None:
        room = longest - len(f"[]:{port}")
        if len(host) > room:
            tail = max(1, (room - 2) // 2)
            host = f"{host[: max(1, room - 2 - tail)]}..{host[-tail:]}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def counts(numbers: Mapping[str, int], asides: Mapping[str, str] = NO_ASIDES) -> str:
    """`4 three-way, 1 refused`: what there is, the most frequent first; `-` when nothing is.

    A word with an aside gets it in parentheses: `2 none (never opened)`.
    """
    there = sorted(((number, word) for word, number in numbers.items() if number), key=lambda pair: -pair[0])
    return ", ".join(
        f"{number:,} {clean(word)}" + (f" ({asides[word]})" if word in asides else "") for number, word in there
    ) or "-"  # fmt: skip
