"""The loop: frames in, changes out, and the same report at the end as for a file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from handshake_inspect.analysis import Report, capture_info, two_msl_ns
from handshake_inspect.capture import Batch
from handshake_inspect.decode import Decoder
from handshake_inspect.errors import CaptureError
from handshake_inspect.live.events import Event, Lost
from handshake_inspect.live.remaining import Remaining
from handshake_inspect.live.table import Table
from handshake_inspect.report import Connection
from handshake_inspect.rfc9293.states import State

TICK_S = 0.2
"""How often listeners are called."""

MOST_CONNECTIONS = 65_536
"""Connections in the table at most, unless asked otherwise: some 100 MB, if all of them went the whole way."""


class Source(Protocol):
    """Where frames come from while they come.  The other attributes are those of `Capture`."""

    path: str
    frames: int
    faults: list[CaptureError]

    @property
    def lost(self) -> int | None:
        """Frames that were dropped before they got here, None where nobody knows."""

    @property
    def bytes(self) -> int:
        """Bytes of the frames so far."""

    @property
    def last_time_ns(self) -> int | None:
        """The largest time of the frames so far."""

    @property
    def now_ns(self) -> int:
        """The time, in the frames' clock: every frame until then has been yielded."""

    def batches(self) -> Iterator[Batch | None]:
        """Yield batches, each until the next is asked for, and None at least every TICK_S when nothing comes."""

    def stop(self) -> None:
        """Let `batches` end soon: with what was already taken."""


class Tap(Protocol):
    """Sees each batch, before it is analysed; a saver does."""

    def batch(self, batch: Batch) -> None:
        """Take the batch; it is gone when this returns."""


class News:
    """What changed since the last time, and how things are.

    `events` are in the order of their times.  `connections` counts all there ever were, `there` those that have not
    left the table, `left` the others by reason.
    """

    def __init__(self, events: Sequence[Event], source: Source, table: Table) -> None:
        self.events = events
        self.source = source.path
        self.frames = source.frames
        self.bytes = source.bytes
        self.lost = source.lost
        self.now_ns = source.now_ns
        self.connections = table.count
        self.there = table.there
        self.left = table.left
        self._table = table

    @property
    def states(self) -> dict[str, int]:
        """How many endpoints are in each state, but for CLOSED and LISTEN."""
        return self._table.states

    @property
    def findings(self) -> dict[str, int]:
        """How many connections show each finding, by its id."""
        return self._table.findings

    def longest(self, state: State) -> tuple[Connection, int, int] | None:
        """Return the connection with an endpoint longest in `state`, which side (0 client) and since when, or None."""
        return self._table.longest(state)


class Listener(Protocol):
    """Hears what changes: of the `newest` connections that did (None: of all), with `whole` also how they ended."""

    newest: int | None
    whole: bool

    def hear(self, news: News) -> None:
        """Called a few times a second, when nothing changed as well, and once after the last frame."""


class Engine:
    """Runs a source to its end, to `count` frames, for `duration_s` seconds or until `stop`.

    `two_msl` is as for `analyse`; `max_connections` are in the table at most.
    """

    def __init__(
        self,
        source: Source,
        *,
        two_msl: str = "linux",
        taps: Sequence[Tap] = (),
        listeners: Sequence[Listener] = (),
        count: int | None = None,
        duration_s: float | None = None,
        max_connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._source = source
        self._taps = taps
        self._listeners = listeners
        self._left = count
        self._duration_s = duration_s
        self._decoder = Decoder()
        self._table = Table(two_msl_ns(two_msl), two_msl, max_connections)
        self._lost = 0
        self._looked_ns = 0

    @property
    def left(self) -> dict[str, int]:
        """How many connections have left the table, by reason."""
        return self._table.left

    def stop(self) -> None:
        """End the run soon; what was captured until now is still analysed.  May be called from a signal handler."""
        self._source.stop()

    def run(self) -> Report | Remaining:
        """Return the report, when there is nothing more to come."""
        until = None if self._duration_s is None else time.monotonic() + self._duration_s
        tick = time.monotonic() + TICK_S
        for batch in self._source.batches():
            if batch is not None:
                self._take(batch)
            now = time.monotonic()
            if until is not None and now >= until:
                self._source.stop()
                until = None
            if now >= tick:
                self._tell(self._changes(self._source.now_ns))
                tick = now + TICK_S
        # The report ends with the last frame, as that on a file; or with the last TIME_WAIT that ran out after it.
        end_ns = max(self._source.last_time_ns or 0, self._table.expired_ns)
        events = self._changes(end_ns, last=True)
        report = self._table.report(capture_info(self._source, self._decoder), end_ns, self._source.faults)
        if self._whole:
            events += self._table.rest(report)
        self._tell(events)
        return report

    @property
    def _whole(self) -> bool:
        return any(listener.whole for listener in self._listeners)

    def _take(self, batch: Batch) -> None:
        """Take a batch into account; of one that goes beyond `count`, its first frames."""
        if self._left is not None:
            batch.count = min(batch.count, self._left)
            self._left -= batch.count
            if not self._left:
                self._source.stop()
        for tap in self._taps:
            tap.batch(batch)
        rows = self._decoder.decode(batch)
        self._table.take(self._decoder.segments, rows)

    def _changes(self, now_ns: int, *, last: bool = False) -> list[Event]:
        """Return what changed, and let connections leave."""
        lost = (self._source.lost or 0) - self._lost
        if lost:
            self._lost += lost
            self._table.lose(self._looked_ns, now_ns + int(TICK_S * 1e9), lost)
        self._looked_ns = now_ns
        wanted = [listener.newest for listener in self._listeners]
        newest = -1 if None in wanted else max((each for each in wanted if each is not None), default=0)
        events = self._table.changes(now_ns, newest=newest, whole=self._whole, last=last)
        if not last:
            events += self._table.let_go(now_ns, whole=self._whole)
        if lost:
            events.append(Lost(time_ns=now_ns, frames=lost))
        return events

    def _tell(self, events: list[Event]) -> None:
        news = News(events, self._source, self._table)
        for listener in self._listeners:
            listener.hear(news)
