"""Connections that are given out when they are over and then forgotten: for captures without an end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from handshake_inspect.analysis import Progress, Reading, in_time_order, two_msl_ns
from handshake_inspect.capture import open_capture
from handshake_inspect.errors import CaptureError
from handshake_inspect.track.tracker import Tracker
from handshake_inspect.verdict.judge import Judge
from handshake_inspect.verdict.leaving import Leaving

if TYPE_CHECKING:
    from handshake_inspect.report import CaptureInfo, Connection, Summary

UNANSWERED_NS = 180 * 10**9
"""Silence after which a connection that never opened has been given up: Linux sends its last SYN after 63 s and waits
until 127 s, others are earlier."""

OFTEN = 8
"""Connections are looked through when so many segments have come as an eighth of them, or an eighth of 2MSL has passed:
a segment pays for a look at eight connections at most."""


class Stream:
    """Connections as they end.  `add` segments; `over` gives out those that are over; `rest` the others, at the end.

    A connection is over when both its endpoints are CLOSED (a TIME_WAIT has passed) and 2MSL went by without a
    segment; its view is the last one.  Ids count all connections in the order of their first segments, as in a
    report on the whole.  With `unanswered_ns`, those that never opened, and those that a later incarnation replaced,
    leave after that silence too, in the state that they are in; 0 lets them stay.  With `max_connections`, the ones
    seen least recently leave whenever there are more, an eighth at once; what then comes for them begins a connection
    anew, in mid-stream.  `left` says how many left, by reason.

    Of those that left, the last 262,144 4-tuples are remembered: a later incarnation is numbered on, and a segment
    that comes late for one is counted in `late` and changes nothing.  So memory is bounded by the connections that
    are there.

    To watch an interface: `add` each batch, then `over(time.time_ns())`, and at times without segments as well.  Both
    must be called from one thread.
    """

    def __init__(
        self,
        *,
        two_msl: str = "linux",
        unanswered_ns: int = UNANSWERED_NS,
        max_connections: int = 0,
        several: bool = False,
    ) -> None:
        from handshake_inspect.views import Views

        self._two_msl_ns = two_msl_ns(two_msl)
        self._tracker = Tracker()
        self._judge = Judge(self._tracker, 0, self._two_msl_ns)
        self._leaving = Leaving(self._tracker, self._judge, self._two_msl_ns, unanswered_ns, max_connections)
        self._views = Views(several=several, profile=two_msl, capture_end_ns=0)
        self._most = max_connections
        self._added = 0
        self._looked_ns = 0

    @property
    def count(self) -> int:
        """How many connections there were in all."""
        found: int = self._tracker.connection_count
        return found

    @property
    def there(self) -> int:
        """How many connections have not left."""
        found: int = self._tracker.connection_count - self._tracker.left_count
        return found

    @property
    def left(self) -> dict[str, int]:
        """How many have left, by reason: `over`, `never-opened`, `replaced`, `oldest`."""
        found: dict[str, int] = self._leaving.left
        return found

    @property
    def late(self) -> int:
        """How many segments came for a connection that had left."""
        found: int = self._tracker.late_count
        return found

    @property
    def summary(self) -> Summary:
        """The counts over the connections that have left, and after `rest` over all."""
        from handshake_inspect.report import Summary

        return Summary(**self._judge.summary())

    def look_up(self, segments: Any, rows: int) -> None:
        """Take off the next `add`, which is to have the same rows, what another thread can do before."""
        self._tracker.look_up(segments, rows)

    def add(self, segments: Any, rows: int) -> None:
        """Take the first `rows` of a Segment column into account."""
        self._tracker.track(segments, rows)
        self._added += rows

    def over(self, now_ns: int | None = None) -> Iterator[Connection]:
        """Yield the connections that leave at `now_ns`, by id; each has left when it is yielded.

        Without `now_ns` it is the time of the last segment.  They are looked for when there were enough segments or
        time since the last look; the caller need not mind how often it asks.
        """
        now_ns = self._tracker.last_ns if now_ns is None else now_ns
        due = self._added * OFTEN >= self.there or now_ns - self._looked_ns >= self._two_msl_ns // OFTEN
        if not due and not (self._most and self.there > self._most):
            return
        self._added = 0
        self._looked_ns = now_ns
        self._views.capture_end_ns = now_ns
        for position in self._leaving.find(now_ns):
            connection: Connection = self._views.connection(self._judge, position)
            self._leaving.take(position)
            yield connection

    def rest(self, end_ns: int) -> Iterator[Connection]:
        """Yield all connections that are left, by id, as they are at `end_ns`; nothing can be added after."""
        self._views.capture_end_ns = end_ns
        self._judge.end(end_ns)
        self._judge.judge_all()
        for position in self._judge.positions():
            yield self._views.connection(self._judge, position)


class Passing:
    """The connections of captures, each as soon as it is over: they are those of `analyse`, in the order of ending.

    What a report says of a connection stays the same, but for two things that are known later: segments that come
    more than 2MSL after its end are counted in `late`, and that a host's ISNs can be predicted, which all connections
    together show, is said of those only that are given out at the end.  Iterate once; `faults`, `captures` and
    `summary` are complete then.
    """

    def __init__(
        self,
        paths: str | Sequence[str],
        *,
        two_msl: str = "linux",
        max_connections: int = 0,
        progress: Progress | None = None,
    ) -> None:
        self._reading = Reading(paths, progress)
        several = _several(self._reading.names)
        self._stream = Stream(two_msl=two_msl, unanswered_ns=0, max_connections=max_connections, several=several)

    @property
    def faults(self) -> list[CaptureError]:
        """What was wrong with the inputs."""
        return self._reading.faults

    @property
    def captures(self) -> tuple[CaptureInfo, ...]:
        """What is known of each capture that was read."""
        return self._reading.infos()

    @property
    def summary(self) -> Summary:
        """The counts over the connections that were given out."""
        return self._stream.summary

    @property
    def late(self) -> int:
        """How many segments came for a connection that had been given out."""
        return self._stream.late

    @property
    def count(self) -> int:
        """How many connections there were."""
        return self._stream.count

    def __iter__(self) -> Iterator[Connection]:
        with closing(self._reading.columns(self._stream.look_up)) as columns:
            for segments, rows in columns:
                self._stream.add(segments, rows)
                yield from self._stream.over()
        yield from self._stream.rest(self._reading.end_ns)


def iter_connections(
    paths: str | Sequence[str], *, two_msl: str = "linux", max_connections: int = 0, progress: Progress | None = None
) -> Passing:
    """Read captures larger than memory: iterate over what this returns, and each connection comes when it is over.

    A connection is over 2MSL after its last segment, once both ends are CLOSED; the others come at the end.  So memory
    is that of the connections that are open, or never answered.  `max_connections` bounds these too: whenever there
    are more, those seen least recently come at once, as they are, and what is captured of them later begins a
    connection anew, mid-stream.  The other arguments and the errors are those of `analyse`; CaptureError is raised when
    the iteration begins.

    >>> passing = iter_connections("sample_pcaps/normal_close_by_client/capture.pcap")
    >>> [(connection.id, connection.closing.kind) for connection in passing]
    [(0, 'four-way')]
    >>> passing.count, passing.late, passing.faults
    (1, 0, [])
    """
    return Passing(paths, two_msl=two_msl, max_connections=max_connections, progress=progress)


def _several(names: Sequence[str]) -> bool:
    """Say whether more than one of these is a capture."""
    if len(names) < 2:
        return False
    captures = 0
    for name in in_time_order(names):
        try:
            open_capture(name, chunk=64 * 1024, rows=1).close()
        except CaptureError:
            continue
        captures += 1
    return captures > 1
