"""A ladder: one connection, a row for each segment that matters, with what both ends made of it.

`ladder()` of looks/climb.py builds it; every drawing (terminal, SVG, HTML, Mermaid, Markdown, JSON) only
spells what stands here.  Rows are in the order of the capture; a run of plain data is one row unless it is unfolded.

>>> from handshake_inspect import analyse
>>> from handshake_inspect.looks.climb import ladder
>>> from handshake_inspect.segments import segments_of
>>> path = "sample_pcaps/refused/capture.pcap"
>>> report = analyse(path)
>>> drawn = ladder(report.connections[0], segments_of(path, [0]), report.captures)
>>> [(row.flags, row.client.state, row.server.state) for row in drawn.rows]
[('SYN', 'SYN_SENT', 'CLOSED'), ('RST,ACK', 'CLOSED', 'CLOSED')]
"""

from __future__ import annotations

from typing import Literal

from handshake_inspect.report import Certainty, CheckName, Connection, Frame, Plain, Role, Severity, State, Transition

SCHEMA: Literal["handshake-inspect-walk/1"] = "handshake-inspect-walk/1"
SEQ_SPACE = 2**32

RowKind = Literal["segment", "run", "icmp", "timer", "elsewhere"]
"""segment: one frame.  run: plain data and ACKs, folded.  icmp: an ICMP error that quotes this connection.
timer: no frame, a time that was computed (2MSL).  elsewhere: a frame of another connection that ended a state here."""


class Step(Plain, frozen=True):
    """A transition on its row.  `caused_elsewhere`: its frame is another row's, though it took effect only here.

    A FIN that crossed with ours, for instance, was captured before it, and is received after it.
    """

    transition: Transition
    caused_elsewhere: bool


class Side(Plain, frozen=True):
    """One endpoint on one row: its state after the row, and the steps that led there (none: unchanged).

    `state` is None for an endpoint that shows no sign of life.
    """

    state: State | None
    steps: tuple[Step, ...]


class Start(Plain, frozen=True):
    """The state of an endpoint before the first row; `assumed` when no segment shows it."""

    state: State | None
    certainty: Certainty | None


class Takes(Plain, frozen=True):
    """A SYN or FIN takes one sequence number, `number`; an ACK of it says `next` = number + 1, modulo 2**32.

    It stands on the first copy alone: the same SYN or FIN sent again takes nothing more.
    """

    what: Literal["SYN", "FIN"]
    number: int
    next: int


class Sum(Plain, frozen=True):
    """One check of SEQ + 1 done on this row: `seen` ought to be `number` + 1 (+ `data` bytes that rode on a SYN).

    `field` is the header field that is checked, `number` the sequence number of `of`; `off` is how far `seen` lies
    beyond what it ought to be (negative: before it), 0 when `ok`.
    """

    name: CheckName
    field: Literal["ACK", "SEQ"]
    seen: int
    of: Literal["client's SYN", "server's SYN", "client's FIN", "server's FIN"]
    number: int
    data: int
    ok: bool
    off: int


class Note(Plain, frozen=True):
    """A remark on a row: a finding (its id) or one of NOTES."""

    id: str
    severity: Severity
    text: str


class Carried(Plain, frozen=True):
    """What one side sent in a run: segments with data, their bytes, ACKs without data, and how many were repeats."""

    segments: int
    bytes: int
    acks: int
    again: int
    copies: int


class Row(Plain, frozen=True):
    """One row.  Numbers are raw, as sent; the relative ones count from the ISNs, as Wireshark shows them.

    `last_frame` and `last_time_ns` differ from the first in a run only.  `seq`, `ack`, `window` are None where the row
    has no such field; `sender` too when one socket is both ends, for then which way a segment went cannot be known.
    `length` counts payload bytes; `copies` are the frames of mirrored copies.
    """

    kind: RowKind
    frame: Frame | None
    last_frame: Frame | None
    time_ns: int
    last_time_ns: int
    sender: Role | None
    flags: str
    seq: int | None
    ack: int | None
    relative_seq: int | None
    relative_ack: int | None
    length: int
    window: int | None
    by_client: Carried | None
    by_server: Carried | None
    client: Side
    server: Side
    takes: Takes | None
    sums: tuple[Sum, ...]
    notes: tuple[Note, ...]
    copies: tuple[Frame, ...]


class Ladder(Plain, frozen=True):
    """The whole walk: the connection as the report has it, where both ends began, the rows.

    `start_ns` is the time from which relative times count (the first frame of all captures), `decimals` how many
    decimals of a second the captures have.  `remarks` are findings that belong to no row.
    """

    schema: Literal["handshake-inspect-walk/1"]
    connection: Connection
    start_ns: int
    decimals: int
    client_start: Start
    server_start: Start
    rows: tuple[Row, ...]
    remarks: tuple[Note, ...]


def side_of(row: Row, role: Role) -> Side:
    """The endpoint `role` on this row."""
    return row.client if role == "client" else row.server


def start_of(ladder: Ladder, role: Role) -> Start:
    """Where the endpoint `role` began."""
    return ladder.client_start if role == "client" else ladder.server_start
