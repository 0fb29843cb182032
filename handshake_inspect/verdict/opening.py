"""How a connection opened (RFC 9293 section 3.5)."""

import cython
from cython.cimports.handshake_inspect.columns import ACK, RST, SYN
from cython.cimports.handshake_inspect.track.table import (
    ICMP,
    NOBODY,
    SEEN,
    SELF_CONNECTED,
    SYN_ACK_SEEN,
    SYN_SEEN,
    WRONG_ACK,
    Evidence,
)
from cython.cimports.handshake_inspect.verdict.replay import (
    ASSUMED,
    CONFIRMED,
    INFERRED,
    NEVER,
    OBSERVED,
    Replay,
    acks_syn,
)
from cython.cimports.handshake_inspect.verdict.words import (
    OPENING_FAILED,
    OPENING_HALF_OPEN,
    OPENING_MID_STREAM,
    OPENING_REFUSED,
    OPENING_RESET,
    OPENING_SIMULTANEOUS,
    OPENING_SPLIT,
    OPENING_THREE_WAY,
    OPENING_UNANSWERED,
)
from cython.cimports.libc.stdint import uint8_t


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _kind(r: cython.pointer(Replay)) -> cython.int:
    """Return the number of the opening's kind; the rows of the table are tried in an order that lets the first win."""
    client: cython.int = r.flow[0].flags
    server: cython.int = r.flow[1].flags
    i: cython.int
    if r.connection.opener == NOBODY:
        return OPENING_MID_STREAM
    if r.connection.flags & SELF_CONNECTED:
        return OPENING_SIMULTANEOUS
    if client & SYN_SEEN and server & SYN_SEEN:
        if r.established[0] and r.established[1]:
            return OPENING_SIMULTANEOUS if server & SYN_ACK_SEEN else OPENING_SPLIT
        return OPENING_FAILED
    if r.established[0] and (r.established[1] or server & SYN_ACK_SEEN or r.one_sided):
        return OPENING_THREE_WAY
    if r.established[1]:
        return OPENING_THREE_WAY
    if r.refusals and not server & SYN_ACK_SEEN:
        return OPENING_REFUSED
    if server & SYN_ACK_SEEN:
        for i in range(r.count):
            if r.sender[i] == 0 and r.evidence[i].marks & WRONG_ACK and not r.evidence[i].flags & RST:
                return OPENING_FAILED
        for i in range(r.count):
            if r.sender[i] == 1 and acks_syn(r, r.evidence[i], 0) and r.evidence[i].flags & SYN:
                return OPENING_RESET if r.closing_rst >= 0 else OPENING_HALF_OPEN
        return OPENING_FAILED if client & SEEN or r.closing_rst >= 0 else OPENING_HALF_OPEN
    if server & SEEN:
        return OPENING_FAILED
    for i in range(r.count):
        if r.evidence[i].marks & ICMP:
            return OPENING_FAILED
    return OPENING_UNANSWERED


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def judge_opening(r: cython.pointer(Replay)) -> cython.void:
    """Fill the opening's kind, its frames and the two halves of its time."""
    i: cython.int
    e: cython.pointer(Evidence)
    frames: cython.int = 0
    # The frames of the handshake: the SYN that was answered, the answer that was completed, what completed it.
    syn: cython.pointer(Evidence) = cython.NULL
    first_answer: cython.pointer(Evidence) = cython.NULL
    answer: cython.pointer(Evidence) = cython.NULL
    last: cython.pointer(Evidence) = cython.NULL
    r.opening = cython.cast(uint8_t, _kind(r))
    r.server_side_ns = NEVER
    r.client_side_ns = NEVER
    for i in range(4):
        r.opening_frames[i] = 0
    if r.opening == OPENING_MID_STREAM or r.connection.flags & SELF_CONNECTED:
        return
    for i in range(r.count):
        e = r.evidence[i]
        if e.marks & ICMP:
            continue
        if e.flags & SYN:
            if r.sender[i] == 0 and not e.flags & ACK:
                if syn == cython.NULL or (answer == cython.NULL and r.opening == OPENING_THREE_WAY):
                    syn = e
            elif r.sender[i] == 1 and last == cython.NULL:
                first_answer = e if first_answer == cython.NULL else first_answer
                if answer == cython.NULL or r.opening != OPENING_HALF_OPEN:
                    answer = e
            elif r.opening == OPENING_SPLIT or r.opening == OPENING_SIMULTANEOUS:
                last = e
        elif e.flags & RST:
            if r.sender[i] == 1 and answer == cython.NULL and r.opening == OPENING_REFUSED:
                first_answer = e
                answer = e
            elif r.opening == OPENING_RESET and last == cython.NULL:
                last = e
        elif last == cython.NULL and r.sender[i] == 0 and acks_syn(r, e, 1):
            last = e
    if syn != cython.NULL:
        r.opening_frames[frames] = syn.frame
        frames += 1
    if answer != cython.NULL:
        r.opening_frames[frames] = answer.frame
        frames += 1
    if last != cython.NULL:
        r.opening_frames[frames] = last.frame
        frames += 1
    if r.opening != OPENING_THREE_WAY and r.opening != OPENING_REFUSED:
        return
    # The two halves of the path, as the capture point divides it: from the last SYN before the first answer, and from
    # the last answer before its ACK.
    if syn != cython.NULL and first_answer != cython.NULL and first_answer.time_ns >= syn.time_ns:
        r.server_side_ns = first_answer.time_ns - syn.time_ns
    if (
        r.opening == OPENING_THREE_WAY
        and last != cython.NULL
        and answer != cython.NULL
        and last.time_ns >= answer.time_ns
    ):
        r.client_side_ns = last.time_ns - answer.time_ns


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def certainty_of_opening(r: cython.pointer(Replay)) -> uint8_t:
    """Return the weakest certainty of the transitions that make the opening what it is."""
    weakest: uint8_t
    if r.opening == OPENING_MID_STREAM:
        return ASSUMED
    if r.opening == OPENING_THREE_WAY or r.opening == OPENING_SIMULTANEOUS or r.opening == OPENING_SPLIT:
        weakest = min(r.opening_certainty[0], r.opening_certainty[1])
        if not r.established[0] or not r.established[1]:
            return INFERRED
        return INFERRED if weakest < INFERRED else weakest
    if r.opening == OPENING_HALF_OPEN:
        # Without the SYN in the capture, that one was received is inferred from its answer.
        return CONFIRMED if r.flow[0].syns else INFERRED
    return OBSERVED if r.opening == OPENING_UNANSWERED else INFERRED
