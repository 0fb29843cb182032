"""What everything after the analysis sees: plain, frozen, typed.

These structs are the JSON contract (`handshake-inspect/1`) field by field; `handshake-inspect
schema` prints them as a JSON Schema.  Times are nanoseconds since 1970 UTC and durations are
nanoseconds.  What is not known is None, never a guess.
"""

from __future__ import annotations

from typing import Literal

import msgspec

SCHEMA = "handshake-inspect/1"

State = Literal[
    "CLOSED", "LISTEN", "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2",
    "CLOSE_WAIT", "CLOSING", "LAST_ACK", "TIME_WAIT",
]  # fmt: skip
Role = Literal["client", "server"]
Certainty = Literal["observed", "confirmed", "inferred", "assumed"]
OpeningKind = Literal[
    "three-way", "simultaneous", "split", "refused", "unanswered", "half-open", "reset", "mid-stream", "failed",
]  # fmt: skip
ClosingKind = Literal[
    "four-way", "three-segment", "simultaneous", "half-closed", "reset", "fin-then-reset", "unacknowledged",
    "open", "none",
]  # fmt: skip
TimeWaitEnd = Literal["reuse", "reset", "expired", "capture-end"]
Severity = Literal["error", "warning", "note"]
CheckName = Literal[
    "syn-ack acknowledges syn", "ack acknowledges syn-ack", "ack continues from syn",
    "client fin acknowledged", "server fin acknowledged",
]  # fmt: skip


class Plain(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The base of every part of the report; none can refer to itself, so Python need not look for cycles."""


class FrameOf(Plain):
    """A frame of one of several captures: `capture` counts from 0, `frame` from 1."""

    capture: int
    frame: int


Frame = int | FrameOf
"""A frame number, counted from 1; with several captures, which one as well."""


class Fault(Plain):
    """A place in the input that could not be read."""

    offset: int | None
    frame: int | None
    problem: str


class Counters(Plain):
    """Every frame of the capture, in exactly one of these."""

    tcp: int
    not_tcp: int
    fragment: int
    truncated: int
    malformed: int
    unsupported: int


class CaptureInfo(Plain):
    """One input file: what it is, what was in it, what was wrong with it."""

    path: str
    format: str
    byte_order: Literal["little", "big"] | None
    time_resolution_ns: int | None
    link_types: tuple[str, ...]
    bytes: int
    frames: int
    first_time_ns: int | None
    last_time_ns: int | None
    counters: Counters
    unsupported: dict[str, int]
    faults: tuple[Fault, ...]


class Transition(Plain):
    """One change of state of one endpoint, with the frame that caused it (SEMANTICS: Figure 5)."""

    from_: State = msgspec.field(name="from")
    to: State
    event: str
    frame: Frame | None
    earliest_frame: Frame | None
    time_ns: int
    certainty: Certainty
    confirmed_by: Frame | None


class Retransmissions(Plain):
    """Segments that this endpoint sent again; mirrored copies are not among them."""

    syn: int
    syn_ack: int
    fin: int
    data: int


class Options(Plain):
    """What this endpoint offered on its SYN or SYN-ACK; None where that was not seen."""

    mss: int | None
    window_scale: int | None
    sack_permitted: bool | None
    timestamps: bool | None
    fast_open: Literal["request", "cookie"] | None
    mptcp: bool | None
    ecn: bool | None


class Endpoint(Plain, omit_defaults=True):
    """One end of a connection.

    `names` are what the capture calls it, and only there when they were asked for.  `larger_than_mss` says that it sent
    segments larger than its peer's MSS: captured before the card cut them, or after it joined them.
    """

    address: str
    port: int
    isn: int | None
    state: State | None
    segments: int
    bytes: int
    retransmissions: Retransmissions
    duplicates: int
    missing_bytes: int
    options: Options
    time_in_state_ns: dict[str, int]
    transitions: tuple[Transition, ...]
    names: tuple[str, ...] = ()
    larger_than_mss: bool = False


class Icmp(Plain):
    """An ICMP error that quoted the SYN."""

    frame: Frame
    reporter: str
    type: int
    code: int
    meaning: str
    hard: bool


class Schedule(Plain):
    """When the SYN was sent again: gaps between copies, and the systems whose timers these fit."""

    gaps_ns: tuple[int, ...]
    fits: tuple[str, ...]


class Opening(Plain):
    """How the connection opened (RFC 9293 section 3.5)."""

    kind: OpeningKind
    certainty: Certainty
    frames: tuple[Frame, ...]
    server_side_ns: int | None
    client_side_ns: int | None
    rtt_ns: int | None
    syn_times_ns: tuple[int, ...]
    refusals: int
    icmp: Icmp | None
    schedule: Schedule | None


class BytesPerSide(Plain):
    """A count of payload bytes for each end."""

    client: int
    server: int


class Closing(Plain):
    """How the connection closed (RFC 9293 section 3.6)."""

    kind: ClosingKind
    first: Role | None
    frames: tuple[Frame, ...]
    bytes_after_first_fin: BytesPerSide
    reset_by: Role | None
    reset_in_state: State | None


class Check(Plain):
    """One comparison of acknowledgment numbers: SEQ + 1."""

    name: CheckName
    frame: Frame
    expected: int
    seen: int
    ok: bool


class TimeWait(Plain):
    """One endpoint's stay in TIME_WAIT, as far as a capture can bound it (RFC 9293 section 3.6.1)."""

    holder: Role
    frame: Frame
    start_ns: int
    restarts: tuple[Frame, ...]
    end: TimeWaitEnd
    end_frame: Frame | None
    at_least_ns: int | None
    at_most_ns: int | None
    profile: str


class Finding(Plain):
    """Something about the traffic that is worth a sentence; `id` is stable."""

    id: str
    severity: Severity
    endpoint: Role | None
    frames: tuple[Frame, ...]
    text: str


class Interop(Plain):
    """What other tools would call this connection."""

    wireshark_completeness: int
    zeek_conn_state: str
    zeek_history: str
    sf: str
    community_id: str


class Connection(Plain):
    """One incarnation of one 4-tuple."""

    id: int
    incarnation: int
    roles: Literal["seen", "guessed"]
    first_frame: Frame
    last_frame: Frame
    first_time_ns: int
    last_time_ns: int
    client: Endpoint
    server: Endpoint
    opening: Opening
    closing: Closing
    checks: tuple[Check, ...]
    time_wait: tuple[TimeWait, ...]
    findings: tuple[Finding, ...]
    interop: Interop


class Summary(Plain):
    """The whole capture in counts; each key of a dict is a word of the fields above."""

    connections: int
    openings: dict[str, int]
    closings: dict[str, int]
    findings: dict[str, int]
    closed_first: dict[str, int]
    final_states: dict[str, int]
