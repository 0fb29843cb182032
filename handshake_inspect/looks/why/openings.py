"""Why a connection did not open, or opened late."""

from __future__ import annotations

from collections.abc import Callable

from handshake_inspect.looks.why.case import Case, Rule, Said, other
from handshake_inspect.report import Role
from handshake_inspect.spelling import called, counted, duration, frame_number
from handshake_inspect.views.schedule import TIMETABLES

SHORT_NS = 1_000_000_000
"""A capture that goes on for less than the first gap of every timetable says nothing about a missing answer."""


def _kind(kind: str) -> Callable[[Case], bool]:
    return lambda case: case.connection.opening.kind == kind


def _icmp(case: Case) -> Said:
    connection = case.connection
    icmp = connection.opening.icmp
    assert icmp is not None
    where = (
        "the server itself" if icmp.reporter == connection.server.address else f"the router or filter {icmp.reporter}"
    )
    ends = "it ends the attempt" if icmp.hard else "a soft error: the client may go on trying"
    return Said(
        f'unreachable: {where} answered the SYN with ICMP "{icmp.meaning}" (type {icmp.type}, code {icmp.code}) in '
        f"frame {frame_number(icmp.frame)}; {ends}",
        (connection.first_frame, icmp.frame),
    )


def _refused(case: Case) -> Said:
    opening, server = case.connection.opening, case.connection.server
    delay = "" if opening.server_side_ns is None else f" after {duration(opening.server_side_ns)}"
    times = f"; {opening.refusals} times, which is one attempt: this client tries again" if opening.refusals > 1 else ""
    return Said(
        f"refused: RST answered the SYN{delay}, so nothing listens on port {server.port} of "
        f"{called(server.address, server.names)}, or a filter rejects for it{times}",
        opening.frames,
    )


def _filtered(case: Case) -> Said:
    connection, opening = case.connection, case.connection.opening
    copies = len(opening.syn_times_ns)
    if copies < 2:
        watched = duration(case.age(opening.syn_times_ns[-1] if copies else connection.last_time_ns))
        return Said(f"no answer: one SYN, no RST and no ICMP in the {watched} that the capture goes on", opening.frames)
    gaps = opening.schedule.gaps_ns if opening.schedule else ()
    fits = opening.schedule.fits if opening.schedule else ()
    timers = " or ".join(fits) if fits else "no system known here"
    gives_up = sorted({table.gives_up for table in TIMETABLES if table.name in fits})
    ends = f"; connect fails after {' or '.join(f'{seconds:g}' for seconds in gives_up)} s" if gives_up else ""
    return Said(
        f"filtered, not refused: {copies} SYNs, no RST and no ICMP; gaps of {_seconds(gaps)} s fit {timers}{ends}",
        opening.frames,
    )


def _seconds(gaps_ns: tuple[int, ...]) -> str:
    shown = ", ".join(f"{gap / 1e9:.3g}" for gap in gaps_ns[:10])
    return shown + (", ..." if len(gaps_ns) > 10 else "")


def _half_open(case: Case) -> Said:
    connection = case.connection
    copies = connection.server.retransmissions.syn_ack + 1
    again = f"{copies} times" if copies > 1 else "once"
    if copies == 1 and case.age(connection.last_time_ns) < SHORT_NS:
        why = f"but the capture ends {duration(case.age(connection.last_time_ns))} later"
    else:
        why = "the client is gone, its address is forged (a SYN flood), or the SYN-ACK does not reach it"
    return Said(f"half-open: the SYN-ACK was sent {again} and never acknowledged: {why}", connection.opening.frames)


def _accept_queue(case: Case) -> Said:
    finding = case.finding("accept-queue-full")
    assert finding is not None
    copies = case.connection.server.retransmissions.syn_ack + 1
    acked, again = (frame_number(frame) for frame in finding.frames)
    return Said(
        f"accept queue full, or the ACK was lost behind the capture point: the SYN-ACK was sent {copies} "
        "times (again in "
        f"frame {again}) although frame {acked} acknowledges it",
        finding.frames,
    )


def _challenged(case: Case) -> Said:
    finding = case.finding("syn-challenged")
    assert finding is not None
    return Said(f"SYN challenged: {finding.text}: that one was still known there (RFC 5961)", finding.frames)


def resetter(case: Case) -> Role | None:
    """Return who reset an opening: the end whose transition is a RST that it sent, or the peer of one "
    "that received it."""
    roles: tuple[Role, Role] = ("client", "server")
    for role in roles:
        for step in case.end(role).transitions:
            if step.event == "snd RST":
                return role
            if step.event == "rcv RST":
                return other(role)
    return None


def _reset(case: Case) -> Said:
    who = resetter(case)
    frames = case.connection.opening.frames
    if who == "client":
        text = (
            "the client answered the SYN-ACK with RST: a port scan, or its connect was given up before the answer came"
        )
    elif who == "server":
        text = "the server sent RST before the handshake was complete: it takes the ACK for no part of a connection"
    else:
        text = "a RST ended the handshake"
    return Said(f"reset while opening: {text}", frames)


def _failed(case: Case) -> Said:
    wrong = next((check for check in case.connection.checks if not check.ok), None)
    if wrong is not None:
        return Said(f"failed to open: {wrong_by(wrong.expected, wrong.seen)} in frame {frame_number(wrong.frame)}",
                    (wrong.frame,))  # fmt: skip
    finding = case.finding("wrong-ack")
    if finding is not None:
        return Said(f"failed to open: {finding.text}", finding.frames)
    return Said("failed to open: what began as a handshake was never completed", case.connection.opening.frames)


def wrong_by(expected: int, seen: int) -> str:
    """`an ACK of 1002 where 1001 = 1000 + 1 is expected`."""
    return f"an ACK of {seen} where {expected} = {(expected - 1) % 2**32} + 1 is expected"


def _opened(case: Case) -> bool:
    return case.connection.opening.kind in ("three-way", "simultaneous", "split")


def _late(case: Case) -> Said:
    connection = case.connection
    syns, syn_acks = connection.client.retransmissions.syn, connection.server.retransmissions.syn_ack
    parts = [
        f"{name} {counted(number, 'time')} more" for name, number in (("SYN", syns), ("SYN-ACK", syn_acks)) if number
    ]
    times = connection.opening.syn_times_ns
    lost = f", {duration(times[-1] - times[0])} lost" if syns and len(times) > 1 else ""
    return Said(
        f"opened late: {' and '.join(parts)} before the handshake was complete{lost}", connection.opening.frames
    )


def _was_late(case: Case) -> bool:
    connection = case.connection
    again = connection.client.retransmissions.syn or connection.server.retransmissions.syn_ack
    return _opened(case) and bool(again)


# fmt: off
RULES = (
    Rule("unreachable",       "opening", "error",   lambda c: c.connection.opening.icmp is not None and not _opened(c),
         _icmp),
    Rule("refused",           "opening", "error",   _kind("refused"),    _refused),
    Rule("syn-challenged",    "opening", "warning", lambda c: c.finding("syn-challenged") is not None, _challenged),
    Rule("filtered",          "opening", "error",   _kind("unanswered"), _filtered),
    Rule("half-open",         "opening", "error",   _kind("half-open"),  _half_open),
    Rule("reset-opening",     "opening", "error",   _kind("reset"),      _reset),
    Rule("failed",            "opening", "error",   _kind("failed"),     _failed),
    Rule("accept-queue-full", "opening", "warning", lambda c: c.finding("accept-queue-full") is not None,
         _accept_queue),
    Rule("opened-late",       "opening", "warning", _was_late, _late),
)
# fmt: on
