"""The states of an endpoint as spans of time: what it was in, from when until when, and how that is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from handshake_inspect.report import Certainty, Connection, Endpoint, Frame, Role, State

Wanted = Callable[["Endpoint"], bool]
"""Whether an endpoint is one of those that were asked for."""
NO_SOCKET = ("CLOSED", "LISTEN")
"""States of an endpoint that is no socket of its own: nothing, or the listener that a request came to."""


class Span(NamedTuple):
    """One state from `start_ns` until just before `end_ns`; None is before the capture, and its end or later."""

    state: State
    start_ns: int | None
    end_ns: int | None
    certainty: Certainty
    frame: Frame | None


def spans(endpoint: Endpoint) -> Iterator[Span]:
    """Yield the states of an endpoint in order; nothing for one that shows no sign of life.

    Transitions are in logical order.  One whose time lies before its predecessor's takes effect together with
    it, so a span can be empty (`start_ns == end_ns`).
    """
    if endpoint.state is None:
        return
    if not endpoint.transitions:
        yield Span(endpoint.state, None, None, "assumed", None)
        return
    state: State = endpoint.transitions[0].from_
    start: int | None = None
    certainty: Certainty = "assumed"
    frame: Frame | None = None
    for step in endpoint.transitions:
        end = step.time_ns if start is None else max(start, step.time_ns)
        yield Span(state, start, end, certainty, frame)
        state, start, certainty, frame = step.to, end, step.certainty, step.frame
    yield Span(state, start, None, certainty, frame)


def at(endpoint: Endpoint, time_ns: int) -> Span | None:
    """Return the span that holds `time_ns`: the state of the last transition at or before it."""
    for span in spans(endpoint):
        if (span.start_ns is None or span.start_ns <= time_ns) and (span.end_ns is None or time_ns < span.end_ns):
            return span
    return None


def ends(connection: Connection) -> Iterator[tuple[Role, Endpoint, Endpoint]]:
    """Yield both ends of a connection as (role, the endpoint, its peer)."""
    yield "client", connection.client, connection.server
    yield "server", connection.server, connection.client
