"""The connections of a report that are to be shown, with counts over just these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from handshake_inspect.report import CaptureInfo, Connection, Summary

SEVERITIES = ("error", "warning", "note")
"""The worst first; a connection without findings comes after all of them."""


class Report(Protocol):
    """What this room asks of an analysis (`handshake_inspect.analysis.Report` is one)."""

    @property
    def captures(self) -> tuple[CaptureInfo, ...]: ...
    @property
    def connections(self) -> Sequence[Connection]: ...
    @property
    def summary(self) -> Summary: ...
    def worst(self, count: int) -> list[int]: ...
    def first_with(self, finding: str) -> int | None: ...


def rank(connection: Connection) -> int:
    """0 when the worst finding is an error, 1 a warning, 2 a note, 3 when there is none."""
    return min((SEVERITIES.index(finding.severity) for finding in connection.findings), default=len(SEVERITIES))


class Selection:
    """The chosen connections, in the order of their ids.

    Without `streams` and `keep` these are all connections, and nothing is counted again.  With them the
    report is walked once: `connections` can be iterated while that happens, and what it counts on the way
    (`summary`, `worst`, `first_with`) is finished when it is first asked for.
    """

    def __init__(
        self,
        report: Report,
        *,
        streams: Sequence[int] = (),
        keep: Callable[[Connection], bool] | None = None,
    ) -> None:
        self.captures = report.captures
        self.total = len(report.connections)
        self.everything = not streams and keep is None
        self.by_stream = bool(streams)
        self._report = report
        self._keep = keep
        there = sorted({stream for stream in streams if stream < self.total})
        self._candidates: Sequence[int] = there if streams else range(self.total)
        self._tally: Tally | None = None

    def __iter__(self) -> Iterator[Connection]:
        """Each chosen connection once; the first walk also counts."""
        connections = self._report.connections
        if self.everything:
            yield from connections
            return
        if self._tally is not None:
            for index in self._tally.ids:
                yield connections[index]
            return
        tally = Tally()
        for index in self._candidates:
            connection = connections[index]
            if self._keep is None or self._keep(connection):
                tally.add(index, connection)
                yield connection
        self._tally = tally

    def __len__(self) -> int:
        return self.total if self.everything else len(self._counted().ids)

    def __getitem__(self, id: int) -> Connection:
        """The connection with this id (not the one at this place in the selection)."""
        return self._report.connections[id]

    @property
    def summary(self) -> Summary:
        """Counts over the chosen connections alone."""
        return self._report.summary if self.everything else self._counted().summary()

    def worst(self, count: int) -> list[int]:
        """The ids of at most `count` chosen connections: the worst findings first, then the order of the capture."""
        if self.everything:
            return self._report.worst(count)
        tally = self._counted()
        return [id for _, id in sorted(zip(tally.ranks, tally.ids, strict=True))[:count]]

    def first_with(self, finding: str) -> int | None:
        """The id of the first chosen connection that has this finding."""
        if self.everything:
            return self._report.first_with(finding)
        return self._counted().first.get(finding)

    def _counted(self) -> Tally:
        if self._tally is None:
            for _ in self:
                pass
        assert self._tally is not None
        return self._tally


class Tally:
    """Counts of the connections seen so far."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.ranks: list[int] = []
        self.first: dict[str, int] = {}
        self.openings: Counter[str] = Counter()
        self.closings: Counter[str] = Counter()
        self.findings: Counter[str] = Counter()
        self.closed_first: Counter[str] = Counter()
        self.final_states: Counter[str] = Counter()

    def add(self, id: int, connection: Connection) -> None:
        """Count one connection; a finding that it has twice counts once."""
        self.ids.append(id)
        self.ranks.append(rank(connection))
        self.openings[connection.opening.kind] += 1
        self.closings[connection.closing.kind] += 1
        if connection.closing.first is not None:
            self.closed_first[connection.closing.first] += 1
        for state in (connection.client.state, connection.server.state):
            if state is not None:
                self.final_states[state] += 1
        for finding in {finding.id: None for finding in connection.findings}:
            self.findings[finding] += 1
            self.first.setdefault(finding, id)

    def summary(self) -> Summary:
        """The counts as the report's own struct."""
        from handshake_inspect.report import Summary

        return Summary(
            connections=len(self.ids),
            openings=dict(self.openings),
            closings=dict(self.closings),
            findings=dict(self.findings),
            closed_first=dict(self.closed_first),
            final_states=dict(self.final_states),
        )
