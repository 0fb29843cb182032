"""How single values are spelled for people: durations, sizes, times, addresses; and text made safe for a terminal.

Everything here gives ASCII, so that a report looks the same in every locale; only text that came
from a path or a capture may hold more, and that goes through `clean` first.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handshake_inspect.report import Endpoint, Frame

SECOND_NS = 1_000_000_000
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


def duration(nanoseconds: int | None) -> str:
    """Three figures and a unit: `12.3 ms`, `2.01 s`, `1 min 23 s`; a dash for what is not known."""
    if nanoseconds is None:
        return "-"
    if nanoseconds < 0:
        return "-" + duration(-nanoseconds)
    if nanoseconds == 0:
        return "0 s"
    for unit_ns, unit in ((1, "ns"), (1_000, "us"), (1_000_000, "ms"), (SECOND_NS, "s")):
        text = three_figures(nanoseconds, unit_ns)
        if text != "1000" and not (unit == "s" and nanoseconds >= 60 * SECOND_NS):
            return f"{text} {unit}"
        if unit == "s":
            break
    return long_duration(nanoseconds)


def long_duration(nanoseconds: int) -> str:
    """A minute or more, in its two largest units: `1 min 23 s`, `2 h`, `3 d 4 h`."""
    seconds = (nanoseconds + SECOND_NS // 2) // SECOND_NS
    for large, large_unit, small, small_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= large:
            rest = seconds % large // small
            return f"{seconds // large} {large_unit}" + (f" {rest} {small_unit}" if rest else "")
    return f"{seconds} s"


def three_figures(value: int, unit: int) -> str:
    """`value / unit` rounded to three figures, in integer arithmetic; `1000` when it belongs to the next unit."""
    if unit == 1:
        return str(value) if value < 1000 else "1000"
    for decimals in (2, 1, 0):
        scale = 10**decimals
        scaled = (value * scale + unit // 2) // unit
        if scaled < 1000:
            whole, part = divmod(scaled, scale)
            return f"{whole}.{part:0{decimals}d}" if decimals else str(whole)
    return "1000"


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
    """`10.0.0.1:80` or `[2001:db8::1]:80`; cut in the middle of the address when longer than `longest`."""
    return host_port(endpoint.address, endpoint.port, longest)


def host_port(host: str, port: int, longest: int | None = None) -> str:
    """As `address`, of a host and a port."""
    host = clean(host)
    if longest is not None:
        room = longest - len(f"[]:{port}")
        if len(host) > room:
            tail = max(1, (room - 2) // 2)
            host = f"{host[: max(1, room - 2 - tail)]}..{host[-tail:]}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def frame_number(frame: Frame | None) -> str:
    """`17`, or `1:17` for frame 17 of capture 1; a dash where no frame is."""
    if frame is None:
        return "-"
    return str(frame) if isinstance(frame, int) else f"{frame.capture}:{frame.frame}"


def frame_list(frames: Iterable[Frame], most: int = 8) -> str:
    """`frame 3`, `frames 1, 2, 3`, or the first `most` of them and how many more."""
    numbers = [frame_number(frame) for frame in frames]
    shown = ", ".join(numbers[:most])
    if len(numbers) > most:
        shown += f" and {len(numbers) - most:,} more"
    return f"frame {shown}" if len(numbers) == 1 else f"frames {shown}"


def counted(number: int, noun: str) -> str:
    """`1 frame`, `2,000 frames`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def counts(numbers: Mapping[str, int], asides: Mapping[str, str] = NO_ASIDES) -> str:
    """`4 three-way, 1 refused`: what there is, the most frequent first; `-` when nothing is.

    A word with an aside gets it in parentheses: `2 none (never opened)`.
    """
    there = sorted(((number, word) for word, number in numbers.items() if number), key=lambda pair: -pair[0])
    return ", ".join(
        f"{number:,} {clean(word)}" + (f" ({asides[word]})" if word in asides else "") for number, word in there
    ) or "-"  # fmt: skip
