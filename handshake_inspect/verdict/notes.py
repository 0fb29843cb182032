"""Raises the findings of findings.py, from the replay and the verdicts."""

import cython
from cython.cimports.handshake_inspect.columns import ACK, FIN, OPTION_FAST_OPEN, RST, SYN
from cython.cimports.handshake_inspect.rfc9293.seq import distance
from cython.cimports.handshake_inspect.rfc9293.states import SYN_SENT
from cython.cimports.handshake_inspect.track.gone import GONE
from cython.cimports.handshake_inspect.track.table import (
    CLOCK_BACK,
    FIN_SEEN,
    HAS_ISN,
    ICMP,
    LATE,
    NEW_DATA,
    NOBODY,
    SEEN,
    SELF_CONNECTED,
    SWAPPED,
    WRONG_ACK,
    Connection,
    Evidence,
    Flow,
    RareFlow,
    unpack,
)
from cython.cimports.handshake_inspect.track.tracker import Tracker
from cython.cimports.handshake_inspect.verdict.findings import (
    FINDING_ACCEPT_QUEUE_FULL,
    FINDING_BAD_CHECKSUM,
    FINDING_CAPTURE_GAP,
    FINDING_DATA_AFTER_CLOSE,
    FINDING_FAST_OPEN,
    FINDING_FIN_RETRANSMITTED,
    FINDING_FRAMES_LOST,
    FINDING_HALF_CLOSED,
    FINDING_HALF_OPEN,
    FINDING_ICMP_UNREACHABLE,
    FINDING_KEEP_ALIVE,
    FINDING_LATE_SEGMENT,
    FINDING_MID_STREAM,
    FINDING_MIRRORED,
    FINDING_ONE_SIDED,
    FINDING_OUT_OF_ORDER_CAPTURE,
    FINDING_REFUSED,
    FINDING_ROLES_GUESSED,
    FINDING_RST_CHALLENGED,
    FINDING_RST_FORGED,
    FINDING_RST_IGNORED,
    FINDING_RST_NOT_DELIVERED,
    FINDING_SELF_CONNECTED,
    FINDING_SIMULTANEOUS_CLOSE,
    FINDING_SIMULTANEOUS_OPEN,
    FINDING_SPLIT_HANDSHAKE,
    FINDING_SYN_ACK_RETRANSMITTED,
    FINDING_SYN_CHALLENGED,
    FINDING_SYN_RETRANSMITTED,
    FINDING_TIME_WAIT_RESET,
    FINDING_TIME_WAIT_REUSED,
    FINDING_TUPLE_REUSED,
    FINDING_UNANSWERED,
    FINDING_WRONG_ACK,
    FINDING_ZERO_WINDOW,
)
from cython.cimports.handshake_inspect.verdict.replay import (
    RST_CHALLENGED,
    RST_FORGED,
    RST_IGNORED,
    RST_NOT_DELIVERED,
    Loss,
    Replay,
    acks_syn,
    note,
)
from cython.cimports.handshake_inspect.verdict.words import (
    CLOSING_HALF_CLOSED,
    CLOSING_OPEN,
    CLOSING_SIMULTANEOUS,
    CLOSING_UNACKNOWLEDGED,
    END_RESET,
    END_REUSE,
    OPENING_FAILED,
    OPENING_HALF_OPEN,
    OPENING_MID_STREAM,
    OPENING_REFUSED,
    OPENING_SIMULTANEOUS,
    OPENING_SPLIT,
    OPENING_UNANSWERED,
)
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _frame(
    r: cython.pointer(Replay), side: cython.int, bits: cython.int, wanted: cython.int, last: cython.bint
) -> uint64_t:
    """Return the frame of the first or last evidence of `side` whose flags & bits == wanted; 0 without one."""
    i: cython.int
    found: uint64_t = 0
    for i in range(r.count):
        if r.sender[i] == side and not r.evidence[i].marks & ICMP and (r.evidence[i].flags & bits) == wanted:
            found = r.evidence[i].frame
            if not last:
                break
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _retransmissions(r: cython.pointer(Replay)) -> cython.void:
    """SYN, SYN-ACK and FIN that were sent more than once."""
    side: cython.int
    f: cython.pointer(Flow)
    for side in range(2):
        f = r.flow[side]
        if f.syns > 1:
            note(
                r,
                FINDING_SYN_RETRANSMITTED,
                side,
                _frame(r, side, SYN | ACK, SYN, False),
                _frame(r, side, SYN | ACK, SYN, True),
                f.syns,
                0,
            )
        if f.syn_acks > 1:
            note(
                r,
                FINDING_SYN_ACK_RETRANSMITTED,
                side,
                _frame(r, side, SYN | ACK, SYN | ACK, False),
                _frame(r, side, SYN | ACK, SYN | ACK, True),
                f.syn_acks,
                0,
            )
        if f.fins > 1:
            note(
                r,
                FINDING_FIN_RETRANSMITTED,
                side,
                _frame(r, side, FIN | SYN | RST, FIN, False),
                _frame(r, side, FIN | SYN | RST, FIN, True),
                f.fins,
                0,
            )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _opening(r: cython.pointer(Replay), t: Tracker) -> cython.void:
    """What the opening shows."""
    i: cython.int
    acked: uint64_t = 0
    challenged: uint64_t
    if r.opening == OPENING_REFUSED:
        note(r, FINDING_REFUSED, 1, _frame(r, 1, RST, RST, False), 0, r.refusals, 0)
    elif r.opening == OPENING_UNANSWERED:
        note(r, FINDING_UNANSWERED, 0, _frame(r, 0, SYN, SYN, False), 0, r.flow[0].syns, 0)
    elif r.opening == OPENING_HALF_OPEN:
        note(r, FINDING_HALF_OPEN, 1, _frame(r, 1, SYN, SYN, False), 0, r.flow[1].syn_acks, 0)
    elif r.opening == OPENING_SPLIT:
        note(r, FINDING_SPLIT_HANDSHAKE, 1, _frame(r, 1, SYN, SYN, False), 0, 0, 0)
    elif r.opening == OPENING_SIMULTANEOUS and not r.connection.flags & SELF_CONNECTED:
        note(
            r,
            FINDING_SIMULTANEOUS_OPEN,
            NOBODY,
            _frame(r, 0, SYN | ACK, SYN, False),
            _frame(r, 1, SYN | ACK, SYN, False),
            0,
            0,
        )
    if r.connection.opener == NOBODY:
        note(r, FINDING_MID_STREAM, NOBODY, r.connection.first_frame, 0, 0, 0)
        note(r, FINDING_ROLES_GUESSED, NOBODY, r.connection.first_frame, 0, 0, 0)
    for i in range(r.count):
        if r.evidence[i].marks & ICMP:
            note(
                r,
                FINDING_ICMP_UNREACHABLE,
                r.sender[i],
                r.evidence[i].frame,
                0,
                (r.evidence[i].detail >> 8) & 0xFF,
                r.evidence[i].detail & 0xFF,
            )
            break
    for i in range(r.count):
        if r.evidence[i].marks & ICMP or r.evidence[i].flags & RST:
            continue
        if r.sender[i] == 0 and not acked and acks_syn(r, r.evidence[i], 1) and not r.evidence[i].flags & SYN:
            acked = r.evidence[i].frame
        elif r.sender[i] == 1 and acked and (r.evidence[i].flags & (SYN | ACK)) == (SYN | ACK):
            note(r, FINDING_ACCEPT_QUEUE_FULL, 1, acked, r.evidence[i].frame, 0, 0)
            break
    if r.flow[0].options & OPTION_FAST_OPEN:
        _fast_open(r)
    if r.connection.older:
        note(r, FINDING_TUPLE_REUSED, NOBODY, t.frame_of_older(r.connection), 0, r.connection.incarnation, 0)
        challenged = challenge(r, t)
        if challenged:
            note(r, FINDING_SYN_CHALLENGED, 1, r.evidence[0].frame, challenged, 0, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _fast_open(r: cython.pointer(Replay)) -> cython.void:
    """Data on the SYN, and how much of it the SYN-ACK takes."""
    i: cython.int
    asked: int64_t = 0
    taken: int64_t = 0
    for i in range(r.count):
        if r.evidence[i].marks & ICMP or not r.evidence[i].flags & SYN:
            continue
        if r.sender[i] == 0 and not asked:
            asked = r.evidence[i].length
        elif r.sender[i] == 1 and acks_syn(r, r.evidence[i], 0):
            taken = distance(r.flow[0].isn + 1, r.evidence[i].ack)
    note(r, FINDING_FAST_OPEN, 0, _frame(r, 0, SYN, SYN, False), 0, asked, taken)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def challenge(r: cython.pointer(Replay), t: Tracker) -> uint64_t:
    """Return the frame of the ACK that challenged our first SYN, 0 without one.

    It is of the incarnation before, sent by the endpoint that the SYN went to, before that answered us.
    """
    older: cython.pointer(Connection)
    e: Evidence
    link: uint32_t
    syn: cython.pointer(Evidence)
    until: int64_t = 0x7FFFFFFFFFFFFFFF
    i: cython.int
    if r.connection.older & GONE:
        return t.gone[r.connection.older & ~GONE].challenge
    if r.count == 0 or (r.evidence[0].flags & (SYN | ACK)) != SYN:
        return 0
    older = cython.address(t.connections[r.connection.older - 1])
    link = older.first_evidence
    syn = r.evidence[0]
    for i in range(r.count):
        if r.evidence[i].sender != syn.sender and not r.evidence[i].marks & ICMP:
            until = r.evidence[i].frame
            break
    while link:
        link = unpack(t.evidence, link, older.first_frame, cython.address(e))
        if (
            e.frame > syn.frame
            and cython.cast(int64_t, e.frame) < until
            and e.sender != syn.sender
            and (e.flags & (SYN | FIN | RST | ACK)) == ACK
            and e.length == 0
        ):
            return e.frame
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _resets(r: cython.pointer(Replay)) -> cython.void:
    """RSTs that were not taken, and why; data that met a closed endpoint."""
    i: cython.int
    j: cython.int
    e: cython.pointer(Evidence)
    off: int64_t
    for i in range(r.count):
        e = r.evidence[i]
        if not e.flags & RST or e.marks & ICMP:
            continue
        off = 0 if r.receiver_state[i] == SYN_SENT else distance(e.detail >> 32, e.seq)
        if r.rst_fate[i] == RST_IGNORED:
            note(r, FINDING_RST_IGNORED, r.sender[i], e.frame, 0, e.seq, off)
        elif r.rst_fate[i] == RST_CHALLENGED:
            note(r, FINDING_RST_CHALLENGED, r.sender[i], e.frame, 0, e.seq, off)
        elif r.rst_fate[i] == RST_NOT_DELIVERED:
            note(r, FINDING_RST_NOT_DELIVERED, r.sender[i], e.frame, 0, 0, 0)
        elif r.rst_fate[i] == RST_FORGED:
            note(r, FINDING_RST_FORGED, r.sender[i], e.frame, 0, 0, 0)
        for j in range(i - 1, -1, -1):
            if r.sender[j] != r.sender[i]:
                if (
                    r.evidence[j].marks & NEW_DATA
                    and not r.evidence[j].flags & (SYN | RST)
                    and 0 <= r.first_fin[r.sender[i]] < j
                    and r.rst_fate[i] != RST_IGNORED
                ):
                    note(r, FINDING_DATA_AFTER_CLOSE, r.sender[i], r.evidence[j].frame, e.frame, 0, 0)
                    return
                break


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _closing(r: cython.pointer(Replay), t: Tracker) -> cython.void:
    """What the closing and TIME_WAIT show."""
    side: cython.int
    i: cython.int
    late: cython.int = 0
    first: uint64_t = 0
    newer: cython.pointer(Connection)
    jump: int64_t
    if r.closing == CLOSING_HALF_CLOSED:
        note(
            r,
            FINDING_HALF_CLOSED,
            r.closed_first,
            r.evidence[r.first_fin[r.closed_first]].frame,
            r.evidence[r.fin_proof[r.closed_first]].frame,
            0,
            0,
        )
    elif r.closing == CLOSING_SIMULTANEOUS and not r.connection.flags & SELF_CONNECTED:
        note(
            r,
            FINDING_SIMULTANEOUS_CLOSE,
            NOBODY,
            r.evidence[r.first_fin[0]].frame,
            r.evidence[r.first_fin[1]].frame,
            0,
            0,
        )
    for side in range(2):
        if r.stay[side].present and r.stay[side].end == END_REUSE:
            newer = cython.address(t.connections[r.connection.newer - 1])
            # Linux reopens a TIME_WAIT socket with the old SND.NXT + 65535 + 2: proof of the state, from the wire.
            jump = distance(
                r.flow[side].next, newer.flow[r.connection.client if side == 0 else 1 - r.connection.client].isn
            )
            note(r, FINDING_TIME_WAIT_REUSED, side, r.stay[side].end_frame, 0, jump, 0)
        elif r.stay[side].present and r.stay[side].end == END_RESET:
            note(r, FINDING_TIME_WAIT_RESET, side, r.stay[side].end_frame, 0, 0, 0)
    for i in range(r.count):
        if r.evidence[i].marks & LATE and r.evidence[i].length:
            late += 1
            if not first:
                first = r.evidence[i].frame
    if late:
        note(r, FINDING_LATE_SEGMENT, NOBODY, first, 0, late, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _quality(r: cython.pointer(Replay)) -> cython.void:
    """What the capture itself shows, and counts that are worth a word."""
    side: cython.int
    i: cython.int
    f: cython.pointer(Flow)
    rare: cython.pointer(RareFlow)
    c: cython.pointer(Connection) = r.connection
    copies: int64_t = r.rare[0].duplicates + r.rare[1].duplicates
    wrong: cython.pointer(Evidence)
    expected: uint32_t
    for i in range(r.count):
        wrong = r.evidence[i]
        if wrong.marks & WRONG_ACK and not wrong.marks & ICMP:
            f = r.flow[1 - r.sender[i]]
            expected = f.isn + 1
            if f.flags & FIN_SEEN and not (f.flags & HAS_ISN and distance(wrong.ack, f.isn) > 0):
                expected = f.fin
            note(r, FINDING_WRONG_ACK, r.sender[i], wrong.frame, 0, wrong.ack, expected)
            break
    if copies:
        note(r, FINDING_MIRRORED, NOBODY, 0, 0, copies, 0)
    if c.flags & SWAPPED:
        note(
            r, FINDING_OUT_OF_ORDER_CAPTURE, NOBODY, _frame(r, 1, SYN, SYN, False), _frame(r, 0, SYN, SYN, False), 0, 0
        )
    elif c.flags & CLOCK_BACK:
        note(r, FINDING_OUT_OF_ORDER_CAPTURE, NOBODY, 0, 0, 0, 0)
    if c.flags & SELF_CONNECTED:
        note(r, FINDING_SELF_CONNECTED, NOBODY, c.first_frame, 0, 0, 0)
        return
    for side in range(2):
        f = r.flow[side]
        if not f.flags & SEEN and r.one_sided:
            note(r, FINDING_ONE_SIDED, side, 0, 0, 0, 0)
        rare = r.rare[side]
        if rare.missing:
            note(r, FINDING_CAPTURE_GAP, side, 0, 0, rare.missing, 0)
        if rare.bad_checksums:
            note(r, FINDING_BAD_CHECKSUM, side, 0, 0, rare.bad_checksums, 0)
        if rare.keep_alives:
            note(r, FINDING_KEEP_ALIVE, side, 0, 0, rare.keep_alives, 0)
        if rare.zero_windows:
            note(r, FINDING_ZERO_WINDOW, side, 0, 0, rare.zero_windows, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _lost(r: cython.pointer(Replay)) -> cython.void:
    """Note how many frames were lost when one that would change the verdict may have passed."""
    i: cython.int
    lost: int64_t = 0
    for i in range(r.loss_count):
        if _matters(r, cython.address(r.losses[i])):
            lost += r.losses[i].frames
    if lost:
        note(r, FINDING_FRAMES_LOST, NOBODY, 0, 0, lost, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _matters(r: cython.pointer(Replay), loss: cython.pointer(Loss)) -> cython.bint:
    """Whether a frame lost then can be one that this connection lacks."""
    c: cython.pointer(Connection) = r.connection
    if loss.first_ns <= c.first_time_ns and r.opening == OPENING_MID_STREAM:
        return True  # its handshake
    if loss.last_ns < c.first_time_ns:
        return False
    if r.opening == OPENING_UNANSWERED or r.opening == OPENING_HALF_OPEN or r.opening == OPENING_FAILED:
        return True  # an answer
    if r.closing == CLOSING_HALF_CLOSED or r.closing == CLOSING_UNACKNOWLEDGED:
        return True  # the other FIN, or the ACK of one
    if r.closing == CLOSING_OPEN and loss.last_ns >= c.last_time_ns:
        return True  # nothing came since: it may have ended
    # Bytes that the capture lacks, or a whole direction of it.
    return loss.first_ns <= c.last_time_ns and (r.one_sided or r.rare[0].missing > 0 or r.rare[1].missing > 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def judge_findings(r: cython.pointer(Replay), t: Tracker) -> cython.void:
    """Fill the notes: a finding of a kind is raised once for an endpoint, with its first case."""
    _opening(r, t)
    _retransmissions(r)
    _resets(r)
    _closing(r, t)
    _quality(r)
    _lost(r)
