"""Why a connection ended badly, or has not ended: resets, leaks, FINs without an answer."""

from __future__ import annotations

from handshake_inspect.looks.why.case import Case, Rule, Said, entered, other
from handshake_inspect.report import Frame, Role
from handshake_inspect.spelling import counted, duration, frame_number

ROLES: tuple[Role, Role] = ("client", "server")
SILENT = 3
"""So many repeats of data, and nothing more, are a peer that does not answer."""

OWN_TTL_STEPS = (64, 127, 191)
"""Some systems send a RST with another of the usual first TTLs, 64, 128 and 255: such a difference accuses nobody."""
LEAK_NS = 60_000_000_000
"""A peer in FIN_WAIT_2 that no program holds is given up after so long (Linux's tcp_fin_timeout)."""


def _by(case: Case) -> str:
    """`the server reset the client in ESTABLISHED (frame 11)`."""
    closing = case.connection.closing
    state = f" in {closing.reset_in_state}" if closing.reset_in_state else ""
    receiver = "" if closing.reset_by is None else f" the {other(closing.reset_by)}"
    return f"the {closing.reset_by} reset{receiver}{state} (frame {frame_number(closing.frames[-1])})"


def _is_reset(case: Case) -> bool:
    closing = case.connection.closing
    return closing.kind in ("reset", "fin-then-reset") and closing.reset_by is not None and bool(closing.frames)


def _usual_ttl(case: Case) -> tuple[int, int] | None:
    """Return (TTL of the RST, the one TTL of everything else from its sender) when they differ."""
    reset = case.reset()
    if reset is None or reset.ttl is None:
        return None
    sender = case.direction(reset.by_client)
    if sender is None or len(sender.ttls) != 1:
        return None
    (usual,) = sender.ttls
    return (reset.ttl, usual) if reset.ttl != usual and abs(reset.ttl - usual) not in OWN_TTL_STEPS else None


def _elsewhere(case: Case) -> Said:
    found = _usual_ttl(case)
    assert found is not None
    return Said(
        f"reset, likely by somebody else (a middlebox or a forger): {_by(case)}, with TTL {found[0]} where all other "
        f"segments of the {case.connection.closing.reset_by} have {found[1]}",
        case.connection.closing.frames,
    )


def _gone(case: Case) -> bool:
    """A RST without ACK that takes its SEQ from the segment before it: no connection was there any more."""
    reset = case.reset()
    return _is_reset(case) and reset is not None and reset.answers is not None and _own_fin(case) is None


def _half_open_peer(case: Case) -> Said:
    reset, by = case.reset(), case.connection.closing.reset_by
    assert reset is not None and reset.answers is not None
    return Said(
        f"half-open peer: frame {frame_number(reset.answers)} reached the {by}, which knew no such "
        "connection any more and "
        f"answered with RST (frame {frame_number(reset.frame)}, no ACK, its SEQ taken from that frame): "
        "it had crashed, "
        "restarted or given up before, or a RST from elsewhere had ended it",
        (reset.answers, reset.frame),
    )


def _not_accepted(case: Case) -> bool:
    reset = case.reset()
    return _gone(case) and reset is not None and case.connection.opening.frames[-1:] == (reset.answers,)


def _overflow(case: Case) -> Said:
    reset = case.reset()
    assert reset is not None and reset.answers is not None
    return Said(
        f"not accepted: the ACK that completes the handshake (frame {frame_number(reset.answers)}) was "
        "answered with RST "
        f"(frame {frame_number(reset.frame)}): the accept queue was full with tcp_abort_on_overflow, or the server had "
        "forgotten its SYN-ACK",
        (reset.answers, reset.frame),
    )


def _own_fin(case: Case) -> tuple[Frame | None, int] | None:
    """The FIN of the end that reset, when it sent one."""
    by = case.connection.closing.reset_by
    if by is None:
        return None
    steps = case.end(by).transitions
    step = next((step for step in steps if step.event == "snd FIN"), None)
    return None if step is None else (step.frame, step.time_ns)


def _after_close(case: Case) -> Said:
    finding, by = case.finding("data-after-close"), case.connection.closing.reset_by
    assert finding is not None
    fin = _own_fin(case)
    closed = f" (FIN in frame {frame_number(fin[0])})" if fin else ""
    data, answer = (frame_number(frame) for frame in finding.frames)
    return Said(
        f"data after close: the {by} had closed{closed} when data of frame {data} reached it, and "
        "answered with RST (frame "
        f"{answer}): the {other(by) if by else 'peer'}'s program went on writing, no fault of the network",
        finding.frames,
    )


def _closed_then_reset(case: Case) -> Said:
    reset = case.reset()
    late = ""
    if reset is not None and reset.answers is not None and reset.answers_fin:
        late = (
            f": the FIN of frame {frame_number(reset.answers)} found no socket; an orphan in FIN_WAIT_2 had timed out "
            "(tcp_fin_timeout), or the program closed for both directions"
        )
    return Said(
        f"reset after its own FIN: {_by(case)}{late or ': its program closed while more data was coming, or gave up'}",
        case.connection.closing.frames,
    )


def _answer_to_fin(case: Case) -> Said:
    by = case.connection.closing.reset_by
    return Said(
        f"reset instead of a close: {_by(case)} after the peer's FIN: the {by}'s program closed with data unread or "
        "with linger 0, or was killed",
        case.connection.closing.frames,
    )


def _aborted(case: Case) -> Said:
    by = case.connection.closing.reset_by
    assert by is not None
    own, peer = case.end(by), case.end(other(by))
    if case.finding("keep-alive") is not None:
        why = "it gave up after keep-alive probes, closed with data unread, or aborted"
    elif peer.bytes:
        why = "its program closed with data unread, or aborted (linger 0, killed)"
    elif by == "server" and not own.bytes:
        why = "nothing was unread: its program aborted (linger 0), or the listener was closed before it was accepted"
    else:
        why = "nothing was unread: its program aborted (linger 0)"
    return Said(f"aborted: {_by(case)}: {why}", case.connection.closing.frames)


def _leak(case: Case) -> Said:
    closing = case.connection.closing
    assert closing.first is not None
    holder = other(closing.first)
    since = entered(case.end(holder), "CLOSE_WAIT")
    age = 0 if since is None else case.age(since[1])
    place = "" if since is None else f" for {duration(age)}, since frame {frame_number(since[0])}"
    after = getattr(closing.bytes_after_first_fin, holder)
    busy = f"; it sent {counted(after, 'byte')} after that, a half-close in use" if after else ""
    name, yet = ("leak", "") if age >= LEAK_NS else ("not closed", " until the capture ends")
    return Said(
        f"{name}: the {holder} is in CLOSE_WAIT{place}: the {closing.first} has closed, and the {holder}'s program has "
        f"not called close{yet}{busy}",
        closing.frames,
    )


def _unacknowledged(case: Case) -> Said:
    connection = case.connection
    waiting = ("FIN_WAIT_1", "CLOSING", "LAST_ACK")
    role = next((role for role in ROLES if case.end(role).state in waiting), connection.closing.first)
    assert role is not None
    end = case.end(role)
    sent = counted(end.retransmissions.fin + 1, "time")
    step = next((step for step in end.transitions if step.event == "snd FIN"), None)
    since = "" if step is None else f" in the {duration(case.age(step.time_ns))} that the capture goes on"
    place = "" if step is None else f" (frame {frame_number(step.frame)})"
    return Said(
        f"the {role}'s FIN{place} was sent {sent} and never acknowledged{since}: the {other(role)} is "
        "gone or cannot be "
        f"reached, and the {role} is left in {end.state}",
        connection.closing.frames,
    )


def _silent_end(case: Case) -> Role | None:
    if case.connection.closing.kind != "open":
        return None
    for role in ROLES:
        if case.end(role).retransmissions.data >= SILENT:
            return role
    return None


def _vanished(case: Case) -> Said:
    role = _silent_end(case)
    assert role is not None
    repeats = case.end(role).retransmissions.data
    return Said(
        f"the peer does not answer: the {role} sent data again {counted(repeats, 'time')} until the capture ends, and "
        "both ends still count as open",
        (case.connection.last_frame,),
    )


# fmt: off
RULES = (
    Rule("reset-elsewhere",   "closing", "error",   lambda c: _is_reset(c) and _usual_ttl(c) is not None, _elsewhere),
    Rule("data-after-close",  "closing", "warning",
         lambda c: _is_reset(c) and c.finding("data-after-close") is not None, _after_close),
    Rule("not-accepted",      "closing", "error",   _not_accepted, _overflow),
    Rule("half-open-peer",    "closing", "error",   _gone, _half_open_peer),
    Rule("reset-after-fin",   "closing", "warning", lambda c: _is_reset(c) and _own_fin(c) is not None,
         _closed_then_reset),
    Rule("reset-for-fin",     "closing", "warning",
         lambda c: _is_reset(c) and c.connection.closing.kind == "fin-then-reset", _answer_to_fin),
    Rule("aborted",           "closing", "warning", _is_reset, _aborted),
    Rule("not-closed",        "closing", "warning", lambda c: c.connection.closing.kind == "half-closed", _leak),
    Rule("fin-unanswered",    "closing", "warning", lambda c: c.connection.closing.kind == "unacknowledged",
         _unacknowledged),
    Rule("peer-silent",       "closing", "warning", lambda c: _silent_end(c) is not None, _vanished),
)
# fmt: on
