"""How values are spelled in a sentence: durations, counts, frames.  ASCII, the same in every locale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handshake_inspect.report import Frame

SECOND_NS = 1_000_000_000


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


def called(address: str, names: Sequence[str]) -> str:
    """What the capture calls an address, where names were asked for and it does; else the address."""
    return names[0] if names else address


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
