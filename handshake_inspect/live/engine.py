"""The loop: frames in, changes out, and the same report at the end as for a file."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from handshake_inspect.analysis import Report, capture_info, two_msl_ns
from handshake_inspect.capture import Batch
from handshake_inspect.decode import Decoder
from handshake_inspect.errors import CaptureError
from handshake_inspect.live.events import Event
from handshake_inspect.live.watch import Watch
from handshake_inspect.track.tracker import NOBODYS, Tracker
from handshake_inspect.verdict.judge import Judge
from handshake_inspect.views import Views

TICK_S = 0.2
"""How often listeners are called."""


class Source(Protocol):
    """Where frames come from while they come.  Its attributes are those of `Capture`."""

    path: str
    format: str
    frames: int
    faults: list[CaptureError]

    @property
    def lost(self) -> int | None:
        """Frames that were dropped before they got here, None where nobody knows."""

    @property
    def last_time_ns(self) -> int | None:
        """The largest time of the frames so far."""

    def batches(self) -> Iterator[Batch | None]:
        """Yield batches, each until the next is asked for, and None at least every TICK_S when nothing comes."""

    def stop(self) -> None:
        """Let `batches` end soon: with what was already taken."""


class Tap(Protocol):
    """Sees each batch, before it is analysed; a saver does."""

    def batch(self, batch: Batch) -> None:
        """Take the batch; it is gone when this returns."""


class News(NamedTuple):
    """What changed since the last time: `events` in the order in which they were found."""

    events: Sequence[Event]
    frames: int
    lost: int | None
    now_ns: int


class Listener(Protocol):
    """Hears what changes."""

    def hear(self, news: News) -> None:
        """Called a few times a second, when nothing changed as well, and once after the last frame."""


class Engine:
    """Runs a source to its end, to `count` frames, for `duration_s` seconds or until `stop`.

    `two_msl` is as for `analyse`.
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
    ) -> None:
        self._source = source
        self._two_msl = two_msl
        self._two_msl_ns = two_msl_ns(two_msl)
        self._taps = taps
        self._listeners = listeners
        self._left = count
        self._duration_s = duration_s
        self._decoder = Decoder()
        self._tracker = Tracker()
        self._watch = Watch(self._tracker, self._two_msl_ns, two_msl)
        self._numbers = array("I", [NOBODYS])

    def stop(self) -> None:
        """End the run soon; what was captured until now is still analysed.  May be called from a signal handler."""
        self._source.stop()

    def run(self) -> Report:
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
                self._tell()
                tick = now + TICK_S
        self._tell()
        return self._report()

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
        if rows > len(self._numbers):
            self._numbers = array("I", [NOBODYS]) * rows
        self._tracker.track(self._decoder.segments, rows, self._numbers)
        self._watch.touch(self._numbers, rows)

    def _tell(self) -> None:
        now_ns = self._source.last_time_ns or 0
        news = News(self._watch.changes(now_ns), self._source.frames, self._source.lost, now_ns)
        for listener in self._listeners:
            listener.hear(news)

    def _report(self) -> Report:
        """Judge everything once more, as for a file."""
        end_ns = self._source.last_time_ns or 0
        judge = Judge(self._tracker, end_ns, self._two_msl_ns)
        judge.judge_all()
        views = Views(several=False, profile=self._two_msl, capture_end_ns=end_ns)
        info = capture_info(self._source, self._decoder)
        return Report((info,), self._tracker, judge, views, self._source.faults)
