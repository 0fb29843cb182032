"""The report of a run that connections left while it went on: all are counted, those that are there can be shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from handshake_inspect.report import CaptureInfo, Connection, Summary
from handshake_inspect.verdict.judge import Judge
from handshake_inspect.views import Views


class Remaining:
    """As `handshake_inspect.analysis.Report`; `connections` has those that have not left, each under its id."""

    def __init__(self, info: CaptureInfo, judge: Judge, views: Views, positions: dict[int, int]) -> None:
        self.captures = (info,)
        self.connections = Stayed(judge, views, positions)
        self._judge = judge

    @property
    def summary(self) -> Summary:
        """The counts over all connections, those that have left too."""
        return Summary(**self._judge.summary())

    def worst(self, count: int) -> list[int]:
        """Return the ids of the `count` connections worth showing first: the worst findings, then the order."""
        found: list[int] = self._judge.worst(count)
        return found

    def first_with(self, finding: str) -> int | None:
        """Return the id of the first connection that is there and shows the finding, None without one."""
        found: int | None = self._judge.first_there_with(finding)
        return found


class Stayed(Sequence[Connection]):
    """The connections that have not left, in the order of their ids; an index is an id, a length counts them."""

    def __init__(self, judge: Judge, views: Views, positions: dict[int, int]) -> None:
        self._judge = judge
        self._views = views
        self._positions = positions

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, id: int) -> Connection: ...
    @overload
    def __getitem__(self, id: slice) -> list[Connection]: ...
    def __getitem__(self, id: int | slice) -> Connection | list[Connection]:
        if isinstance(id, slice):
            return list(self)[id]
        if id not in self._positions:
            raise IndexError(f"connection {id} is not there any more")
        found: Connection = self._views.connection(self._judge, self._positions[id])
        return found

    def __iter__(self) -> Iterator[Connection]:
        for position in self._positions.values():
            yield self._views.connection(self._judge, position)
