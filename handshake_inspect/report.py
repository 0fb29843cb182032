"""What everything after the analysis sees: plain, frozen, typed.

These structs are the JSON contract (`handshake-inspect/1`) field by field; `handshake-inspect
schema` prints them as a JSON Schema.  Below the sentence that says what a struct is, its
docstring has a line for each field.  Times are nanoseconds since 1970 UTC and durations are
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


class FrameOf(Plain, frozen=True):
    """A frame of one of several captures; a report on a single capture has plain frame numbers.

    capture: place of the capture in the report's `captures`, from 0
    frame: number of the frame in it, from 1, as Wireshark counts
    """

    capture: int
    frame: int


Frame = int | FrameOf
"""A frame number, counted from 1; with several captures, which one as well."""


class Fault(Plain, frozen=True):
    """A place in the input that could not be read.

    offset: bytes from the start of the input after decompression
    frame: number of the frame, from 1; None before the first
    problem: what was needed there, and what was there
    """

    offset: int | None
    frame: int | None
    problem: str


class Counters(Plain, frozen=True):
    """Every frame of the capture, in exactly one of these.

    tcp: frames with a TCP segment
    not_tcp: frames with something else; an ICMP error that quotes a TCP segment is read all the same
    fragment: IP fragments; the one that completes a packet counts as what the packet is
    truncated: frames that the capture cut before the end of their TCP header
    malformed: frames whose headers contradict themselves
    unsupported: frames of a kind that is not read
    """

    tcp: int
    not_tcp: int
    fragment: int
    truncated: int
    malformed: int
    unsupported: int


class CaptureInfo(Plain, frozen=True):
    """One input file: what it is, what was in it, what was wrong with it.

    path: its path as it was named
    format: `pcap`, `pcapng` or another row of the table of formats
    byte_order: of the file, or of its first section; None for a live capture
    time_resolution_ns: nanoseconds in one step of its finest clock; None without an interface
    link_types: names of the link types of its frames
    bytes: read, after decompression
    frames: read
    first_time_ns: of its first frame, nanoseconds since 1970 UTC; None without frames
    last_time_ns: the latest of its frames, nanoseconds since 1970 UTC
    counters: its frames by what became of them
    unsupported: frames that are not read, by what they are
    faults: the places that could not be read
    """

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


class Transition(Plain, frozen=True):
    """One change of state of one endpoint, with the frame that caused it (RFC 9293 section 3.3.2, Figure 5).

    from_: the state before; `from` in JSON
    to: the state after
    event: what happened, in the words of Figure 5: `snd SYN`, `rcv ACK of FIN`, `2MSL timeout`
    frame: the frame that caused it; None for a timer
    earliest_frame: where several copies may have arrived, the first of them; `frame` is the last
    time_ns: of the frame, or computed for a timer; nanoseconds since 1970 UTC
    certainty: how it is known
    confirmed_by: the frame that proves it, where it is confirmed
    """

    from_: State = msgspec.field(name="from")
    to: State
    event: str
    frame: Frame | None
    earliest_frame: Frame | None
    time_ns: int
    certainty: Certainty
    confirmed_by: Frame | None


class Retransmissions(Plain, frozen=True):
    """Segments that this endpoint sent again; mirrored copies are not among them.

    syn: SYNs
    syn_ack: SYN-ACKs
    fin: FINs
    data: segments with data
    """

    syn: int
    syn_ack: int
    fin: int
    data: int


class Options(Plain, frozen=True):
    """What this endpoint offered on its SYN or SYN-ACK; None where that was not seen (RFC 9293 section 3.2).

    mss: maximum segment size in bytes; None also where it offered none
    window_scale: shift of the window (RFC 7323 section 2); None also where it offered none
    sack_permitted: selective acknowledgments (RFC 2018)
    timestamps: timestamps (RFC 7323 section 3)
    fast_open: TCP Fast Open (RFC 7413): it asked for a cookie, or sent one; None also for neither
    mptcp: Multipath TCP (RFC 8684)
    ecn: explicit congestion notification (RFC 3168)
    """

    mss: int | None
    window_scale: int | None
    sack_permitted: bool | None
    timestamps: bool | None
    fast_open: Literal["request", "cookie"] | None
    mptcp: bool | None
    ecn: bool | None


class Endpoint(Plain, frozen=True, omit_defaults=True):
    """One end of a connection.

    address: IPv4 or IPv6 in its usual spelling (RFC 5952)
    port: TCP port
    isn: initial sequence number (RFC 9293 section 3.4.1); None without its SYN or SYN-ACK
    state: at the end of the capture; None where nothing shows it
    segments: that it sent, mirrored copies not among them
    bytes: of payload that it sent, each counted once
    retransmissions: what it sent again
    duplicates: mirrored copies of its segments
    missing_bytes: that were acknowledged and are not in the capture
    options: what it offered on its SYN or SYN-ACK
    time_in_state_ns: nanoseconds in each state, until the end of the capture; none of CLOSED and LISTEN
    transitions: its changes of state, in the order in which they happened to it
    names: what the capture calls it, only where names were asked for
    larger_than_mss: it sent segments larger than its peer's MSS: captured before the card cut them, or after it
        joined them
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


class Icmp(Plain, frozen=True):
    """An ICMP error that quoted the SYN (RFC 9293 section 3.9.2.2).

    frame: its frame
    reporter: address of who sent it
    type: ICMP or ICMPv6 type
    code: ICMP or ICMPv6 code
    meaning: of type and code, in words
    hard: it ends the attempt to connect
    """

    frame: Frame
    reporter: str
    type: int
    code: int
    meaning: str
    hard: bool


class Schedule(Plain, frozen=True):
    """When the SYN was sent again.

    gaps_ns: nanoseconds between copies
    fits: the systems whose timers these gaps fit
    """

    gaps_ns: tuple[int, ...]
    fits: tuple[str, ...]


class Opening(Plain, frozen=True):
    """How the connection opened (RFC 9293 section 3.5).

    kind: the way it opened, or did not
    certainty: the weakest that it rests on
    frames: those of the handshake
    server_side_ns: nanoseconds from the SYN to its answer: from the capture point to the server and back
    client_side_ns: nanoseconds from the SYN-ACK to its ACK: from the capture point to the client and back
    rtt_ns: the sum of both: one round trip
    syn_times_ns: when each copy of the client's SYN was sent, nanoseconds since 1970 UTC
    refusals: RSTs that answered a SYN
    icmp: the first ICMP error that answered a SYN
    schedule: when the SYN was sent again; None when it was not
    """

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


class BytesPerSide(Plain, frozen=True):
    """A count of payload bytes for each end.

    client: that the client sent
    server: that the server sent
    """

    client: int
    server: int


class Closing(Plain, frozen=True):
    """How the connection closed (RFC 9293 section 3.6).

    kind: the way it closed, or did not
    first: who closed first: the active closer
    frames: those of the closing
    bytes_after_first_fin: payload after the first FIN of either end: a half-close in use
    reset_by: who sent the RST that ended it
    reset_in_state: the state of the end that this RST met
    """

    kind: ClosingKind
    first: Role | None
    frames: tuple[Frame, ...]
    bytes_after_first_fin: BytesPerSide
    reset_by: Role | None
    reset_in_state: State | None


class Check(Plain, frozen=True):
    """One comparison of acknowledgment numbers: SEQ + 1, as a SYN and a FIN take one number (RFC 9293 section 3.4).

    name: what is compared
    frame: the frame that acknowledges
    expected: the number that must be there
    seen: the number that is there
    ok: whether they are equal
    """

    name: CheckName
    frame: Frame
    expected: int
    seen: int
    ok: bool


class TimeWait(Plain, frozen=True):
    """One endpoint's stay in TIME_WAIT, as far as a capture can bound it (RFC 9293 section 3.6.1).

    holder: who is in TIME_WAIT
    frame: the frame with which it began
    start_ns: when it began, nanoseconds since 1970 UTC
    restarts: frames of the FINs that came again and began it anew
    end: what ended it, as far as the capture shows
    end_frame: the frame that ended it; None for the timer and the end of the capture
    at_least_ns: nanoseconds that it lasted for certain
    at_most_ns: nanoseconds that it can have lasted
    profile: whose 2MSL was taken: a system's name or a duration
    """

    holder: Role
    frame: Frame
    start_ns: int
    restarts: tuple[Frame, ...]
    end: TimeWaitEnd
    end_frame: Frame | None
    at_least_ns: int | None
    at_most_ns: int | None
    profile: str


class Finding(Plain, frozen=True):
    """Something about the traffic that is worth a sentence.

    id: stable; `handshake-inspect findings` lists them
    severity: how bad it is
    endpoint: whose it is; None where it is of both
    frames: the frames that show it
    text: the sentence
    """

    id: str
    severity: Severity
    endpoint: Role | None
    frames: tuple[Frame, ...]
    text: str


class Interop(Plain, frozen=True):
    """What other tools would call this connection.

    wireshark_completeness: Wireshark's tcp.completeness
    zeek_conn_state: Zeek's conn_state
    zeek_history: Zeek's history
    sf: which of SYN and FIN each end sent, and whether a RST was there: `S2F2`, `S2F1/R`
    community_id: Community ID, version 1
    """

    wireshark_completeness: int
    zeek_conn_state: str
    zeek_history: str
    sf: str
    community_id: str


class Connection(Plain, frozen=True):
    """One incarnation of one 4-tuple.

    id: its number in the report, from 0, in the order of first segments
    incarnation: which connection on its 4-tuple, from 1
    roles: whether a SYN or SYN-ACK shows who the client is, or the ports had to
    first_frame: its first frame
    last_frame: its last frame
    first_time_ns: of its first frame, nanoseconds since 1970 UTC
    last_time_ns: of its last frame, nanoseconds since 1970 UTC
    client: the end that opened it
    server: the other end
    opening: how it opened
    closing: how it closed
    checks: each comparison of SEQ + 1
    time_wait: each stay in TIME_WAIT
    findings: what is worth a sentence, as it was found
    interop: what other tools would call it
    """

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


class Summary(Plain, frozen=True):
    """The whole capture in counts; each key of a dict is a word of the fields above.

    connections: how many there are
    openings: connections by `opening.kind`
    closings: connections by `closing.kind`
    findings: connections by the id of a finding that they have
    closed_first: connections by `closing.first`
    final_states: endpoints by their state at the end
    """

    connections: int
    openings: dict[str, int]
    closings: dict[str, int]
    findings: dict[str, int]
    closed_first: dict[str, int]
    final_states: dict[str, int]
