"""Changes as events: the numbers of one changed connection, as the frozen structs that are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from handshake_inspect.live.events import Ended, Event, Moved, Noticed, Revision, Side
from handshake_inspect.report import Role
from handshake_inspect.verdict.findings import NUMBERS
from handshake_inspect.verdict.watch import COURSE, ENDED, FOUND, MOVED, REVISED
from handshake_inspect.verdict.words import ROLES
from handshake_inspect.views import Views, address_text

Change = tuple[int, tuple[int, int], tuple[int, int], tuple[str, ...], dict[str, Any]]
"""What Watch.collect() returns of one connection: bits, steps told of each side, steps kept, findings, view."""


def events_of(changes: list[Change], views: Views, *, whole: bool) -> list[Event]:
    """Return what happened in the order of its times; with `whole`, connections that ended as well, at the end."""
    steps: list[tuple[int, Event]] = []
    others: list[Event] = []
    for change in changes:
        client, server = _sides(change[4])
        steps += _steps(change, views, client, server)
        others += _noticed(change, views, client, server)
        if whole and change[0] & ENDED:
            others.append(Ended(connection=views.connection(change[4])))
    steps.sort(key=lambda step: step[0])
    return [event for _, event in steps] + others


def _sides(plain: dict[str, Any]) -> tuple[Side, Side]:
    client, server = (
        Side(address=address_text(plain["family"], plain["high"][side], plain["low"][side]), port=plain["port"][side])
        for side in range(2)
    )
    return client, server


def _steps(change: Change, views: Views, client: Side, server: Side) -> Iterator[tuple[int, Event]]:
    """Yield each side's new steps, or all of them where some that were told are not true; with the time of each."""
    bits, told, kept, _, plain = change
    for side in range(2):
        role = cast(Role, ROLES[side])
        transitions = [views.transition(step) for step in plain["steps"][side]]
        if bits & REVISED << side:
            changed = transitions[kept[side] :] or transitions[-1:]
            yield (
                changed[0].time_ns if changed else plain["last_time_ns"],
                Revision(
                    id=plain["row"], client=client, server=server, endpoint=role, kept=kept[side],
                    only_proof=not bits & COURSE << side,
                    transitions=tuple(transitions),
                ),
            )  # fmt: skip
        elif bits & MOVED << side:
            latest = 0
            for transition in transitions[told[side] :]:
                # A later step of an endpoint is never told before an earlier one.
                latest = max(latest, transition.time_ns)
                yield (
                    latest,
                    Moved(id=plain["row"], client=client, server=server, endpoint=role, transition=transition),
                )


def _noticed(change: Change, views: Views, client: Side, server: Side) -> Iterator[Event]:
    """Yield the findings that are new."""
    bits, _, _, ids, plain = change
    if not bits & FOUND:
        return
    wanted = {NUMBERS[finding] for finding in ids}
    for note in plain["notes"]:
        if note[0] in wanted:
            finding = views.finding(note, plain)
            yield Noticed(id=plain["row"], client=client, server=server, finding=finding)
