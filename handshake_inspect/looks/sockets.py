"""The sockets of each host at an instant: what `ss -tan` would have printed, as far as the wire shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from handshake_inspect.looks.timeline import NO_SOCKET, Span, Wanted, at, ends, spans
from handshake_inspect.report import Certainty, Connection, Endpoint, Frame, Plain, Role, State
from handshake_inspect.rfc9293.states import State as StateNumber
from handshake_inspect.views.schedule import TIMETABLES, schedule_fits

if TYPE_CHECKING:
    from handshake_inspect.looks.wire import Wire

SCHEMA: Literal["handshake-inspect/ss/1"] = "handshake-inspect/ss/1"
SECOND_NS = 1_000_000_000
REPEATS_NS = tuple(seconds * SECOND_NS for seconds in (1, 2, 4, 8, 16))
"""Linux's gaps between copies of a SYN-ACK (tcp_synack_retries = 5)."""

TimerKind = Literal["2msl", "syn", "syn-ack", "fin"]


class Timer(Plain, frozen=True, kw_only=True):
    """A timer that runs: `syn`, `syn-ack` and `fin` send it again, `2msl` ends TIME_WAIT.

    `left_ns` counts from the instant.  `basis` is `seen` when the capture holds the copy, `schedule` when it follows
    from a system's timetable, `profile` for 2MSL.  `at_most` says that it can be over before.
    """

    kind: TimerKind
    left_ns: int
    basis: Literal["seen", "schedule", "profile"]
    at_most: bool


class Socket(Plain, frozen=True, kw_only=True, omit_defaults=True):
    """One socket.  `since_ns` is None for a state from before the capture.

    `send_q` counts the sequence numbers that are sent and not acknowledged (a SYN and a FIN take one each, as in ss),
    None where it is not known.  A listener has neither connection nor peer: it is assumed, since a connection was
    accepted.  `names` and `peer_names` are there when they were asked for.
    """

    state: State
    address: str
    port: int
    peer_address: str | None
    peer_port: int | None
    connection: int | None
    role: Role
    since_ns: int | None
    frame: Frame | None
    certainty: Certainty
    send_q: int | None
    timer: Timer | None
    names: tuple[str, ...] = ()
    peer_names: tuple[str, ...] = ()


class Sockets(Plain, frozen=True, kw_only=True):
    """What `ss --format json` writes: every host's sockets at `time_ns`, by host, state, port and peer."""

    schema: Literal["handshake-inspect/ss/1"]
    time_ns: int
    two_msl_ns: int
    hosts: tuple[str, ...]
    sockets: tuple[Socket, ...]


ORDER = {state.name: number for number, state in enumerate(StateNumber)}
Key = tuple[str, int, str, int]
Listeners = dict[tuple[str, int], Endpoint]
"""Who listens where: an endpoint that was accepted there, by address and port."""


class Found:
    """One socket that was found at the instant, before the second pass: its connection, and the span it is in."""

    __slots__ = ("connection", "role", "span")

    def __init__(self, connection: Connection, role: Role, span: Span) -> None:
        self.connection = connection
        self.role = role
        self.span = span


def find(connections: Iterable[Connection], time_ns: int, host: Wanted) -> tuple[list[Found], Listeners]:
    """Return the sockets of the ends for which `host` is true, and their listeners.

    A host has one socket on a 4-tuple: a newer incarnation takes the place of one that nothing on the wire ended.
    A listener is assumed from the first SYN that it took until a SYN is refused.
    """
    found: dict[Key, Found] = {}
    listeners: Listeners = {}
    for connection in connections:
        for role, end, peer in ends(connection):
            if not host(end):
                continue
            if role == "server":
                _listener(listeners, connection, end, time_ns)
            begun = next((span for span in spans(end) if span.state not in NO_SOCKET), None)
            if begun is None or (begun.start_ns is not None and begun.start_ns > time_ns):
                continue
            key = (end.address, end.port, peer.address, peer.port)
            found.pop(key, None)
            span = at(end, time_ns)
            if span is not None and span.state not in NO_SOCKET:
                found[key] = Found(connection, role, span)
    return list(found.values()), listeners


def _listener(listeners: Listeners, connection: Connection, end: Endpoint, time_ns: int) -> None:
    """Learn from one connection whether its server's port was listened on."""
    key = (end.address, end.port)
    first = end.transitions[0] if end.transitions else None
    if first is not None and first.from_ == "LISTEN" and first.time_ns <= time_ns:
        listeners.setdefault(key, end)
    elif connection.opening.kind == "refused" and connection.last_time_ns <= time_ns:
        listeners.pop(key, None)


def sockets(
    found: Iterable[Found], listeners: Listeners, time_ns: int, two_msl_ns: int, wires: dict[int, Wire]
) -> Sockets:
    """Return the table; `wires` are the digests of the second pass, for as many connections as it was made for."""
    rows = [_socket(each, time_ns, two_msl_ns, wires.get(each.connection.id)) for each in found]
    rows += [
        Socket(
            state="LISTEN", address=address, port=port, peer_address=None, peer_port=None, connection=None,
            role="server", since_ns=None, frame=None, certainty="assumed", send_q=None, timer=None, names=end.names,
        )
        for (address, port), end in listeners.items()
    ]  # fmt: skip
    rows.sort(key=_place)
    return Sockets(
        schema=SCHEMA,
        time_ns=time_ns,
        two_msl_ns=two_msl_ns,
        hosts=tuple(dict.fromkeys(row.address for row in rows)),
        sockets=tuple(rows),
    )


def _place(row: Socket) -> tuple[object, ...]:
    return (":" in row.address, _number(row.address), ORDER[row.state], row.port, row.peer_address or "", row.peer_port)


def _number(address: str) -> int:
    import ipaddress

    return int(ipaddress.ip_address(address))


def _socket(found: Found, time_ns: int, two_msl_ns: int, wire: Wire | None) -> Socket:
    connection, role, span = found.connection, found.role, found.span
    end, peer = (connection.client, connection.server) if role == "client" else (connection.server, connection.client)
    return Socket(
        state=span.state,
        address=end.address,
        port=end.port,
        peer_address=peer.address,
        peer_port=peer.port,
        connection=connection.id,
        role=role,
        since_ns=span.start_ns,
        frame=span.frame,
        certainty=span.certainty,
        send_q=_send_q(span.state, role, wire),
        timer=_timer(found, time_ns, two_msl_ns, wire),
        names=end.names,
        peer_names=peer.names,
    )


def _send_q(state: State, role: Role, wire: Wire | None) -> int | None:
    """What is sent and not acknowledged, in accord with the state: an ACK that passed need not have arrived."""
    if state in ("TIME_WAIT", "FIN_WAIT_2"):
        return 0
    queued = None if wire is None else wire.unacknowledged(role)
    own_flag_is_out = state in ("SYN_SENT", "SYN_RECEIVED", "FIN_WAIT_1", "CLOSING", "LAST_ACK")
    return queued if queued is None else max(queued, int(own_flag_is_out))


def _timer(found: Found, time_ns: int, two_msl_ns: int, wire: Wire | None) -> Timer | None:
    """Return the timer that runs in the span's state, None where none does or its schedule is not known."""
    state, connection = found.span.state, found.connection
    direction = None if wire is None else wire.client if found.role == "client" else wire.server
    if state == "TIME_WAIT":
        return _two_msl(found, time_ns, two_msl_ns)
    if state == "SYN_SENT" and found.role == "client":
        return _again("syn", connection.opening.syn_times_ns, time_ns, _next_syn_ns)
    if state == "SYN_RECEIVED" and direction is not None:
        return _again("syn-ack", direction.syn_acks_ns, time_ns, _next_syn_ack_ns)
    if state in ("FIN_WAIT_1", "CLOSING", "LAST_ACK") and direction is not None:
        return _again("fin", direction.fins_ns, time_ns, _next_fin_ns)
    return None


def _two_msl(found: Found, time_ns: int, two_msl_ns: int) -> Timer:
    """2MSL counts from the last segment that the holder answered: a stay that began again has only a latest end."""
    stay = next((stay for stay in found.connection.time_wait if stay.holder == found.role), None)
    start = found.span.start_ns if stay is None else stay.start_ns
    ends_ns = (time_ns if start is None else start) + two_msl_ns
    again = stay is not None and bool(stay.restarts)
    if stay is not None and again and stay.end in ("expired", "capture-end") and stay.at_most_ns is not None:
        ends_ns = stay.start_ns + stay.at_most_ns
    return Timer(kind="2msl", left_ns=max(ends_ns - time_ns, 0), basis="profile", at_most=again)


def _again(
    kind: TimerKind, times_ns: Iterable[int], time_ns: int, following: Callable[[tuple[int, ...]], int | None]
) -> Timer | None:
    """The next copy that the capture holds, else what the schedule of the copies so far says."""
    copies = tuple(sorted(times_ns))
    later = next((copy for copy in copies if copy > time_ns), None)
    if later is not None:
        return Timer(kind=kind, left_ns=later - time_ns, basis="seen", at_most=False)
    due = following(copies) if copies else None
    if due is None or due < time_ns:
        return None
    return Timer(kind=kind, left_ns=due - time_ns, basis="schedule", at_most=False)


def _next_syn_ns(copies: tuple[int, ...]) -> int | None:
    """When a timetable that fits the copies so far sends the next one; the earliest of several."""
    gaps = tuple(after - before for before, after in pairwise(copies))
    fits = schedule_fits(gaps)
    due = [table.gaps[len(gaps)] for table in TIMETABLES if table.name in fits and len(gaps) < len(table.gaps)]
    return copies[-1] + int(min(due) * SECOND_NS) if due else None


def _next_syn_ack_ns(copies: tuple[int, ...]) -> int | None:
    sent_again = len(copies) - 1
    return copies[-1] + REPEATS_NS[sent_again] if sent_again < len(REPEATS_NS) else None


def _next_fin_ns(copies: tuple[int, ...]) -> int | None:
    """The gap doubles; the first one depends on the round trip and is not known."""
    return None if len(copies) < 2 else copies[-1] + 2 * (copies[-1] - copies[-2])
