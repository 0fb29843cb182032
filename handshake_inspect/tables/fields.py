"""The columns of the tables: one row here for each, with what it means.

The API reference is made from CONNECTIONS and TRANSITIONS.  `read` takes Rows (or StepRows) of verdict/rows.pxd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from handshake_inspect.rfc9293.states import EVENT_TEXTS
from handshake_inspect.tables.community import community_ids
from handshake_inspect.tables.kinds import NOT_KNOWN, Findings, Kind, Moment, Text, Whole, Word, addresses
from handshake_inspect.verdict.words import CERTAINTIES, CLOSINGS, OPENINGS, ROLES, SEVERITIES, TIME_WAIT_ENDS
from handshake_inspect.views import (
    CAPTURE_SHIFT,
    FRAME_MASK,
    HAS_ISN,
    NEVER,
    OPTION_MSS,
    OPTION_WINDOW_SCALE,
    STATE_NAMES,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

assert NEVER == NOT_KNOWN

COUNT = Whole("i8")  # signed, so that a difference of two columns may be negative
SMALL = Whole("i4")
CAPTURE, FRAME = Whole("i4", nullable=True), Whole("i8", nullable=True)
TIME, DURATION = Moment("M"), Moment("m")
ROLE, STATE = Word(ROLES), Word(STATE_NAMES)
CERTAINTY, SEVERITY = Word(CERTAINTIES), Word(SEVERITIES[1:])
ADDRESS = Text(39)


class Field(NamedTuple):
    """One column: its name, its kind, what it means, and how it is read."""

    name: str
    kind: Kind
    meaning: str
    read: Callable[[Array], Any]


def of(name: str) -> Callable[[Array], Any]:
    """Read a column as it stands."""
    return lambda rows: rows[name]


def frame(name: str, raw: str, meaning: str) -> Iterator[Field]:
    """The two columns of a frame: which capture it is in, and its number there."""

    def in_capture(rows: Array) -> Array:
        return np.where(rows[raw] == 0, NOT_KNOWN, (rows[raw] >> CAPTURE_SHIFT).astype("i8"))

    def number(rows: Array) -> Array:
        return np.where(rows[raw] == 0, NOT_KNOWN, (rows[raw] & FRAME_MASK).astype("i8"))

    capture = name.replace("frame", "capture") if "frame" in name else f"{name}_capture"
    yield Field(capture, CAPTURE, f"the capture that {name} is in, from 0", in_capture)
    yield Field(name, FRAME, meaning, number)


def both(name: str, kind: Kind, meaning: str, read: Callable[[Array, int], Any]) -> Iterator[Field]:
    """The same column for each end; `read` takes 0 for the client, 1 for the server."""

    def read_end(side: int) -> Callable[[Array], Any]:
        return lambda rows: read(rows, side)

    for side, role in enumerate(ROLES):
        yield Field(f"{role}_{name}", kind, meaning.replace("END", role), read_end(side))


def side(name: str) -> Callable[[Array, int], Any]:
    """Read one end of a column of pairs."""
    return lambda rows, side: rows[name][:, side]


def repeats(name: str) -> Callable[[Array, int], Any]:
    """How often a segment was sent again, from how often it was sent."""
    return lambda rows, side: np.maximum(rows[name][:, side], 1) - 1


def offered(name: str, option: int) -> Callable[[Array, int], Any]:
    """A number that a SYN or SYN-ACK may have carried."""

    def read(rows: Array, side: int) -> Array:
        there = (rows["flags"][:, side] & HAS_ISN != 0) & (rows["options"][:, side] & option != 0)
        return np.where(there, rows[name][:, side].astype("i8"), NOT_KNOWN)

    return read


def isn(rows: Array, side: int) -> Array:
    return np.where(rows["flags"][:, side] & HAS_ISN, rows["isn"][:, side].astype("i8"), NOT_KNOWN)


def handshake(rows: Array) -> Array:
    known = (rows["server_side_ns"] != NEVER) & (rows["client_side_ns"] != NEVER)
    return np.where(known, rows["server_side_ns"] + rows["client_side_ns"], NOT_KNOWN)


def completeness(rows: Array) -> Array:
    """Wireshark's is 0 for a stream of one segment, unless that is a SYN."""
    segments = rows["segments"].sum(axis=1) + rows["duplicates"].sum(axis=1)
    return np.where((segments == 1) & (rows["completeness"] & 1 == 0), 0, rows["completeness"])


# fmt: off
CONNECTIONS: tuple[Field, ...] = (
    Field("id", COUNT, "number of the connection in the report, from 0, in the order of first segments", of("number")),
    Field("incarnation", SMALL, "which connection on its 4-tuple, from 1", of("incarnation")),
    Field("roles", Word(("seen", "guessed")), "who is the client was seen, or guessed from the ports", of("guessed")),
    *both("address", ADDRESS, "IPv4 or IPv6 address of the END",
          lambda rows, side: addresses(rows["family"], rows["high"][:, side], rows["low"][:, side])),
    *both("port", SMALL, "TCP port of the END", side("port")),
    *frame("first_frame", "first_frame", "its first frame, from 1"),
    *frame("last_frame", "last_frame", "its last frame, from 1"),
    Field("first_time", TIME, "when its first segment was captured, UTC", of("first_time_ns")),
    Field("last_time", TIME, "when its last segment was captured, UTC", of("last_time_ns")),
    Field("opening", Word(OPENINGS), "how it opened (RFC 9293 section 3.5)", of("opening")),
    Field("opening_certainty", CERTAINTY, "the weakest certainty that the opening rests on", of("opening_certainty")),
    Field("handshake", DURATION, "from the SYN to the last ACK of the opening: one round trip", handshake),
    Field("server_side", DURATION, "from the SYN to its answer: the way to the server and back", of("server_side_ns")),
    Field("client_side", DURATION, "from the SYN-ACK to its ACK: the way to the client and back",
          of("client_side_ns")),
    Field("refusals", COUNT, "RSTs that answered a SYN", of("refusals")),
    Field("closing", Word(CLOSINGS), "how it closed (RFC 9293 section 3.6)", of("closing")),
    Field("closed_first", ROLE, "who sent the first FIN or RST of the closing", of("closed_first")),
    Field("reset_by", ROLE, "who sent the RST that ended it", of("reset_by")),
    Field("reset_in_state", STATE, "the state of the end that this RST met", of("reset_in_state")),
    *both("state", STATE, "state of the END at the end of the capture (RFC 9293 section 3.3.2)", side("state")),
    *both("isn", Whole("i8", nullable=True), "initial sequence number of the END (RFC 9293 section 3.4.1)", isn),
    *both("mss", Whole("i4", nullable=True), "MSS that the END offered, in bytes", offered("mss", OPTION_MSS)),
    *both("window_scale", Whole("i2", nullable=True), "window scale that the END offered, as a shift",
          offered("window_scale", OPTION_WINDOW_SCALE)),
    *both("segments", COUNT, "segments that the END sent, mirrored copies not among them", side("segments")),
    *both("bytes", COUNT, "payload bytes that the END sent, each counted once", side("bytes")),
    *both("bytes_after_fin", COUNT, "of these, sent after the first FIN of either end", side("after_fin")),
    *both("missing_bytes", COUNT, "bytes of the END that were acknowledged and are not in the capture",
          side("missing")),
    *both("syn_retransmissions", COUNT, "SYNs that the END sent again", repeats("syns")),
    *both("syn_ack_retransmissions", COUNT, "SYN-ACKs that the END sent again", repeats("syn_acks")),
    *both("fin_retransmissions", COUNT, "FINs that the END sent again", repeats("fins")),
    *both("data_retransmissions", COUNT, "segments with data that the END sent again", side("data_retransmissions")),
    *both("duplicates", COUNT, "mirrored copies of segments of the END", side("duplicates")),
    *both("time_wait_since", TIME, "when the END entered TIME_WAIT (RFC 9293 section 3.6.1), UTC",
          side("stay_start_ns")),
    *both("time_wait_at_least", DURATION, "the END stayed in TIME_WAIT at least so long", side("stay_at_least_ns")),
    *both("time_wait_at_most", DURATION, "the END stayed in TIME_WAIT at most so long", side("stay_at_most_ns")),
    *both("time_wait_end", Word(TIME_WAIT_ENDS), "what ended the stay of the END in TIME_WAIT", side("stay_end")),
    Field("checks", COUNT, "comparisons of SEQ + 1 that could be made", of("checks")),
    Field("failed_checks", COUNT, "of these, how many failed", of("failed_checks")),
    Field("worst", SEVERITY, "severity of its worst finding", lambda rows: rows["severity"] - np.uint8(1)),
    Field("findings", Findings(), "its findings: ids, in NumPy bits that `finding_bit` names", of("findings")),
    Field("wireshark_completeness", SMALL, "Wireshark's tcp.completeness", completeness),
    Field("community_id", Text(30), "Community ID, version 1: the key that Zeek and Suricata log too", community_ids),
)

TRANSITIONS: tuple[Field, ...] = (
    Field("connection", COUNT, "id of the connection", of("connection")),
    Field("endpoint", ROLE, "which end changed its state", of("endpoint")),
    Field("from", STATE, "the state before (RFC 9293 section 3.3.2)", of("before")),
    Field("to", STATE, "the state after", of("after")),
    Field("event", Word(EVENT_TEXTS), "what made the change, in the words of RFC 9293 Figure 5", of("event")),
    *frame("frame", "frame", "the frame that made it, from 1; not known for a timer"),
    *frame("earliest_frame", "earliest_frame", "the first frame that can have made it, where that is another one"),
    Field("time", TIME, "when it happened, as the capture tells, UTC", of("time_ns")),
    Field("certainty", CERTAINTY, "how it is known", of("certainty")),
    *frame("confirmed_by", "confirmed_by", "the frame that proves it, for what was confirmed"),
)
# fmt: on

TABLES = {"connections": CONNECTIONS, "transitions": TRANSITIONS}
