"""What `max` and `min` compare: MEASURES, one row each.

A measure of a connection is a Span: what it was at least and at most, because a capture often gives bounds alone (a
stay in CLOSE_WAIT that the capture's end cuts short).  To add a measure: one row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from handshake_inspect.report import Connection, Endpoint, Frame, State

if TYPE_CHECKING:
    from handshake_inspect.expect.doubts import Aspect, Setting

Unit = Literal["duration", "count", "bytes"]


class Span(NamedTuple):
    """At least `low`, at most `high`; None has no limit.  `frames` are the evidence, when there is any to point at."""

    low: int
    high: int | None
    frames: tuple[Frame, ...] = ()


class Measure(NamedTuple):
    """One number of a connection.

    `of` gives None for what never was (the handshake of a connection that never opened).  `aspects` are what must not
    be in doubt; where they are, it is at least what was seen when it `grows`, else nothing is known of it.
    """

    name: str
    unit: Unit
    sentence: str
    aspects: frozenset[Aspect]
    grows: bool
    of: Callable[[Connection, Setting], Span | None]


OPENING: frozenset[Aspect] = frozenset(("opening", "time"))
DATA: frozenset[Aspect] = frozenset(("data",))
DATA_OF_END: frozenset[Aspect] = frozenset(("data", "roles"))
STATES: frozenset[Aspect] = frozenset(("client", "server", "time"))
LASTED: frozenset[Aspect] = frozenset(("data", "time"))
REFUSED: frozenset[Aspect] = frozenset(("opening",))
ENDLESS = ("CLOSED", "LISTEN", "TIME_WAIT")
"""States without an age of their own here: `time_wait` has bounds."""


def _exact(number: int | None, frames: tuple[Frame, ...] = ()) -> Span | None:
    return None if number is None else Span(number, number, frames)


def _ends(connection: Connection) -> tuple[Endpoint, Endpoint]:
    return connection.client, connection.server


def _found(connection: Connection, *ids: str) -> tuple[Frame, ...]:
    return tuple(frame for finding in connection.findings if finding.id in ids for frame in finding.frames)


def _sent(what: str) -> Callable[[Endpoint], int]:
    return lambda end: getattr(end, what)


def _again(end: Endpoint) -> int:
    again = end.retransmissions
    return again.syn + again.syn_ack + again.fin + again.data


def _of_kind(what: str) -> Callable[[Endpoint], int]:
    return lambda end: getattr(end.retransmissions, what)


# fmt: off
REPEATED = {
    "": ("syn-retransmitted", "syn-ack-retransmitted", "fin-retransmitted"), "syn": ("syn-retransmitted",),
    "syn_ack": ("syn-ack-retransmitted",), "fin": ("fin-retransmitted",), "data": (),
}
# fmt: on


def _counted(name: str, unit: Unit, sentence: str, number: Callable[[Endpoint], int], kind: str | None = None) -> tuple[
    Measure, ...
]:  # fmt: skip
    """A count that both ends have: of both together, and of each."""

    def both(connection: Connection, setting: Setting) -> Span | None:
        return _exact(sum(map(number, _ends(connection))), evidence(connection))

    def evidence(connection: Connection) -> tuple[Frame, ...]:
        return () if kind is None else _found(connection, *REPEATED[kind])

    def one(role: str) -> Callable[[Connection, Setting], Span | None]:
        return lambda connection, setting: _exact(number(getattr(connection, role)), evidence(connection))

    return (
        Measure(name, unit, f"{sentence}, by both ends", DATA, True, both),
        Measure(f"{name}.client", unit, f"{sentence}, by the client", DATA_OF_END, True, one("client")),
        Measure(f"{name}.server", unit, f"{sentence}, by the server", DATA_OF_END, True, one("server")),
    )


def _handshake(part: str) -> Callable[[Connection, Setting], Span | None]:
    return lambda connection, setting: _exact(getattr(connection.opening, part), connection.opening.frames)


def _duration(connection: Connection, setting: Setting) -> Span | None:
    return _exact(connection.last_time_ns - connection.first_time_ns, (connection.first_frame, connection.last_frame))


def _time_wait(connection: Connection, setting: Setting) -> Span | None:
    """The longest stay, within the bounds that the report gives."""
    if not connection.time_wait:
        return Span(0, 0)
    low = max(stay.at_least_ns or 0 for stay in connection.time_wait)
    highs = [stay.at_most_ns for stay in connection.time_wait]
    high = None if None in highs else max(high for high in highs if high is not None)
    return Span(low, high, tuple(stay.frame for stay in connection.time_wait))


def _time_in(state: str) -> Callable[[Connection, Setting], Span | None]:
    """The longer time of both ends; an end that is still in the state when the capture ends may stay for ever."""

    def measured(connection: Connection, setting: Setting) -> Span | None:
        known = [end for end in _ends(connection) if end.state is not None]
        low = max((end.time_in_state_ns.get(state, 0) for end in known), default=0)
        still = any(end.state == state for end in known)
        entered = tuple(
            step.frame for end in known for step in end.transitions if step.to == state and step.frame is not None
        )
        return Span(low, None if still else low, entered)

    return measured


# fmt: off
MEASURES = {row.name: row for row in (
    Measure("handshake", "duration", "from the SYN to the last ACK of the opening", OPENING, False,
            _handshake("rtt_ns")),
    Measure("server_side", "duration", "from the SYN to the SYN-ACK", OPENING, False, _handshake("server_side_ns")),
    Measure("client_side", "duration", "from the SYN-ACK to its ACK", OPENING, False, _handshake("client_side_ns")),
    Measure("duration", "duration", "from the connection's first frame to its last", LASTED, True, _duration),
    Measure("time_wait", "duration", "a stay in TIME_WAIT, within its bounds", STATES, False, _time_wait),
    *(Measure(f"time_in.{state}", "duration", f"the longer time that an end spent in {state}", STATES, False,
              _time_in(state))
      for state in get_args(State) if state not in ENDLESS),
    *_counted("bytes", "bytes", "payload sent", _sent("bytes")),
    *_counted("segments", "count", "segments sent", _sent("segments")),
    *_counted("retransmissions", "count", "segments sent again", _again, ""),
    *_counted("syn_retransmissions", "count", "SYNs sent again", _of_kind("syn"), "syn"),
    *_counted("syn_ack_retransmissions", "count", "SYN-ACKs sent again", _of_kind("syn_ack"), "syn_ack"),
    *_counted("fin_retransmissions", "count", "FINs sent again", _of_kind("fin"), "fin"),
    *_counted("data_retransmissions", "count", "data segments sent again", _of_kind("data"), "data"),
    Measure("refusals", "count", "RSTs that refused the SYN", REFUSED, True,
            lambda connection, setting: _exact(connection.opening.refusals, _found(connection, "refused"))),
)}
# fmt: on
