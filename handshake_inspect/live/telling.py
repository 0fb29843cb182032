"""Changes as events: what is new of one changed connection, as the frozen structs that are told."""

from __future__ import annotations

from collections.abc import Iterator

from handshake_inspect.live.events import Ended, Event, Moved, Noticed, Revision, Side
from handshake_inspect.report import Connection, Role
from handshake_inspect.verdict.judge import Judge
from handshake_inspect.verdict.watch import COURSE, ENDED, FOUND, MOVED, REVISED
from handshake_inspect.views import Views

Change = tuple[int, tuple[int, int], tuple[int, int], tuple[str, ...], int]
"""What Watch.collect() returns of one connection: bits, steps told of each side, steps kept, findings, position."""


def events_of(changes: list[Change], judge: Judge, views: Views, *, whole: bool) -> list[Event]:
    """Return what happened in the order of its times; with `whole`, connections that ended as well, at the end."""
    steps: list[tuple[int, Event]] = []
    others: list[Event] = []
    for change in changes:
        connection: Connection = views.connection(judge, change[4])
        client = Side(address=connection.client.address, port=connection.client.port)
        server = Side(address=connection.server.address, port=connection.server.port)
        steps += _steps(change, connection, client, server)
        others += _noticed(change, connection, client, server)
        if whole and change[0] & ENDED:
            others.append(Ended(connection=connection))
    steps.sort(key=lambda step: step[0])
    return [event for _, event in steps] + others


def _steps(change: Change, connection: Connection, client: Side, server: Side) -> Iterator[tuple[int, Event]]:
    """Yield each side's new steps, or all of them where some that were told are not true; with the time of each."""
    bits, told, kept, _, _ = change
    roles: tuple[Role, Role] = ("client", "server")
    for side, role in enumerate(roles):
        transitions = (connection.server if side else connection.client).transitions
        if bits & REVISED << side:
            changed = transitions[kept[side] :] or transitions[-1:]
            yield (
                changed[0].time_ns if changed else connection.last_time_ns,
                Revision(
                    id=connection.id, client=client, server=server, endpoint=role, kept=kept[side],
                    only_proof=not bits & COURSE << side,
                    transitions=transitions,
                ),
            )  # fmt: skip
        elif bits & MOVED << side:
            latest = 0
            for transition in transitions[told[side] :]:
                # A later step of an endpoint is never told before an earlier one.
                latest = max(latest, transition.time_ns)
                yield (
                    latest,
                    Moved(id=connection.id, client=client, server=server, endpoint=role, transition=transition),
                )


def _noticed(change: Change, connection: Connection, client: Side, server: Side) -> Iterator[Event]:
    """Yield the findings that are new."""
    bits, _, _, ids, _ = change
    if not bits & FOUND:
        return
    for finding in connection.findings:
        if finding.id in ids:
            yield Noticed(id=connection.id, client=client, server=server, finding=finding)
