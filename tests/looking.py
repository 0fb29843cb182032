"""Ladders as capture files on disk, for looks that read a capture twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from handshake_inspect import Report, analyse
from wrappings import PLAIN, START_NS, capture_bytes, frames

MS, SECOND = 10**6, 10**9


def recorded(folder: Path, ladder: str, wrapping: Any = PLAIN, **choices: Any) -> tuple[str, Report]:
    """Write the capture of a ladder; return its path and the report on it."""
    path = folder / "ladder.pcap"
    path.write_bytes(capture_bytes(frames(ladder, wrapping), wrapping))
    return str(path), analyse(str(path), **choices)


def moment(seconds: float) -> int:
    """The time that is so many seconds after a ladder's start."""
    return START_NS + round(seconds * SECOND)


def end_of(report: Report) -> int:
    """The time of the last frame."""
    last = report.captures[0].last_time_ns
    assert last is not None
    return last
