"""What a teacher would say at each row of a ladder, as keys and values: `render/lessons` has a sentence for each key.

`before`, `of_row` and `after` choose; which language it is told in is none of their business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, get_args

from handshake_inspect.looks.ladder import SEQ_SPACE, Ladder, Row, Side, side_of
from handshake_inspect.report import ClosingKind, OpeningKind, TimeWaitEnd
from handshake_inspect.rfc9293.states import TRANSITIONS

if TYPE_CHECKING:
    from handshake_inspect.looks.ladder import Step
    from handshake_inspect.report import Frame, Role, State


class Point(NamedTuple):
    """One thing to say: its key, who it is about, and the values of its sentence."""

    key: str
    who: Role | None = None
    values: dict[str, int | Frame | str | None] = {}  # noqa: RUF012  (never changed: a named tuple is immutable)


SPECIAL_STEPS = frozenset({
    "SYN_SENT rcv SYN -> SYN_RECEIVED", "SYN_SENT rcv RST -> CLOSED", "TIME_WAIT rcv RST -> CLOSED",
})  # fmt: skip
"""Steps that mean something else from this state than from others."""

STARTS = ("start CLOSED", "start LISTEN", "start ESTABLISHED", "start unknown")
SEGMENTS = (
    "syn", "syn-ack", "handshake ack", "data", "ack", "fin", "second fin", "fin with ack", "ack of fin", "rst", "icmp",
)  # fmt: skip
NOTED = (
    "syn-again", "syn-ack-again", "fin-again", "data-again", "wrong-ack", "rst-ignored", "rst-challenged",
    "challenge-ack", "rst-not-delivered", "rst-forged", "data-after-close", "accept-queue-full", "time-wait-again",
)  # fmt: skip
TOOLS = ("tcpdump", "ss", "ss nothing")
OPENING_ENDS = tuple(f"opening {kind}" for kind in get_args(OpeningKind))
CLOSING_ENDS = tuple(f"closing {kind}" for kind in get_args(ClosingKind))
TIME_WAIT_ENDS = ("time-wait", *(f"time-wait {end}" for end in get_args(TimeWaitEnd)))

SS_STATES: dict[State, str | None] = {
    "CLOSED": None, "LISTEN": "LISTEN", "SYN_SENT": "SYN-SENT", "SYN_RECEIVED": "SYN-RECV", "ESTABLISHED": "ESTAB",
    "FIN_WAIT_1": "FIN-WAIT-1", "FIN_WAIT_2": "FIN-WAIT-2", "CLOSE_WAIT": "CLOSE-WAIT", "CLOSING": "CLOSING",
    "LAST_ACK": "LAST-ACK", "TIME_WAIT": "TIME-WAIT",
}  # fmt: skip
NETSTAT_STATES: dict[State, str | None] = {
    "CLOSED": None, "LISTEN": "LISTEN", "SYN_SENT": "SYN_SENT", "SYN_RECEIVED": "SYN_RECV",
    "ESTABLISHED": "ESTABLISHED", "FIN_WAIT_1": "FIN_WAIT1", "FIN_WAIT_2": "FIN_WAIT2", "CLOSE_WAIT": "CLOSE_WAIT",
    "CLOSING": "CLOSING", "LAST_ACK": "LAST_ACK", "TIME_WAIT": "TIME_WAIT",
}  # fmt: skip
TCPDUMP_FLAGS = {
    "FIN": "F", "SYN": "S", "RST": "R", "PSH": "P", "ACK": ".", "URG": "U", "ECE": "E", "CWR": "W", "AE": "e",
}  # fmt: skip


def step_key(before: str, event: str, after: str) -> str:
    """The key of a transition: its event and where it leads, with where it came from only if that matters."""
    key = f"{before} {event} -> {after}"
    return key if key in SPECIAL_STEPS else f"{event} -> {after}"


def every_key() -> frozenset[str]:
    """All keys that can be asked for: a language has a sentence for each."""
    steps = {step_key(arrow.state.name, arrow.event.text, arrow.next_state.name) for arrow in TRANSITIONS}
    return frozenset({
        "reading", *steps, *STARTS, *SEGMENTS, *NOTED, *TOOLS, *OPENING_ENDS, *CLOSING_ENDS, *TIME_WAIT_ENDS,
    })  # fmt: skip


def before(ladder: Ladder) -> list[Point]:
    """What is said above the first row: how to read it, and where both ends begin."""
    points = [Point("reading")]
    for who, start in (("client", ladder.client_start), ("server", ladder.server_start)):
        key = f"start {start.state}"
        points.append(Point(key if key in STARTS else "start unknown", who))  # type: ignore[arg-type]
    return points


def of_row(row: Row, ladder: Ladder) -> list[Point]:
    """What is said under a row: the segment, what it is besides, each step of either end, what the tools show."""
    points = []
    again = [note.id for note in row.notes if note.id in NOTED]
    key = segment_key(row)
    if key == "fin" and ladder.connection.closing.first not in (None, row.sender):
        key = "second fin"
    if key and not (set(again) & {"syn-again", "syn-ack-again", "fin-again", "data-again", "challenge-ack"}):
        points.append(Point(key, row.sender, values_of(row)))
    points += [Point(note, row.sender, values_of(row)) for note in again]
    if row.frame is not None and any(row.frame in stay.restarts for stay in ladder.connection.time_wait):
        points.append(Point("time-wait-again", row.sender, values_of(row)))
    # The sender changed its state before the segment arrived anywhere.
    roles: tuple[Role, Role] = ("server", "client") if row.sender == "server" else ("client", "server")
    for who in roles:
        points += [step_point(step, who) for step in side_of(row, who).steps]
    if row.client.steps or row.server.steps:
        points += tool_points(row, ladder)
    return points


def segment_key(row: Row) -> str:
    """Which of SEGMENTS a row is; empty when there is nothing to say about it."""
    if row.kind in ("run", "icmp"):
        return "data" if row.kind == "run" else "icmp"
    flags = set(row.flags.split(","))
    names = {one.name for one in row.sums}
    if row.kind != "segment" or row.sender is None:
        return ""
    if "RST" in flags:
        return "rst"
    if "SYN" in flags:
        return "syn-ack" if "ACK" in flags else "syn"
    acknowledges_fin = bool(names & {"client fin acknowledged", "server fin acknowledged"})
    if "FIN" in flags:
        return "fin with ack" if acknowledges_fin else "fin"
    if acknowledges_fin:
        return "ack of fin"
    if "ack acknowledges syn-ack" in names:
        return "handshake ack"
    return "data" if row.length else "ack"


def values_of(row: Row) -> dict[str, int | Frame | str | None]:
    """The numbers that a sentence about a segment can use."""
    after = None if row.seq is None else (row.seq + row.length) % SEQ_SPACE
    taken = row.takes.number if row.takes else row.seq
    next_number = row.takes.next if row.takes else after
    return {
        "frame": row.frame, "seq": row.seq, "ack": row.ack, "length": row.length, "taken": taken, "next": next_number,
    }  # fmt: skip


def step_point(step: Step, who: Role) -> Point:
    """A transition as a point."""
    transition = step.transition
    key = step_key(transition.from_, transition.event, transition.to)
    return Point(key, who, {"from": transition.from_, "frame": transition.frame})


def tool_points(row: Row, ladder: Ladder) -> list[Point]:
    """What tcpdump prints for the segment, and what ss and netstat show once it has arrived."""
    points = []
    line = tcpdump_line(row, ladder)
    if line:
        points.append(Point("tcpdump", row.sender, {"line": line}))
    values: dict[str, int | Frame | str | None] = {}
    for who, side in (("client", row.client), ("server", row.server)):
        values[f"{who}_ss"] = shown(side, SS_STATES)
        values[f"{who}_netstat"] = shown(side, NETSTAT_STATES)
    return [*points, Point("ss", None, values) if any(values.values()) else Point("ss nothing")]


def shown(side: Side, names: dict[State, str | None]) -> str | None:
    """How a tool spells the state of a side; None where it has no line for it."""
    return None if side.state is None else names[side.state]


def tcpdump_line(row: Row, ladder: Ladder) -> str:
    """The line of `tcpdump -n -r` without time, addresses and options: relative numbers, but absolute on a SYN.

    Empty where tcpdump would count from elsewhere: when a SYN is not in the capture.
    """
    if row.kind != "segment" or row.seq is None:
        return ""
    flags = row.flags.split(",")
    absolute = "SYN" in flags
    if not absolute and (ladder.connection.client.isn is None or ladder.connection.server.isn is None):
        return ""
    seq, ack = (row.seq, row.ack) if absolute else (row.relative_seq, row.relative_ack)
    words = [f"Flags [{''.join(TCPDUMP_FLAGS.get(flag, '') for flag in flags) or 'none'}]"]
    if row.length or {"SYN", "FIN", "RST"} & set(flags):
        words.append(f"seq {seq}" + (f":{(seq or 0) + row.length}" if row.length else ""))
    if row.ack is not None:
        words.append(f"ack {ack}")
    return ", ".join([*words, f"win {row.window}", f"length {row.length}"])


def after(ladder: Ladder) -> list[Point]:
    """What is said below the last row: how it opened and closed, and TIME_WAIT."""
    connection = ladder.connection
    points = [Point(f"opening {connection.opening.kind}", "client"), Point(f"closing {connection.closing.kind}",
              connection.closing.first or "client")]  # fmt: skip
    if connection.time_wait:
        points.append(Point("time-wait", connection.time_wait[0].holder))
    points += [Point(f"time-wait {stay.end}", stay.holder, {"frame": stay.end_frame}) for stay in connection.time_wait]
    return points
