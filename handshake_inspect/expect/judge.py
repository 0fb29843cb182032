"""A report and expectations in, a verdict out; nothing is guessed.

Each expectation is judged over the connections that its filter matches, in one walk over the report.  What a doubt
about the capture puts in question is "unjudged"; what is broken whatever the capture lacks is broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

from handshake_inspect.errors import CaptureError
from handshake_inspect.expect.doubts import Doubts, Setting, about_number, setting_of
from handshake_inspect.expect.limits import together
from handshake_inspect.expect.load import Demand, Expectation
from handshake_inspect.expect.members import AT_LEAST_ONE, Count, Members
from handshake_inspect.expect.result import (
    CASES_MAX,
    CaptureOutcome,
    Case,
    Outcome,
    Result,
    Verdict,
    encodable,
    which,
    worst,
)
from handshake_inspect.expect.rules import Answer, Subject
from handshake_inspect.report import CaptureInfo, Connection, Frame
from handshake_inspect.spelling import counted

GAP_KEYS = ("allow", "forbid")
"""Keys that can be broken by a capture's gap itself."""
UNSURE = "whether it is about this connection is not sure"


class Report(Protocol):
    """What this room asks of an analysis (`handshake_inspect.analysis.Report` is one)."""

    @property
    def captures(self) -> tuple[CaptureInfo, ...]: ...
    @property
    def connections(self) -> Sequence[Connection]: ...
    @property
    def faults(self) -> Sequence[CaptureError]: ...


def judge(
    report: Report, expectations: Iterable[Expectation], *, capture: str | None = None, paths: Sequence[str] = ()
) -> Verdict:
    """Judge a report.

    `capture` is the name that the verdict gives it, its path if left out.  With `paths`, where the captures are, the
    frame that shows a gap is looked up in them, should one matter.
    """
    return verdict(report, results_of(report, expectations, paths=paths), capture=capture)


def results_of(report: Report, expectations: Iterable[Expectation], *, paths: Sequence[str] = ()) -> list[Result]:
    """Each key of each expectation, judged, in the order of the file; for the arguments see `judge`."""
    setting = setting_of(report.captures, faults=bool(report.faults))
    trials = [Trial(expectation, setting) for expectation in expectations]
    for connection in report.connections:
        # Worked out when the first trial asks, and once for all of them.
        firm, weak = Doubts(connection, setting), Doubts(connection, setting, weak=True)
        for trial in trials:
            trial.add(connection, weak if trial.expectation.weak else firm)
    gapped = {id: connection for trial in trials for id, connection in trial.gapped.items()}
    gaps = gaps_of(paths, gapped)
    return [result for trial in trials for result in trial.results(gaps)]


def verdict(report: Report, results: Sequence[Result], *, capture: str | None = None) -> Verdict:
    """The verdict on one capture, from its results and what could not be read of it."""
    faults = tuple(encodable(str(fault)) for fault in report.faults)
    unread: tuple[CaptureOutcome, ...] = ("unreadable",) if faults else ()
    times = [info.first_time_ns for info in report.captures if info.first_time_ns is not None]
    return Verdict(
        capture=encodable(capture if capture is not None else report.captures[0].path),
        outcome=worst((*(result.outcome for result in results), *unread)),
        first_time_ns=min(times, default=None),
        connections=len(report.connections),
        results=tuple(results),
        faults=faults,
    )


def gaps_of(paths: Sequence[str], connections: Mapping[int, Connection]) -> dict[int, Frame]:
    """The frames that show the gaps of these connections; nothing of captures that cannot be read twice."""
    if not connections or not paths or "-" in paths:
        return {}
    from handshake_inspect.looks.gaps import first_gaps

    return first_gaps(paths, connections.values())


class Ledger:
    """What became of one key: every case counted, the first CASES_MAX kept."""

    def __init__(self) -> None:
        self.counts: dict[Literal["broken", "unjudged"], int] = {"broken": 0, "unjudged": 0}
        self.cases: list[Case] = []

    def add(self, answer: Answer, connection: Connection | None, expected: str, frames: tuple[Frame, ...]) -> bool:
        """Enter one case; whether it was kept."""
        outcome: Literal["broken", "unjudged"] = "broken" if answer.because is None else "unjudged"
        self.counts[outcome] += 1
        if len(self.cases) >= CASES_MAX:
            return False
        self.cases.append(
            Case(
                outcome=outcome,
                connection=None if connection is None else which(connection),
                frames=frames,
                expected=expected,
                seen=answer.seen,
                because=answer.because,
            )
        )
        return True

    def outcome(self) -> Outcome:
        """Broken as soon as one case is."""
        return "broken" if self.counts["broken"] else "unjudged" if self.counts["unjudged"] else "held"


class Trial:
    """One expectation over one report."""

    def __init__(self, expectation: Expectation, setting: Setting) -> None:
        self.expectation = expectation
        self.setting = setting
        self.members = Members()
        self.gapped: dict[int, Connection] = {}
        self.last: Connection | None = None
        self.beyond: Connection | None = None
        self._ledgers = [Ledger() for _ in expectation.demands]
        self._together = [
            together(demand.limit) if demand.limit is not None and demand.limit.together else None
            for demand in expectation.demands
        ]

    def add(self, connection: Connection, doubts: Doubts) -> None:
        """Judge one connection, if it matches."""
        expectation = self.expectation
        matches = expectation.keep is None or expectation.keep(connection)
        if not matches and not expectation.aspects:
            return
        unsure = doubts.about(expectation.aspects) if expectation.aspects else None
        self.members.add(matches, unsure)
        if not matches:
            return
        wanted = expectation.number
        if wanted is not None and self.members.matched == (wanted.high or 0) + 1 and wanted.high is not None:
            self.beyond = connection
        self.last = connection
        subject = Subject(connection, doubts, self.setting)
        for demand, ledger, all_of_them in zip(expectation.demands, self._ledgers, self._together, strict=True):
            if all_of_them is not None:
                all_of_them.add(subject)
            elif demand.judge is not None:
                self._enter(ledger, demand, demand.judge(subject), connection, unsure)

    def _enter(
        self, ledger: Ledger, demand: Demand, answer: Answer | None, connection: Connection, unsure: str | None
    ) -> None:
        if answer is None:
            return
        if unsure is not None and answer.because is None:
            answer = answer._replace(because=f"{UNSURE}: {unsure}")
        frames = tuple(dict.fromkeys(answer.frames)) or frames_of(connection)
        if ledger.add(answer, connection, demand.expected, frames) and lacks_bytes(connection):
            self.gapped[connection.id] = connection

    def results(self, gaps: Mapping[int, Frame]) -> list[Result]:
        """The results, with the frames that show the gaps."""
        expectation = self.expectation
        if not self.members.matched and not expectation.optional:
            return [self._count()]
        counted_too = self.members.matched and (expectation.number is not None or not self.members.sure)
        rows = [self._count()] if counted_too else []
        for demand, ledger, all_of_them in zip(expectation.demands, self._ledgers, self._together, strict=True):
            answer = None if all_of_them is None or not self.members.matched else all_of_them.answer()
            if answer is not None:
                frames = answer.frames or (frames_of(self.last) if self.last is not None else ())
                ledger.add(answer, None, demand.expected, frames)
            rows.append(self._result(demand.key, demand.expected, demand.line, ledger, gaps))
        return rows

    def _count(self) -> Result:
        """How many match; with no count in the file, that one does."""
        wanted = self.expectation.number or AT_LEAST_ONE
        members = self.members
        members.hidden(about_number(self.setting))
        ledger = Ledger()
        held = members.judge(wanted)
        expected = _connections(wanted)
        if not held:
            seen = "none" if not members.matched else counted(members.matched, "connection")
            odd = self.beyond if held is False else self.last
            frames = frames_of(odd) if odd is not None else ()
            because = None if held is False else members.because
            ledger.add(Answer(seen, frames, because), odd if held is False else None, expected, frames)
        line = self.expectation.number_line if self.expectation.number is not None else self.expectation.line
        return self._result("count", expected, line, ledger, {})

    def _result(self, key: str, expected: str, line: int | None, ledger: Ledger, gaps: Mapping[int, Frame]) -> Result:
        return Result(
            rule=encodable(self.expectation.title),
            key=key,
            expected=expected,
            file=encodable(self.expectation.file),
            line=line,
            outcome=ledger.outcome(),
            connections=self.members.matched,
            broken=ledger.counts["broken"],
            unjudged=ledger.counts["unjudged"],
            cases=tuple(with_gap(key, case, gaps) for case in ledger.cases),
        )


def _connections(wanted: Count) -> str:
    noun = "connection" if str(wanted) in ("1", "at least 1", "at most 1") else "connections"
    return f"{wanted} {noun}"


def frames_of(connection: Connection) -> tuple[Frame, ...]:
    """The frames between which a connection lies, where nothing is nearer."""
    first, last = connection.first_frame, connection.last_frame
    return (first,) if first == last else (first, last)


def lacks_bytes(connection: Connection) -> bool:
    """Whether the capture lacks bytes of it."""
    return bool(connection.client.missing_bytes or connection.server.missing_bytes)


def with_gap(key: str, case: Case, gaps: Mapping[int, Frame]) -> Case:
    """Put the frame that shows the gap before the others, where the gap is what it is about."""
    gap = None if case.connection is None else gaps.get(case.connection.id)
    if gap is None or not (key in GAP_KEYS or case.outcome == "unjudged"):
        return case
    from msgspec.structs import replace

    return replace(case, frames=(gap, *(frame for frame in case.frames if frame != gap)))
