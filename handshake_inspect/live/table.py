"""The connections of a run without an end: who changed, who leaves, and the report on all of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

from handshake_inspect.analysis import Report
from handshake_inspect.errors import CaptureError
from handshake_inspect.live.events import Ended, Event
from handshake_inspect.live.remaining import Remaining
from handshake_inspect.live.telling import events_of
from handshake_inspect.report import CaptureInfo, Connection
from handshake_inspect.rfc9293.states import State
from handshake_inspect.track.tracker import NOBODYS, Tracker
from handshake_inspect.verdict.judge import Judge
from handshake_inspect.verdict.leaving import Leaving
from handshake_inspect.verdict.watch import Watch
from handshake_inspect.views import Views

UNANSWERED_NS = 180 * 10**9
"""Silence after which a connection that never opened may leave; `handshake_inspect.stream` says why."""


class Table:
    """At most `most` connections, and counts over all that ever were.

    While there are no more than half of it, all stay and are in the report at the end.  Then those leave that are over
    and 2MSL have passed; and when there are more than `most`, those seen least recently.
    """

    def __init__(self, two_msl_ns: int, profile: str, most: int) -> None:
        self.tracker = Tracker()
        self._watch = Watch(self.tracker, two_msl_ns)
        self._judge = Judge(self.tracker, 0, two_msl_ns)
        self._leaving = Leaving(self.tracker, self._judge, two_msl_ns, UNANSWERED_NS, most)
        self._views = Views(several=False, profile=profile, capture_end_ns=0)
        self._two_msl_ns = two_msl_ns
        self._most = most
        self._looked_ns = 0
        self._numbers = array("I", [NOBODYS])
        self._told_whole: set[int] = set()

    @property
    def count(self) -> int:
        """How many connections there were in all."""
        return int(self.tracker.connection_count)

    @property
    def there(self) -> int:
        """How many of them have not left."""
        return int(self.tracker.connection_count - self.tracker.left_count)

    @property
    def left(self) -> dict[str, int]:
        """How many have left, by reason: `over`, `never-opened`, `replaced`, `oldest`."""
        found: dict[str, int] = self._leaving.left
        return found

    @property
    def states(self) -> dict[str, int]:
        """How many endpoints are in each state, but for CLOSED and LISTEN."""
        found: dict[str, int] = self._watch.states
        return found

    @property
    def findings(self) -> dict[str, int]:
        """How many of the connections that are there show each finding, by its id."""
        found: dict[str, int] = self._watch.findings
        return found

    @property
    def expired_ns(self) -> int:
        """When the last TIME_WAIT ran out of which that was told."""
        return int(self._watch.expired_ns)

    def take(self, segments: Any, rows: int) -> None:
        """Take the first rows of a Segment column into account."""
        if rows > len(self._numbers):
            self._numbers = array("I", [NOBODYS]) * rows
        self.tracker.track(segments, rows, self._numbers)
        self._watch.touch(self._numbers, rows)

    def changes(self, now_ns: int, *, newest: int = -1, whole: bool = False, last: bool = False) -> list[Event]:
        """Return what changed since the last call, of the `newest` connections that did (-1: of all).

        With `whole`, connections that ended are among it, and at the `last` call all others.
        """
        self._views.capture_end_ns = now_ns
        changes = self._watch.collect(now_ns, newest, last)
        found = events_of(changes, self._watch.judge, self._views, whole=whole)
        if whole:
            self._told_whole.update(event.connection.id for event in found if isinstance(event, Ended))
        return found

    def let_go(self, now_ns: int, *, whole: bool = False) -> Iterator[Event]:
        """Let connections leave where there are many, and yield those that were not told as a whole."""
        crowded = self.there > self._most
        if not crowded and (self.there <= self._most // 2 or now_ns - self._looked_ns < self._two_msl_ns // 8):
            return
        self._looked_ns = now_ns
        self._views.capture_end_ns = now_ns
        for position in self._leaving.find(now_ns):
            self._watch.forget(position)
            connection = self._views.connection(self._judge, position) if whole else None
            self._leaving.take(position)
            if connection is None:
                continue
            if connection.id not in self._told_whole:
                yield Ended(connection=connection)
            self._told_whole.discard(connection.id)

    def lose(self, first_ns: int, last_ns: int, frames: int) -> None:
        """Tell that frames were lost between two times."""
        self._judge.lose(first_ns, last_ns, frames)
        self._watch.lose(first_ns, last_ns, frames)

    def longest(self, state: State) -> tuple[Connection, int, int] | None:
        """Return the connection with an endpoint longest in `state`, which side (0 client) and since when, or None."""
        found = self._watch.oldest(int(state))
        if found is None:
            return None
        position, side, since_ns = found
        return self._views.connection(self._watch.judge, position), side, since_ns

    def report(self, info: CaptureInfo, end_ns: int, faults: list[CaptureError]) -> Report | Remaining:
        """Return the report; nothing may be taken after."""
        self._judge.end(end_ns)
        self._judge.judge_all()
        self._views.capture_end_ns = end_ns
        if not self.tracker.left_count:
            return Report((info,), self.tracker, self._judge, self._views, faults)
        return Remaining(info, self._judge, self._views, self._watch.positions())

    def rest(self, report: Report | Remaining) -> Iterator[Event]:
        """Yield the connections of the report that were not told as a whole."""
        for connection in report.connections:
            if connection.id not in self._told_whole:
                yield Ended(connection=connection)
