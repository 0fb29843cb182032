"""The report of a run that connections left while it went on: all are counted, those that are there can be shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

from handshake_inspect.report import CaptureInfo, Connection, Summary
from handshake_inspect.track.tracker import Tracker
from handshake_inspect.verdict.findings import NUMBERS
from handshake_inspect.verdict.judge import Judge
from handshake_inspect.views import Views


class Remaining:
    """As `handshake_inspect.analysis.Report`; `connections` has those that have not left, each under its id."""

    def __init__(
        self, info: CaptureInfo, tracker: Tracker, judge: Judge, views: Views, positions: dict[int, int]
    ) -> None:
        self.captures = (info,)
        self.connections = Stayed(judge, views, positions)
        self._ids = list(positions)
        self._judge = judge
        self._tracker = tracker

    @property
    def summary(self) -> Summary:
        """The counts over all connections, those that have left too."""
        return Summary(**self._judge.summary())

    def worst(self, count: int) -> list[int]:
        """Return the ids of the `count` connections worth showing first: the worst findings, then the order."""
        import numpy as np

        rows = self._rows()
        order = np.lexsort((rows["number"], -rows["severity"].astype(np.int8)))
        ids = [self._id_at(position) for position in rows["number"][order[:count]].tolist()]
        # Lone SYNs have no row of their own.
        return ids + [id for id in self._ids if id not in set(ids)][: count - len(ids)]

    def first_with(self, finding: str) -> int | None:
        """Return the id of the first connection that is there and shows the finding, None without one."""
        import numpy as np

        rows = self._rows()
        found = rows["number"][rows["findings"] & np.uint64(1 << NUMBERS[finding]) != 0]
        return self._id_at(int(found.min())) if len(found) else None

    def _rows(self) -> Any:
        import numpy as np

        rows = np.asarray(self._tracker.connection_rows())
        return rows[rows["family"] != 0]

    def _id_at(self, position: int) -> int:
        return self.connections.id_at[position]


class Stayed(Sequence[Connection]):
    """The connections that have not left, in the order of their ids; an index is an id, a length counts them."""

    def __init__(self, judge: Judge, views: Views, positions: dict[int, int]) -> None:
        self._judge = judge
        self._views = views
        self._positions = positions
        self.id_at = {position: id for id, position in positions.items()}

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
