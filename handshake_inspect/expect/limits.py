"""`max` and `min`: what a connection, or all that match together, may measure at most and must measure at least.

max.handshake = "50 ms"          of each connection
max.handshake.p95 = "20 ms"      of all that match: 95 of 100 take no longer (nearest rank)
max.time_wait_peak = 100         of all that match: so many at once in TIME_WAIT on one host
"""

from __future__ import annotations

import math
import re
from typing import Literal, NamedTuple, Protocol

from handshake_inspect.expect import spell
from handshake_inspect.expect.doubts import Aspect
from handshake_inspect.expect.measures import MEASURES, Measure, Span, Unit
from handshake_inspect.expect.rules import Answer, Subject
from handshake_inspect.looks.time_wait import Tally
from handshake_inspect.report import Frame

Bound = Literal["max", "min"]
BOUNDS: tuple[Bound, ...] = ("max", "min")
PERCENTILE = re.compile(r"p([1-9][0-9]?|100)")
PEAK = "time_wait_peak"
TIME: frozenset[Aspect] = frozenset(("time",))
NEVER = 2**63
"""What never was counts as longer than anything."""


class Limit(NamedTuple):
    """One limit: `value` in nanoseconds, segments or bytes; `written` is how the file spells it.

    `measure` is None for the peak of TIME_WAIT; `percent` is None for a limit on each connection.
    """

    bound: Bound
    measure: Measure | None
    percent: int | None
    value: int
    written: str

    @property
    def unit(self) -> Unit:
        """What the value counts."""
        return "count" if self.measure is None else self.measure.unit

    @property
    def together(self) -> bool:
        """Whether the connections are judged together."""
        return self.measure is None or self.percent is not None

    def __str__(self) -> str:
        word = "at most" if self.bound == "max" else "at least"
        return f"{word} {self.written}"

    def verdict(self, span: Span) -> bool | None:
        """True: it holds.  False: it is broken, whatever the capture lacks.  None: it cannot be judged."""
        ends = (span.low, math.inf if span.high is None else span.high)
        broken = [end > self.value if self.bound == "max" else end < self.value for end in ends]
        return None if broken[0] != broken[1] else not broken[0]

    def spelled(self, span: Span) -> str:
        """What was measured; to the last figure where three would look as if the limit held."""
        exact = span.low != self.value and spell.number(self.unit, span.low) == spell.number(self.unit, self.value)
        low = (spell.exact if exact else spell.number)(self.unit, span.low)
        if span.high == span.low:
            return low
        return f"{low} or more" if span.high is None else f"{low} to {spell.number(self.unit, span.high)}"


def names() -> list[str]:
    """The measures that a limit can have, without percentiles."""
    return [*MEASURES, PEAK]


def read_limit(bound: Bound, name: str, value: object) -> Limit | None:
    """A limit as the file has it; None for a name that is none, ValueError for a value that it cannot have."""
    if name == PEAK:
        number = spell.whole_number(value)
        return Limit(bound, None, None, number, f"{number:,}")
    whole, _, last = name.rpartition(".")
    percent = PERCENTILE.fullmatch(last)
    measure = MEASURES.get(whole if percent else name)
    if measure is None:
        return None
    number = spell.READ[measure.unit](value)
    written = value if isinstance(value, str) else spell.number(measure.unit, number)
    return Limit(bound, measure, int(percent[1]) if percent else None, number, " ".join(written.split()))


def judge_limit(subject: Subject, limit: Limit) -> Answer | None:
    """A limit on one connection."""
    span, because = measured(subject, limit)
    if span is None:
        return Answer(f"none ({subject.connection.opening.kind})", subject.connection.opening.frames, because)
    verdict = limit.verdict(span)
    if verdict:
        return None
    return Answer(limit.spelled(span), span.frames, None if verdict is False else because or _open(span))


def measured(subject: Subject, limit: Limit) -> tuple[Span | None, str | None]:
    """What one connection measures, with what it may be for all that the capture lacks, and what that is."""
    measure = limit.measure
    assert measure is not None
    span = measure.of(subject.connection, subject.setting)
    because = subject.doubts.about(measure.aspects)
    if because is not None:
        grows = measure.grows and subject.doubts.about(TIME) is None
        low = span.low if span is not None and grows else 0
        return Span(low, None, () if span is None else span.frames), because
    return span, None


def _open(span: Span) -> str:
    return "the capture ends before it is over" if span.high is None else "the capture gives these bounds, and no more"


class Together(Protocol):
    """Judges the connections that match as one."""

    def add(self, subject: Subject) -> None:
        """Take one more connection into account."""

    def answer(self) -> Answer | None:
        """None when it holds; else why not."""


def together(limit: Limit) -> Together:
    """What judges a limit over all connections that match."""
    return Peak(limit) if limit.measure is None else Percentile(limit)


class Percentile:
    """The nearest rank: the smallest value that so many of 100 do not exceed.

    What never was (the handshake of a refused connection) counts as longer than anything; what is in doubt is taken
    at both ends of what it may be.  Memory is a few numbers and frames a connection.
    """

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.lows: list[tuple[int, int, tuple[Frame, ...]]] = []
        self.highs: list[float] = []
        self.because: str | None = None

    def add(self, subject: Subject) -> None:
        """Measure one more connection."""
        span, because = measured(subject, self.limit)
        self.because = self.because or because
        if span is None:
            span = Span(NEVER, NEVER, subject.connection.opening.frames)
        elif span.high is None or span.high != span.low:
            self.because = self.because or _open(span)
        frames = span.frames or (subject.connection.first_frame, subject.connection.last_frame)
        self.lows.append((span.low, len(self.lows), frames))
        self.highs.append(math.inf if span.high is None else span.high)

    def answer(self) -> Answer | None:
        """Compare the percentile of the least and of the most that the values may be."""
        if not self.lows:
            return None
        percent = self.limit.percent
        assert percent is not None
        place = max(math.ceil(percent * len(self.lows) / 100), 1) - 1
        low, _, frames = sorted(self.lows)[place]
        high = sorted(self.highs)[place]
        span = Span(low, None if math.isinf(high) else int(high))
        verdict = self.limit.verdict(span)
        if verdict:
            return None
        seen = "never" if low >= NEVER else self.limit.spelled(span)
        return Answer(seen, frames, None if verdict is False else self.because)


class Peak:
    """The most endpoints of one host that are in TIME_WAIT at once, in the bounds of looks.time_wait."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.tally: Tally | None = None
        self.because: str | None = None
        self.frame: Frame | None = None

    def add(self, subject: Subject) -> None:
        """Count the stays of one more connection."""
        if self.tally is None:
            # Only the bounds are asked for, which the report has worked out from 2MSL.
            self.tally = Tally(capture_end_ns=subject.setting.capture_end_ns, two_msl_ns=0, profile="")
        self.because = self.because or subject.doubts.about(("client", "server"))
        for stay in self.tally.add(subject.connection):
            self.frame = stay.frame

    def answer(self) -> Answer | None:
        """Compare the bounds of the busiest host's peak."""
        hosts = () if self.tally is None else self.tally.totals().hosts
        low = max((host.peak.at_least for host in hosts), default=0)
        high: int | None = max((host.peak.at_most for host in hosts), default=0)
        span = Span(low, None if self.because else high)
        verdict = self.limit.verdict(span)
        if verdict:
            return None
        frames = () if self.frame is None else (self.frame,)
        return Answer(self.limit.spelled(span), frames, None if verdict is False else self.because or _open(span))
