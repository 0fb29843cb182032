"""How firm the verdicts on one connection are: what `doctor` counts, and what an expectation may be judged by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from handshake_inspect.report import Connection, Plain

GradeName = Literal["firm", "weak", "impossible"]
GRADES: tuple[GradeName, ...] = ("firm", "weak", "impossible")

UNPROVABLE = ("rcv ACK of FIN", "rcv RST", "rcv ICMP error")
"""Events that nothing later proves, in any capture: their sender shows what it did, and the verdict rests on that."""
COMPLETE = ("four-way", "three-segment", "simultaneous")
FIRST_GAP_NS = 1_000_000_000
"""The first retransmission of a SYN: before it, no answer yet means nothing."""


class Grade(Plain, frozen=True, kw_only=True):
    """`firm`: opening and closing rest on observed and confirmed transitions; `weak`: some are inferred.

    `impossible`: what would decide is not in the capture.  `reasons` are names of REASONS.
    """

    connection: int
    grade: GradeName
    reasons: tuple[str, ...]


class Reason(NamedTuple):
    """One reason against a verdict: the grade that it leaves, when it holds, and what it means."""

    name: str
    grade: GradeName
    holds: Callable[[Connection, int], bool]
    sentence: str


def _found(id: str) -> Callable[[Connection, int], bool]:
    return lambda connection, end_ns: any(finding.id == id for finding in connection.findings)


def _gap_hides_the_end(connection: Connection, end_ns: int) -> bool:
    """Bytes are missing, and a FIN can be among them."""
    return bool(_missing(connection)) and connection.closing.kind not in COMPLETE


def _gap(connection: Connection, end_ns: int) -> bool:
    return bool(_missing(connection)) and connection.closing.kind in COMPLETE


def _missing(connection: Connection) -> int:
    return connection.client.missing_bytes + connection.server.missing_bytes


def _inferred(event: str) -> Callable[[Connection, int], bool]:
    """Whether an end is only inferred to have received this."""
    return lambda connection, end_ns: any(
        step.certainty == "inferred" and step.event == event
        for end in (connection.client, connection.server)
        for step in end.transitions
    )


def _other_inferred(connection: Connection, end_ns: int) -> bool:
    named = (*UNPROVABLE, "rcv ACK of SYN", "rcv FIN", "new SYN on the 4-tuple")
    return any(
        step.certainty == "inferred" and step.event not in named
        for end in (connection.client, connection.server)
        for step in end.transitions
    )


def _syn_ack_missing(connection: Connection, end_ns: int) -> bool:
    """One end talks without ever having opened: its SYN-ACK was sent, and is not in the capture."""
    ends = (connection.client, connection.server)
    if connection.opening.kind != "failed" or not any(end.isn is None and end.segments for end in ends):
        return False
    # An end that only answers a SYN with an ACK of older numbers sends no data, and its peer gives up.
    talk = any(end.bytes for end in ends) or min(end.segments for end in ends) > 1
    return talk and not _found("syn-challenged")(connection, end_ns)


def _ends_too_early(connection: Connection, end_ns: int) -> bool:
    waiting = connection.opening.kind in ("unanswered", "half-open")
    return waiting and end_ns - connection.last_time_ns < FIRST_GAP_NS


# fmt: off
REASONS = (
    Reason("one-sided",      "impossible", _found("one-sided"),      "only one direction was captured"),
    Reason("mid-stream",     "impossible", _found("mid-stream"),     "the capture begins after the handshake"),
    Reason("self-connected", "impossible", _found("self-connected"), "one socket is both ends"),
    Reason("no-syn-ack",     "impossible", _syn_ack_missing,
           "the SYN-ACK is not in the capture, and what followed is"),
    Reason("gap",            "impossible", _gap_hides_the_end,       "bytes are missing, and a FIN may be among them"),
    Reason("lost",           "impossible", _found("frames-lost"),
           "the capture lost frames when a segment that is missing here may have passed"),
    Reason("small-gap",      "weak",       _gap,                     "bytes are missing, from a complete close"),
    Reason("last-ack",       "weak",       _inferred("rcv ACK of SYN"),
           "nothing proves that the handshake's last ACK arrived"),
    Reason("fin",            "weak",       _inferred("rcv FIN"),     "nothing proves that a FIN arrived"),
    Reason("inferred",       "weak",       _other_inferred,          "a step of an end whose receipt nothing proves"),
    Reason("rst",            "weak",       _found("rst-not-delivered"), "a RST was captured and not taken"),
    Reason("forged",         "weak",       _found("rst-forged"),     "somebody else sends under an end's name"),
    Reason("repeats",        "weak",       _found("accept-queue-full"),
           "the SYN-ACK repeats although it was acknowledged: the server may not have opened"),
    Reason("too-early",      "weak",       _ends_too_early,          "the capture ends before an answer was due"),
)
# fmt: on


def grade(connection: Connection, capture_end_ns: int) -> Grade:
    """Return how firm the verdicts on a connection are; `capture_end_ns` is the time of the capture's last frame."""
    held = [reason for reason in REASONS if reason.holds(connection, capture_end_ns)]
    worst = max((GRADES.index(reason.grade) for reason in held), default=0)
    return Grade(connection=connection.id, grade=GRADES[worst], reasons=tuple(reason.name for reason in held))
