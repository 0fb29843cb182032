"""The whole journey in one function: captures in, report out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, overload

from handshake_inspect.ahead import ahead, pays
from handshake_inspect.capture import Capture, open_capture
from handshake_inspect.capture.source import STDIN
from handshake_inspect.columns import COUNTER_NAMES
from handshake_inspect.decode import Decoder, link_type_name
from handshake_inspect.errors import CaptureError, UsageError
from handshake_inspect.track.tracker import Tracker
from handshake_inspect.verdict.judge import Judge
from handshake_inspect.verdict.words import TWO_MSL_NS

if TYPE_CHECKING:
    import pandas
    import pyarrow
    from numpy import void
    from numpy.typing import NDArray

    from handshake_inspect.report import CaptureInfo, Connection, Summary
    from handshake_inspect.tables import Table
    from handshake_inspect.views import Views

Progress = Callable[[int, int | None], None]
"""Called after each batch with the bytes of the inputs read so far and their size, None for a pipe."""

HANDED_OVER = 8192
"""Segments that one thread hands over to the other at once; to wake a core costs as much as to track a thousand."""

DURATION = r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ns|us|ms|s|min|m|h)"
UNITS_NS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def two_msl_ns(profile: str) -> int:
    """Return a 2MSL in nanoseconds: a system's name or a duration such as `30s`.  Raises UsageError."""
    if profile in TWO_MSL_NS:
        return TWO_MSL_NS[profile]
    match = re.fullmatch(DURATION, profile.strip())
    if match is None:
        raise UsageError(f"2MSL is one of {', '.join(TWO_MSL_NS)} or a duration such as 30s, not {profile!r}")
    return int(float(match["number"]) * UNITS_NS[match["unit"]])


class Connections(Sequence["Connection"]):
    """The connections of a report: counting them is free, each view is made when it is asked for."""

    def __init__(self, judge: Judge, count: int, views: Views) -> None:
        self._judge = judge
        self._count = count
        self._views = views

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Connection: ...
    @overload
    def __getitem__(self, place: slice) -> list[Connection]: ...
    def __getitem__(self, place: int | slice) -> Connection | list[Connection]:
        if isinstance(place, slice):
            return [self[row] for row in range(*place.indices(self._count))]
        row = place + self._count if place < 0 else place
        found: Connection = self._views.connection(self._judge, row)
        return found

    def __iter__(self) -> Iterator[Connection]:
        for row in range(self._count):
            yield self._views.connection(self._judge, row)


class Report:
    """What was found in one or several captures.

    captures: what each input is, what was in it and what was wrong with it
    connections: every connection, in the order of first segments; a view is made when it is asked for
    faults: what could not be read, as errors that were not raised
    """

    def __init__(
        self,
        captures: tuple[CaptureInfo, ...],
        tracker: Tracker,
        judge: Judge,
        views: Views,
        faults: list[CaptureError],
    ) -> None:
        self.captures: tuple[CaptureInfo, ...] = captures
        self.connections: Connections = Connections(judge, tracker.connection_count, views)
        self.faults: list[CaptureError] = faults
        self._tracker = tracker
        self._judge = judge

    @property
    def summary(self) -> Summary:
        """The counts over all connections."""
        from handshake_inspect.report import Summary

        return Summary(**self._judge.summary())

    def worst(self, count: int) -> list[int]:
        """Return the ids of the `count` connections worth showing first: the worst findings, then the order."""
        found: list[int] = self._judge.worst(count)
        return found

    def first_with(self, finding_id: str) -> int | None:
        """Return the id of the first connection that shows the finding `finding_id`, None without one."""
        found: int | None = self._judge.first_with(finding_id)
        return found

    def to_numpy(self, table: Table = "connections") -> NDArray[void]:
        """Return a table as a NumPy structured array: a row a connection, or with "transitions" a row a transition.

        No view is made: 100,000 connections take about a second.  Times are `datetime64[ns]` (UTC), durations
        `timedelta64[ns]`.  What is not known is NaT, -1 or an empty text.  The reference lists the columns.
        Raises UsageError for another table.

        >>> table = analyse("sample_pcaps/normal_close_by_client/capture.pcap").to_numpy()
        >>> table[["server_port", "closing", "handshake"]].tolist()
        [(80, 'four-way', 20264000)]
        """
        from handshake_inspect import tables

        return tables.to_numpy(self._judge, len(self.connections), table)

    def to_arrow(self, table: Table = "connections") -> pyarrow.Table:
        """Return a table for Arrow, with the columns of `to_numpy`; what is not known is null.

        Needs pyarrow: `pip install 'handshake-inspect[arrow]'`.  Raises ImportError without it, UsageError for
        another table.
        """
        from handshake_inspect.tables import arrow

        return arrow.to_arrow(self._judge, len(self.connections), table)

    def to_parquet(self, path: str | os.PathLike[str], table: Table = "connections") -> None:
        """Write a table to a Parquet file, with the columns of `to_arrow`; few rows at a time are in memory.

        Needs pyarrow: `pip install 'handshake-inspect[arrow]'`.  Raises ImportError without it, OSError where the
        file cannot be written, UsageError for another table.
        """
        from handshake_inspect.tables import arrow

        arrow.to_parquet(self._judge, len(self.connections), path, table)

    def to_pandas(self, table: Table = "connections") -> pandas.DataFrame:
        """Return a table as a DataFrame, with the columns of `to_numpy`; what is not known is `<NA>` or NaT.

        Needs pandas: `pip install 'handshake-inspect[pandas]'`.  Raises ImportError without it, UsageError for
        another table.
        """
        from handshake_inspect.tables import pandas

        return pandas.to_pandas(self._judge, len(self.connections), table)


def in_time_order(paths: Sequence[str]) -> list[str]:
    """Return several captures in the order of their first frames; equal or unknown times keep the given order."""
    from handshake_inspect.capture import first_time_ns

    if len(paths) < 2 or STDIN in paths:
        return list(paths)
    times: dict[str, int] = {}
    for path in paths:
        try:
            times[path] = first_time_ns(path) or 0
        except CaptureError:
            times[path] = 0
    return sorted(paths, key=times.__getitem__)


class Reading:
    """Captures read as one, in the order of their first frames; `faults` and `end_ns` grow with `columns`."""

    def __init__(self, paths: str | Sequence[str], progress: Progress | None = None) -> None:
        self.names = [paths] if isinstance(paths, str) else list(paths)
        if not self.names:
            raise UsageError("no capture named")
        self.faults: list[CaptureError] = []
        self._progress = progress
        self._read: list[tuple[Capture, Decoder]] = []

    @property
    def several(self) -> bool:
        """Whether more than one capture was read."""
        return len(self._read) > 1

    @property
    def end_ns(self) -> int:
        """The time of the last frame, 0 without one."""
        ends = [capture.last_time_ns for capture, _ in self._read if capture.last_time_ns is not None]
        return max(ends, default=0)

    def infos(self) -> tuple[CaptureInfo, ...]:
        """Return what is known of each capture that was read."""
        return tuple(capture_info(capture, decoder) for capture, decoder in self._read)

    def columns(self, look_up: Callable[[Any, int], object]) -> Generator[tuple[Any, int], None, None]:
        """Yield Segment columns and how many rows are filled; each stays until the next but two.

        The thread that reads calls `look_up` with those for which it has the time before they are yielded.
        Raises CaptureError when no input is a capture; what is wrong with one among others is in `faults`.
        """
        total = _total_size(self.names) if self._progress else None
        fragments: Any = None
        done = 0
        for name in in_time_order(self.names):
            try:
                capture = open_capture(name, index=len(self._read))
            except CaptureError as fault:
                if len(self.names) == 1:
                    raise
                self.faults.append(fault)
                continue
            decoder = Decoder() if fragments is None else Decoder(fragments)
            fragments = getattr(decoder, "fragments", None)
            self._read.append((capture, decoder))
            yield from self._columns_of(capture, decoder, look_up, done, total)
            done += capture.size or 0
            self.faults += capture.faults
        if not self._read:
            raise self.faults[0]

    def _columns_of(
        self,
        capture: Capture,
        decoder: Decoder,
        look_up: Callable[[Any, int], object],
        done: int,
        total: int | None,
    ) -> Generator[tuple[Any, int], None, None]:
        if pays(capture.size):
            columns = ahead(_decoded(capture, decoder, HANDED_OVER), lambda column: look_up(*column))
        else:
            columns = _decoded(capture, decoder, 1)
        with closing(columns):
            for segments, rows in columns:
                yield segments, rows
                if self._progress:
                    self._progress(done + capture.position, total)


def _decoded(capture: Capture, decoder: Decoder, enough: int) -> Generator[tuple[Any, int], None, None]:
    """Yield Segment columns and how many rows are filled, `enough` or the last; each stays until the next but two."""
    rows = 0
    for batch in capture.batches():
        rows = decoder.decode(batch, rows)
        if rows >= enough:
            yield decoder.segments, rows
            decoder.turn()
            rows = 0
    if rows:
        yield decoder.segments, rows


def analyse(paths: str | Sequence[str], *, two_msl: str = "linux", progress: Progress | None = None) -> Report:
    """Read captures and return the report on every TCP connection in them.

    Several captures are one tap's rotated files: they are read in the order of their first frames, as one.
    `two_msl` names how long TIME_WAIT is taken to last: linux, macos, freebsd, windows, rfc, or a duration (`30s`).
    An input that is damaged is read up to the damage, which is in the report's `faults`.  Raises CaptureError
    when an input is no capture at all and is the only one, UsageError for a 2MSL that is none.  `progress` is called
    after each batch with the bytes read so far and the size of all inputs, None for a pipe.

    >>> report = analyse("sample_pcaps/normal_close_by_client/capture.pcap")
    >>> (connection,) = report.connections
    >>> connection.opening.kind, connection.closing.kind, connection.closing.first
    ('three-way', 'four-way', 'client')
    >>> [step.to for step in connection.client.transitions]
    ['SYN_SENT', 'ESTABLISHED', 'FIN_WAIT_1', 'FIN_WAIT_2', 'TIME_WAIT']
    """
    reading = Reading(paths, progress)
    wait_ns = two_msl_ns(two_msl)
    tracker = Tracker()
    with closing(reading.columns(tracker.look_up)) as columns:
        for segments, rows in columns:
            tracker.track(segments, rows)
    judge = Judge(tracker, reading.end_ns, wait_ns)
    judge.judge_all()
    from handshake_inspect.views import Views

    views = Views(several=reading.several, profile=two_msl, capture_end_ns=reading.end_ns)
    return Report(reading.infos(), tracker, judge, views, reading.faults)


def _total_size(names: Sequence[str]) -> int | None:
    try:
        return sum(os.path.getsize(name) for name in names)
    except OSError:
        return None


def capture_info(capture: Any, decoder: Decoder) -> CaptureInfo:
    """Return what is known of a capture (of `Capture`'s attributes) and of its decoder's counts."""
    from handshake_inspect.report import CaptureInfo, Counters, Fault

    return CaptureInfo(
        path=capture.path,
        format=capture.format,
        byte_order=capture.byte_order,
        time_resolution_ns=capture.time_resolution_ns,
        link_types=tuple(link_type_name(number) for number in capture.link_types),
        bytes=capture.bytes,
        frames=capture.frames,
        first_time_ns=capture.first_time_ns,
        last_time_ns=capture.last_time_ns,
        counters=Counters(**dict(zip(COUNTER_NAMES, decoder.counters, strict=True))),
        unsupported=dict(decoder.unsupported),
        faults=tuple(Fault(offset=fault.offset, frame=fault.frame, problem=fault.problem) for fault in capture.faults),
    )
