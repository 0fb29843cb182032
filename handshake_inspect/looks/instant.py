"""Instants that a person names: a time of day, seconds into the capture, a frame."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from handshake_inspect.capture import open_capture
from handshake_inspect.capture.source import STDIN
from handshake_inspect.errors import UsageError

FRAME = re.compile(r"frame:(?:(?P<capture>\d{1,6}):)?(?P<frame>\d{1,12})", re.ASCII)
OFFSET = re.compile(r"\+(?P<number>\d{1,12}(?:\.\d{1,9})?)\s*(?P<unit>ns|us|ms|s|min|m|h)?", re.ASCII)
EPOCH = re.compile(r"(?P<seconds>\d{9,12})(?:\.(?P<part>\d{1,9}))?", re.ASCII)
CLOCK = re.compile(r"(?P<time>\d{1,2}:\d\d:\d\d)(?:\.(?P<part>\d{1,9}))?", re.ASCII)
DATE = re.compile(r"(?P<date>\d{4}-\d\d-\d\d)[ T](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.(?P<part>\d{1,9}))?"
                  r"\s*(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?", re.ASCII)  # fmt: skip
UNITS_NS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
LOOKS = (
    "+12.5 (seconds into the capture; +250ms), frame:17 (frame:1:17 of several captures), "
    "10:00:05.25, '2026-03-01 10:00:05' or seconds since 1970"
)


def instant_ns(text: str, paths: Sequence[str], first_ns: int, *, utc: bool) -> int:
    """Return the instant that `text` names, in nanoseconds since 1970.

    `paths` are the captures in the order of their numbers, `first_ns` the time of their first frame: `+` counts from
    it, and a time of day is taken on its date.  Local time unless `utc`.  Raises UsageError.
    """
    text = text.strip()
    if found := FRAME.fullmatch(text):
        return _of_frame(paths, int(found["capture"] or 0), int(found["frame"]))
    if found := OFFSET.fullmatch(text):
        whole, _, part = found["number"].partition(".")
        unit = UNITS_NS[found["unit"] or "s"]
        scale: int = 10 ** len(part)
        return first_ns + int(whole) * unit + int(part or 0) * unit // scale
    if found := EPOCH.fullmatch(text):
        return int(found["seconds"]) * 10**9 + _fraction(found["part"])
    zone = UTC if utc else None
    try:
        if found := CLOCK.fullmatch(text):
            first = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=first_ns // 10**9)
            day = first.astimezone(zone).date().isoformat()
            time = found["time"].rjust(8, "0")
            return _seconds_ns(datetime.fromisoformat(f"{day} {time}"), utc) + _fraction(found["part"])
        if found := DATE.fullmatch(text):
            moment = datetime.fromisoformat(f"{found['date']} {found['time']}{_offset(found['zone'])}")
            return _seconds_ns(moment, utc) + _fraction(found["part"])
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"--at takes {LOOKS}; not '{text}'")


def _offset(zone: str | None) -> str:
    return "" if zone is None else "+00:00" if zone in ("Z", "UTC") else zone


def _seconds_ns(moment: datetime, utc: bool) -> int:
    if moment.tzinfo is None and utc:
        moment = moment.replace(tzinfo=UTC)
    return (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) * 10**9


def _fraction(part: str | None) -> int:
    return int((part or "0").ljust(9, "0"))


def _of_frame(paths: Sequence[str], capture: int, frame: int) -> int:
    """The time of one frame, from a pass over its capture."""
    if capture >= len(paths):
        raise UsageError(f"--at frame:{capture}:{frame}: captures are numbered 0 to {len(paths) - 1}")
    path = paths[capture]
    if path == STDIN:
        raise UsageError("--at frame:N: standard input cannot be read twice; save it to a file first")
    import numpy as np

    reader = open_capture(path)
    try:
        for batch in reader.batches():
            if batch.first_frame <= frame < batch.first_frame + batch.count:
                return int(np.asarray(batch.frames)[frame - batch.first_frame]["time_ns"])
    finally:
        reader.close()
    raise UsageError(f"--at frame:{frame}: {path} has {reader.frames:,} frames, counted from 1")
