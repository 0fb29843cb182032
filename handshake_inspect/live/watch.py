"""What changed since the last time: each connection that a segment came for is judged anew and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from handshake_inspect.live.events import Ended, Event, Moved, Revision, Side
from handshake_inspect.report import Connection, Endpoint, Role, Transition
from handshake_inspect.track.tracker import NOBODYS, Tracker
from handshake_inspect.verdict.judge import Judge
from handshake_inspect.views import Views

OVER = frozenset(("CLOSED", "TIME_WAIT", "LISTEN", None))


class Watch:
    """Remembers what was told of each connection."""

    def __init__(self, tracker: Tracker, two_msl_ns: int, profile: str) -> None:
        self._tracker = tracker
        self._two_msl_ns = two_msl_ns
        self._profile = profile
        self._touched: set[int] = set()
        self._told: dict[tuple[int, Role], tuple[Transition, ...]] = {}

    def touch(self, numbers: Sequence[int], rows: int) -> None:
        """Note the connections of a batch's segments."""
        self._touched.update(numbers[:rows])

    def changes(self, now_ns: int) -> list[Event]:
        """Return what changed since the last call, as it looks at `now_ns`."""
        judge = Judge(self._tracker, now_ns, self._two_msl_ns)
        views = Views(several=False, profile=self._profile, capture_end_ns=now_ns)
        self._touched.discard(NOBODYS)
        found: list[Event] = []
        for number in sorted(self._touched):
            connection = views.connection(judge.view(number))
            found += self._compare(connection, "client", connection.client)
            found += self._compare(connection, "server", connection.server)
            if connection.client.state in OVER and connection.server.state in OVER:
                found.append(Ended(connection=connection))
        self._touched.clear()
        return found

    def _compare(self, connection: Connection, role: Role, endpoint: Endpoint) -> Iterator[Event]:
        """Yield what is new of one endpoint."""
        told = self._told.get((connection.id, role), ())
        now = endpoint.transitions
        if told == now:
            return
        self._told[connection.id, role] = now
        client = Side(address=connection.client.address, port=connection.client.port)
        server = Side(address=connection.server.address, port=connection.server.port)
        if now[: len(told)] == told:
            for transition in now[len(told) :]:
                yield Moved(id=connection.id, client=client, server=server, endpoint=role, transition=transition)
            return
        kept = next(i for i, pair in enumerate(zip((*told, None), (*now, None), strict=False)) if pair[0] != pair[1])
        yield Revision(
            id=connection.id, client=client, server=server, endpoint=role, kept=kept, transitions=now
        )  # fmt: skip
