"""When a SYN is sent again, and which systems keep that timetable."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from handshake_inspect.report import Schedule


class Timetable(NamedTuple):
    """One system's gaps between copies of a SYN, in seconds; `gives_up` is when connect fails, after the first SYN."""

    name: str
    gaps: tuple[float, ...]
    gives_up: float


LINEAR_FIRST = (1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)

# fmt: off
TIMETABLES = (
    Timetable("Linux before 6.5, or tcp_syn_linear_timeouts = 0 (1, 2, 4, ... s)", (1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
              127.0),
    Timetable("Linux 6.5 and newer (1, 1, 1, 1, 1, 2, 4, ... s)", LINEAR_FIRST, 134.0),
    Timetable("BSD and macOS (1, 1, 1, 1, 1, 2, 4, ... s)", LINEAR_FIRST, 75.0),
    Timetable("Windows 2000 and XP (3, 6 s)", (3.0, 6.0), 21.0),
)
# fmt: on

TOLERANCE = 0.15
"""How far a gap may be off: timers run late, Linux rounds them up to a few per cent."""


def schedule_fits(gaps_ns: tuple[int, ...]) -> tuple[str, ...]:
    """Return the names of the timetables that the gaps between SYNs are consistent with."""
    gaps = [gap / 1e9 for gap in gaps_ns]
    return tuple(
        table.name
        for table in TIMETABLES
        if len(gaps) <= len(table.gaps)
        and all(abs(gap - expected) <= TOLERANCE * expected for gap, expected in zip(gaps, table.gaps, strict=False))
    )


def schedule_of(syn_times: tuple[int, ...]) -> Schedule:
    """Return the gaps between the copies of a SYN, and whose they may be."""
    gaps = tuple(after - before for before, after in pairwise(syn_times))
    return Schedule(gaps_ns=gaps, fits=schedule_fits(gaps))
