"""The replay: a connection's evidence, walked through Figure 5 for both endpoints.

A capture shows segments, not sockets.  A segment is a certain send for its source and a possible receive for its
destination.  Which of two things came first is decided by acknowledgment numbers:

1. Before a segment counts as sent by S, what it proves S had received is delivered to S.
2. A SYN, SYN-ACK or FIN that nothing proves received moves nobody.
3. An ACK of our SYN or FIN, and a RST, prove nothing when they pass: they count as received when captured, unless a
   later segment shows that they were not taken (the SYN-ACK or FIN is sent again, the receiver goes on with data).
4. One direction arrives in order: a FIN that is proved later was received before the ACK that followed it.

All the evidence of a connection lies before us, so nothing is ever taken back: where a later segment decides, it is
looked up first.  A connection has at most MOST_EVIDENCE rows, so looking ahead costs a bounded time.
"""

import cython
from cython.cimports.handshake_inspect.columns import ACK, FIN, RST, SYN
from cython.cimports.handshake_inspect.rfc9293.seq import covers, distance
from cython.cimports.handshake_inspect.rfc9293.states import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    EVENTS,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    LISTEN,
    NO_STATE,
    RCV_ACK_OF_FIN,
    RCV_ACK_OF_SYN,
    RCV_FIN,
    RCV_ICMP,
    RCV_RST,
    RCV_RST_OPENER,
    RCV_SYN,
    RCV_SYN_ACK,
    SND_FIN,
    SND_RST,
    SND_SYN,
    STATES,
    SYN_RECEIVED,
    SYN_SENT,
    TIME_WAIT,
)
from cython.cimports.handshake_inspect.track.table import (
    FILLED_HOLE,
    FIN_SEEN,
    HAS_ACKED,
    HAS_ISN,
    HAS_NEXT,
    ICMP,
    IN_ORDER,
    NEW_DATA,
    NOBODY,
    SEEN,
    SELF_CONNECTED,
    SWAPPED,
    SYN_ACK_SEEN,
    SYN_SEEN,
    WINDOW_KNOWN,
    WRONG_ACK,
    Connection,
    Evidence,
    Rare,
    unpack,
)
from cython.cimports.handshake_inspect.track.tracker import Tracker, rare_of
from cython.cimports.libc.stdint import int32_t, int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset

from handshake_inspect.rfc9293.states import flatten

_table = flatten()
assert len(_table) == STATES * EVENTS
memcpy(NEXT_STATE, cython.cast(cython.p_char, _table), STATES * EVENTS)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def step_at(
    r: cython.pointer(Replay),
    side: cython.int,
    event: cython.int,
    time_ns: int64_t,
    frame: uint64_t,
    certainty: cython.int,
) -> cython.bint:
    """Follow the arrow of `event` from the endpoint's state, if there is one; say whether there was."""
    s: cython.pointer(Step)
    following: uint8_t
    if r.state[side] == NO_STATE or r.step_count[side] >= MOST_STEPS:
        return False
    following = NEXT_STATE[r.state[side] * EVENTS + event]
    if following == NO_STATE:
        return False
    s = cython.address(r.steps[side][r.step_count[side]])
    s.time_ns = time_ns
    s.frame = frame
    s.earliest_frame = 0
    s.confirmed_by = 0
    s.before = r.state[side]
    s.after = following
    s.event = cython.cast(uint8_t, event)
    s.certainty = cython.cast(uint8_t, certainty)
    r.step_count[side] += 1
    r.state[side] = following
    if following == ESTABLISHED:
        r.established[side] = 1
        r.opening_certainty[side] = s.certainty
        # A RST before this ended an attempt (RFC 9293 Figure 8), not the connection.
        r.closing_rst = -1
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def step(
    r: cython.pointer(Replay),
    side: cython.int,
    event: cython.int,
    e: cython.pointer(Evidence),
    certainty: cython.int,
    confirmed_by: uint64_t,
) -> cython.bint:
    """Do step_at() for the segment `e`."""
    if not step_at(r, side, event, e.time_ns, e.frame, certainty):
        return False
    r.steps[side][r.step_count[side] - 1].confirmed_by = confirmed_by
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def note(
    r: cython.pointer(Replay),
    finding: cython.int,
    endpoint: cython.int,
    frame: uint64_t,
    second: uint64_t,
    a: int64_t,
    b: int64_t,
) -> cython.void:
    """Add a finding; beyond MOST_NOTES nothing is added."""
    n: cython.pointer(Note)
    if r.note_count >= MOST_NOTES:
        return
    n = cython.address(r.notes[r.note_count])
    memset(n, 0, cython.sizeof(Note))
    n.finding = cython.cast(uint8_t, finding)
    n.endpoint = cython.cast(uint8_t, endpoint)
    n.frames[0] = frame
    n.frames[1] = second
    n.a = a
    n.b = b
    r.note_count += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def acks_syn(r: cython.pointer(Replay), e: cython.pointer(Evidence), side: cython.int) -> cython.bint:
    """Whether `e` acknowledges the SYN of endpoint `side` (section 3.4: ISN + 1 or beyond)."""
    return (
        (e.flags & ACK) != 0
        and not e.marks & (WRONG_ACK | ICMP)
        and (r.flow[side].flags & HAS_ISN) != 0
        and covers(e.ack, r.flow[side].isn)
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def acks_fin(r: cython.pointer(Replay), e: cython.pointer(Evidence), side: cython.int) -> cython.bint:
    """Whether `e` acknowledges the FIN of endpoint `side`."""
    return (
        (e.flags & ACK) != 0
        and not e.marks & (WRONG_ACK | ICMP)
        and (r.flow[side].flags & FIN_SEEN) != 0
        and distance(r.flow[side].fin, e.ack) >= 0
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _is_syn(e: cython.pointer(Evidence)) -> cython.bint:
    return (e.flags & (SYN | ACK)) == SYN


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _is_syn_ack(e: cython.pointer(Evidence)) -> cython.bint:
    return (e.flags & (SYN | ACK)) == (SYN | ACK)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _last_before(
    r: cython.pointer(Replay), side: cython.int, bits: cython.int, wanted: cython.int, i: cython.int
) -> cython.int:
    """Return the number of the last evidence before `i` that `side` sent and whose flags & bits == wanted, or -1."""
    j: cython.int
    for j in range(i - 1, -1, -1):
        if r.sender[j] == side and (r.evidence[j].flags & bits) == wanted and not r.evidence[j].marks & ICMP:
            return j
    return -1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _first_after(
    r: cython.pointer(Replay), side: cython.int, bits: cython.int, wanted: cython.int, i: cython.int
) -> cython.int:
    """Return the number of the first evidence after `i` that `side` sent and whose flags & bits == wanted, or -1."""
    j: cython.int
    for j in range(i + 1, r.count):
        if r.sender[j] == side and (r.evidence[j].flags & bits) == wanted and not r.evidence[j].marks & ICMP:
            return j
    return -1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _gather(r: cython.pointer(Replay), t: Tracker, row: cython.Py_ssize_t) -> cython.void:
    """Lay the connection's evidence out, and put after a SYN or FIN the answer to it that was captured before it."""
    c: cython.pointer(Connection) = cython.address(t.connections[row])
    link: uint32_t = c.first_evidence
    client: cython.int = c.opener
    i: cython.int = 0
    j: cython.int
    k: cython.int
    e: cython.pointer(Evidence)
    r.connection = c
    r.guessed = 0
    if client == NOBODY:
        r.guessed = 1
        client = _guess_client(c)
    c.client = cython.cast(uint8_t, client)
    r.flow[0] = cython.address(c.flow[client])
    r.flow[1] = cython.address(c.flow[1 - client])
    rare: cython.pointer(Rare) = rare_of(t, c)
    r.rare[0] = cython.address(rare.flow[client])
    r.rare[1] = cython.address(rare.flow[1 - client])
    r.evidence_dropped = rare.evidence_dropped
    while link and i < MOST_EVIDENCE:
        e = cython.address(r.rows[i])
        link = unpack(t.evidence, link, c.first_frame, e)
        r.evidence[i] = e
        r.sender[i] = 0 if e.sender == client else 1
        r.rst_fate[i] = RST_NONE
        r.receiver_state[i] = NO_STATE
        i += 1
    r.count = i
    for j in range(2):
        _put_fin_before_its_ack(r, j)
    if c.flags & SWAPPED:
        for j in range(1, i):
            if _is_syn(r.evidence[j]) and r.sender[j] == 0:
                for k in range(j):
                    if r.sender[k] == 1 and _is_syn_ack(r.evidence[k]):
                        e = r.evidence[j]
                        while j > k:
                            r.evidence[j] = r.evidence[j - 1]
                            r.sender[j] = r.sender[j - 1]
                            j -= 1
                        r.evidence[k] = e
                        r.sender[k] = 0
                        break
                break


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _put_fin_before_its_ack(r: cython.pointer(Replay), side: cython.int) -> cython.void:
    """Put the first captured FIN of `side` before the first ACK of it, where the capture has it the other way round."""
    i: cython.int
    j: cython.int
    fin: cython.int = _first_after(r, side, FIN | SYN | RST, FIN, -1)
    e: cython.pointer(Evidence)
    for i in range(fin):
        if r.sender[i] != side and not r.evidence[i].flags & RST and acks_fin(r, r.evidence[i], side):
            e = r.evidence[fin]
            for j in range(fin, i, -1):
                r.evidence[j] = r.evidence[j - 1]
                r.sender[j] = r.sender[j - 1]
            r.evidence[i] = e
            r.sender[i] = cython.cast(uint8_t, side)
            return


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _guess_client(c: cython.pointer(Connection)) -> cython.int:
    """Without a SYN the lower port is the server's, where the ports tell; else the first sender is the client."""
    a: cython.int = c.port[0]
    b: cython.int = c.port[1]
    if (a < 1024) != (b < 1024) or a - b > 10000 or b - a > 10000:
        return 1 if a < b else 0
    return c.first_sender


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _begin(r: cython.pointer(Replay), side: cython.int, state: cython.int) -> cython.void:
    """Give an endpoint without a state its first one."""
    if r.state[side] == NO_STATE:
        r.state[side] = cython.cast(uint8_t, state)
        r.first_state[side] = cython.cast(uint8_t, state)
        if state == ESTABLISHED:
            r.established[side] = 1
            r.opening_certainty[side] = ASSUMED


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _established_by_ack(r: cython.pointer(Replay), to: cython.int, proof: cython.int) -> cython.void:
    """Deliver the ACK of its SYN to an endpoint in SYN_RECEIVED whose own segment `proof` shows that it had come.

    A FIN with no data and no other ACK proves nothing: CLOSE in SYN_RECEIVED sends one (section 3.10.4).
    """
    e: cython.pointer(Evidence) = r.evidence[proof]
    j: cython.int
    found: cython.int = proof
    first: cython.int = -1
    # What the peer sent before its own SYN was received before it, in SYN_SENT (a split handshake begins with an ACK).
    begin: cython.int = _first_after(r, 1 - to, SYN | ACK, SYN, -1)
    # Nor does what the peer sent: a RST past its FIN, which takes the FIN with it.
    early: cython.bint = r.sender[proof] != to or (
        (e.flags & FIN) != 0 and e.length == 0 and not acks_more_than_syn(r, e, 1 - to)
    )
    if r.state[to] != SYN_RECEIVED:
        return
    for j in range(proof - 1, begin, -1):
        if r.sender[j] != to and acks_syn(r, r.evidence[j], to) and not r.evidence[j].flags & RST:
            if found == proof:
                found = j
            first = j
    if early:
        if found != proof:
            step(r, to, RCV_ACK_OF_SYN, r.evidence[found], INFERRED, 0)
            return
        if not r.one_sided:
            return
    if found == proof:
        # The ACK itself is not in the capture.
        step(r, to, RCV_ACK_OF_SYN, e, INFERRED, 0)
    elif step(r, to, RCV_ACK_OF_SYN, r.evidence[found], CONFIRMED, r.evidence[proof].frame) and first != found:
        r.steps[to][r.step_count[to] - 1].earliest_frame = r.evidence[first].frame


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _deliver_syn(r: cython.pointer(Replay), to: cython.int, proof: cython.int) -> cython.void:
    """Deliver the peer's SYN or SYN-ACK, which the segment `proof` of endpoint `to` acknowledges."""
    e: cython.pointer(Evidence) = r.evidence[proof]
    peer: cython.int = 1 - to
    taken: cython.int
    first: cython.int
    bits: cython.int = SYN | ACK
    wanted: cython.int = SYN
    event: cython.int = RCV_SYN
    if e.flags & SYN:
        # A SYN-ACK proves only that a bare SYN had come.
        if r.step_count[to] == 0 and r.state[to] != SYN_SENT:
            r.state[to] = NO_STATE
            _begin(r, to, LISTEN)
        if r.state[to] != LISTEN and r.state[to] != SYN_SENT:
            return
    else:
        if r.state[to] != SYN_SENT:
            return
        if r.flow[peer].flags & SYN_ACK_SEEN and _last_before(r, peer, SYN | ACK, SYN | ACK, proof) >= 0:
            wanted = SYN | ACK
            event = RCV_SYN_ACK
    taken = _last_before(r, peer, bits, wanted, proof)
    if taken < 0:
        step(r, to, event, e, INFERRED, 0)
    elif step(r, to, event, r.evidence[taken], CONFIRMED, e.frame):
        first = _first_after(r, peer, bits, wanted, -1)
        if first != taken and first >= 0:
            r.steps[to][r.step_count[to] - 1].earliest_frame = r.evidence[first].frame
    if e.flags & SYN and r.state[to] == SYN_RECEIVED and r.flow[to].flags & SYN_SEEN:
        # Simultaneous open: the peer's SYN-ACK may have passed before ours; it arrives after the SYN all the same.
        taken = _last_before(r, peer, SYN | ACK, SYN | ACK, proof)
        if taken >= 0 and acks_syn(r, r.evidence[taken], to):
            step(r, to, RCV_ACK_OF_SYN, r.evidence[taken], INFERRED, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _confirm(
    r: cython.pointer(Replay), side: cython.int, event: cython.int, frame: uint64_t, by: uint64_t
) -> cython.bint:
    """Let frame `by` confirm the endpoint's last transition, if that was inferred from `frame` (0: any) by `event`."""
    s: cython.pointer(Step)
    if r.step_count[side] == 0:
        return False
    s = cython.address(r.steps[side][r.step_count[side] - 1])
    if (
        s.event != event
        or s.certainty != INFERRED
        or (frame and s.frame != frame)
        or not _is_from(r, s.frame, 1 - side)
    ):
        return False
    s.certainty = CONFIRMED
    s.confirmed_by = by
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _deliver_fin(r: cython.pointer(Replay), to: cython.int, proof: cython.int, certainty: cython.int) -> cython.void:
    """Deliver the peer's FIN, which evidence `proof` shows received (by an ACK of endpoint `to`, or a RST past it)."""
    peer: cython.int = 1 - to
    taken: cython.int = _last_before(r, peer, FIN | SYN | RST, FIN, proof)
    first: cython.int = r.first_fin[peer]
    cause: cython.int
    j: cython.int
    before: cython.int
    confirmed_by: uint64_t = r.evidence[proof].frame if certainty == CONFIRMED else 0
    if taken < 0:
        taken = first
    if taken < 0 or r.state[to] == NO_STATE:
        return
    _established_by_ack(r, to, proof)
    if 0 <= r.fin_proof[peer] < proof and taken > r.fin_proof[peer]:
        # A copy of a FIN that was received before lies outside of the window: RFC 9293 drops it with its ACK (section
        # 3.10.7.4), Linux takes that.
        if acks_fin(r, r.evidence[taken], to):
            step(r, to, RCV_ACK_OF_FIN, r.evidence[taken], INFERRED, 0)
    elif (
        acks_fin(r, r.evidence[taken], to)
        and not step(r, to, RCV_ACK_OF_FIN, r.evidence[taken], certainty, confirmed_by)
        and certainty == CONFIRMED
    ):
        # The ACK of our own FIN rode on it, and had counted when it passed.
        _confirm(r, to, RCV_ACK_OF_FIN, r.evidence[taken].frame, confirmed_by)
    cause = taken
    for j in range(taken + 1, proof):
        if r.sender[j] == peer and r.evidence[j].marks & FILLED_HOLE:
            cause = j
    before = r.state[to]
    if not step(r, to, RCV_FIN, r.evidence[cause], certainty, confirmed_by):
        return
    if first != taken:
        r.steps[to][r.step_count[to] - 1].earliest_frame = r.evidence[first].frame
    if r.state[to] == TIME_WAIT and before == FIN_WAIT_2:
        _enter_time_wait(r, to, r.evidence[proof].time_ns)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _enter_time_wait(r: cython.pointer(Replay), side: cython.int, start_ns: int64_t) -> cython.void:
    """Begin the stay in TIME_WAIT with the holder's last ACK."""
    s: cython.pointer(Stay) = cython.address(r.stay[side])
    s.present = 1
    s.frame = r.steps[side][r.step_count[side] - 1].frame
    s.start_ns = start_ns
    s.last_start_ns = start_ns
    s.last_sign_ns = start_ns
    s.end_frame = 0
    s.restart_count = 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _rst_past_fin(r: cython.pointer(Replay), by: cython.int, i: cython.int) -> cython.int:
    """Return the number of the RST after `i` that takes the FIN of `by` with it, or -1: it lies past it, in order."""
    j: cython.int
    e: cython.pointer(Evidence)
    for j in range(i + 1, r.count):
        e = r.evidence[j]
        if r.sender[j] == by and e.flags & RST and e.marks & IN_ORDER and distance(r.flow[by].fin, e.seq) >= 0:
            return -1 if _goes_on(r, by, j) or _goes_on(r, 1 - by, j) else j
    return -1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _deliver_ack_of_fin(r: cython.pointer(Replay), to: cython.int, i: cython.int) -> cython.void:
    """Let the ACK of its FIN reach endpoint `to`, unless the FIN is sent again and acknowledged again later."""
    peer: cython.int = 1 - to
    again: cython.int
    j: cython.int
    if r.state[to] != FIN_WAIT_1 and r.state[to] != CLOSING and r.state[to] != LAST_ACK:
        return
    again = _last_before(r, to, FIN | SYN | RST, FIN, r.count)
    if again > i:
        return
    if r.flow[peer].flags & FIN_SEEN and r.first_fin[peer] >= 0 and r.first_fin[peer] < i and r.state[to] == FIN_WAIT_1:
        # The peer's FIN passed before this ACK; if it is proved received later, it was received first.
        j = r.fin_proof[peer]
        if j > i and _last_before(r, peer, FIN | SYN | RST, FIN, j) < i:
            _deliver_fin(r, to, j, CONFIRMED)
        elif j < 0:
            j = _rst_past_fin(r, peer, i)
            if j > i:
                _deliver_fin(r, to, j, INFERRED)
    if step(r, to, RCV_ACK_OF_FIN, r.evidence[i], INFERRED, 0) and r.state[to] == TIME_WAIT:
        _enter_time_wait(r, to, r.evidence[i].time_ns)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _goes_on(r: cython.pointer(Replay), side: cython.int, i: cython.int) -> cython.bint:
    """Whether endpoint `side` goes on after the RST `i` as if nothing had been: with new data, or its first FIN.

    What lies before the SEQ of a RST of its own had been sent before that RST, and was late; a RST at a number that its
    sender never reaches says nothing of that.
    """
    j: cython.int
    e: cython.pointer(Evidence)
    reset: cython.bint = False
    sent: uint32_t = 0
    for j in range(i + 1):
        e = r.evidence[j]
        if r.sender[j] != side or not e.flags & RST or (not e.marks & IN_ORDER and e.seq != r.flow[side].next):
            continue
        if not reset or distance(sent, e.seq) > 0:
            reset = True
            sent = e.seq
    for j in range(i + 1, r.count):
        e = r.evidence[j]
        if r.sender[j] != side or e.marks & ICMP or e.flags & (RST | SYN):
            continue
        if reset and distance(sent, e.seq + e.length + ((e.flags & FIN) != 0)) <= 0:
            continue
        if e.marks & NEW_DATA or (e.flags & FIN and r.first_fin[side] == j):
            return True
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _has_aborted(r: cython.pointer(Replay), side: cython.int, i: cython.int) -> cython.bint:
    """Whether endpoint `side` had sent a RST of its own before the RST `i` reached it.

    A RST is never answered by one (section 3.10.7.1), so two of them have crossed when the sender of the first sent
    nothing between them that the second could answer.
    """
    j: cython.int
    for j in range(i + 1, r.count):
        if r.evidence[j].marks & ICMP:
            continue
        if r.sender[j] != side and not r.evidence[j].flags & RST:
            return False
        if r.sender[j] == side and r.evidence[j].flags & RST:
            return (r.evidence[j].marks & IN_ORDER) != 0 and NEXT_STATE[r.state[side] * EVENTS + SND_RST] != NO_STATE
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _fate_of_rst(r: cython.pointer(Replay), i: cython.int) -> cython.int:
    """Judge the RST `i` as its receiver would (section 3.10.7.3 and 3.10.7.4, RFC 5961 section 3.2)."""
    e: cython.pointer(Evidence) = r.evidence[i]
    by: cython.int = r.sender[i]
    to: cython.int = 1 - by
    off: int32_t
    window: uint32_t = cython.cast(uint32_t, e.detail)
    if r.state[to] == SYN_SENT:
        if not e.flags & ACK or not (covers(e.ack, r.flow[to].isn) and not covers(e.ack, r.flow[to].next)):
            return RST_IGNORED
        if _goes_on(r, by, i) and _first_after(r, to, SYN, SYN, i) < 0:
            return RST_FORGED
        return RST_REFUSAL
    if r.state[to] == NO_STATE or r.state[to] == CLOSED or r.state[to] == LISTEN:
        return RST_STRAY
    if (
        (r.state[to] == CLOSE_WAIT or r.state[to] == CLOSING or r.state[to] == LAST_ACK or r.state[to] == TIME_WAIT)
        and r.flow[by].flags & FIN_SEEN
        and distance(e.seq, r.flow[by].fin) > 0
    ):
        return RST_IGNORED
    if e.marks & WINDOW_KNOWN or (e.marks & IN_ORDER) == 0:
        off = distance(cython.cast(uint32_t, e.detail >> 32), e.seq)
        if e.marks & WINDOW_KNOWN and off != 0 and not (e.marks & IN_ORDER and off > 0):
            return RST_CHALLENGED if off > 0 and cython.cast(uint32_t, off) < window else RST_IGNORED
    if _goes_on(r, by, i):
        return RST_FORGED
    if _goes_on(r, to, i):
        return RST_NOT_DELIVERED
    return RST_TAKEN


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _take_rst(r: cython.pointer(Replay), i: cython.int) -> cython.void:
    """Move both ends by a RST: its receiver if it must take it, its sender unless it only answers a stray."""
    e: cython.pointer(Evidence) = r.evidence[i]
    by: cython.int = r.sender[i]
    to: cython.int = 1 - by
    fate: cython.int
    event: cython.int = RCV_RST
    stray: cython.bint
    syn_proof: cython.int
    proof: cython.int = r.fin_proof[by]
    if r.state[to] == SYN_SENT and not e.flags & ACK and _last_before(r, by, SYN, SYN, i) >= 0:
        # The SYN or SYN-ACK before this RST, which the receiver acknowledges later, was received first.
        syn_proof = _first_after(r, to, ACK | RST, ACK, i)
        if syn_proof > i and acks_syn(r, r.evidence[syn_proof], by):
            _deliver_syn(r, to, syn_proof)
    if acks_fin(r, e, to) and r.state[by] != NO_STATE:
        _deliver_fin(r, by, i, CONFIRMED)
    if (
        0 <= r.first_fin[by] < i < proof
        and not i < r.first_fin[to] < proof
        and _last_before(r, by, FIN | SYN | RST, FIN, proof) < i
    ):
        # The FIN before this RST is proved received later, so it was received first; but not before a FIN of the
        # receiver's own that does not acknowledge it.
        _deliver_fin(r, to, proof, CONFIRMED)
    fate = _fate_of_rst(r, i)
    r.rst_fate[i] = cython.cast(uint8_t, fate)
    r.receiver_state[i] = r.state[to]
    if fate == RST_REFUSAL:
        r.refusals += 1
        if r.state[by] == NO_STATE:
            _begin(r, by, CLOSED)
        if _first_after(r, to, SYN, SYN, i) < 0 and _first_after(r, to, SYN | RST | FIN, 0, i) < 0:
            step(r, to, RCV_RST, e, INFERRED, 0)
    elif fate == RST_TAKEN or (fate == RST_FORGED and not _goes_on(r, to, i)):
        if r.flow[by].flags & FIN_SEEN and 0 <= r.first_fin[by] < i and distance(r.flow[by].fin, e.seq) >= 0:
            _deliver_fin(r, to, i, INFERRED)
            r.receiver_state[i] = r.state[to]
        if r.state[to] == SYN_RECEIVED and r.flow[to].flags & SYN_SEEN:
            event = RCV_RST_OPENER
        if r.state[to] == TIME_WAIT and r.stay[to].present:
            r.stay[to].end_frame = e.frame
        if not _has_aborted(r, to, i) and step(r, to, event, e, INFERRED, 0):
            r.closing_rst = i
    if (
        fate == RST_FORGED
        or (fate == RST_IGNORED and (not e.marks & IN_ORDER or _goes_on(r, by, i)))
        or (fate == RST_CHALLENGED and _goes_on(r, by, i))
    ):
        return
    # A TIME_WAIT, CLOSED or LISTEN endpoint answers a stray and stays as it was; so does a SYN_SENT one that answers an
    # ACK of numbers it never sent (section 3.10.7.3).
    stray = _goes_on(r, by, i)
    if r.state[by] == SYN_SENT and not stray:
        stray = not r.flow[by].flags & HAS_NEXT or e.seq != r.flow[by].isn + 1
    if not stray and step(r, by, SND_RST, e, OBSERVED, 0) and r.closing_rst < 0:
        r.closing_rst = i


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _take_icmp(r: cython.pointer(Replay), i: cython.int) -> cython.void:
    """Let a hard ICMP error that quotes a SYN end the attempt, unless the SYN is sent again (section 3.9.2.2)."""
    e: cython.pointer(Evidence) = r.evidence[i]
    by: cython.int = r.sender[i]
    if (
        r.state[by] == SYN_SENT
        and cython.cast(uint32_t, e.detail >> 32) == r.flow[by].isn
        and hard_icmp(r.connection.family, (e.detail >> 8) & 0xFF, e.detail & 0xFF)
        and _first_after(r, by, 0, 0, i) < 0
    ):
        step(r, by, RCV_ICMP, e, INFERRED, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def hard_icmp(family: cython.int, kind: cython.int, code: cython.int) -> cython.bint:
    """Whether an ICMP error ends a connection attempt: unreachable protocol or port, or prohibited by a filter."""
    if family == 6:
        return kind == 1 and (code == 1 or code == 4 or code == 5 or code == 6)
    return kind == 3 and (code == 2 or code == 3 or code == 4 or code == 9 or code == 10 or code == 13)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _is_from(r: cython.pointer(Replay), frame: uint64_t, side: cython.int) -> cython.bint:
    """Whether endpoint `side` sent `frame`: without the ACK in the capture, a transition names the proof instead."""
    j: cython.int
    for j in range(r.count):
        if r.evidence[j].frame == frame:
            return r.sender[j] == side
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _send(r: cython.pointer(Replay), i: cython.int) -> cython.void:
    """Let endpoint `by` send evidence `i`: first what it proves received, then what sending it means."""
    e: cython.pointer(Evidence) = r.evidence[i]
    by: cython.int = r.sender[i]
    peer: cython.int = 1 - by
    if acks_syn(r, e, peer):
        _deliver_syn(r, by, i)
    elif e.flags & SYN and e.flags & ACK and r.state[by] == NO_STATE:
        # It acknowledges wrongly or what we did not see; a SYN had come all the same.
        _begin(r, by, LISTEN)
        step(r, by, RCV_SYN, e, INFERRED, 0)
    elif r.state[by] == SYN_SENT and e.flags & ACK and not e.flags & SYN and not r.flow[peer].flags & SEEN:
        # The other direction is not in the capture; the ACK shows what its sender received.
        step(r, by, RCV_SYN_ACK, e, INFERRED, 0)
    if e.flags & SYN:
        if not e.flags & ACK:
            _begin(r, by, CLOSED)
            step(r, by, SND_SYN, e, OBSERVED, 0)
        return
    if r.state[by] == SYN_RECEIVED:
        # Data alone proves nothing with Fast Open: a server may send it before the ACK of its SYN.
        if e.flags & FIN or acks_more_than_syn(r, e, peer) or (e.length and not r.rare[peer].fast_open):
            _established_by_ack(r, by, i)
    elif (e.length or acks_more_than_syn(r, e, peer)) and _confirm(r, by, RCV_ACK_OF_SYN, 0, e.frame):
        # Only an ESTABLISHED endpoint sends this: the ACK that we saw pass had arrived.
        r.opening_certainty[by] = CONFIRMED
    if acks_fin(r, e, peer):
        _deliver_fin(r, by, i, CONFIRMED)
    if e.flags & FIN and r.first_fin[by] == i:
        step(r, by, SND_FIN, e, OBSERVED, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def acks_more_than_syn(r: cython.pointer(Replay), e: cython.pointer(Evidence), side: cython.int) -> cython.bint:
    """Whether `e` acknowledges data of endpoint `side`, beyond what its SYN carried."""
    return acks_syn(r, e, side) and covers(e.ack, r.flow[side].isn + 1) and not r.rare[side].fast_open


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _receive(r: cython.pointer(Replay), i: cython.int) -> cython.void:
    """Let the ACKs on evidence `i` reach the other endpoint; its SYN or FIN waits for a proof."""
    e: cython.pointer(Evidence) = r.evidence[i]
    by: cython.int = r.sender[i]
    to: cython.int = 1 - by
    if e.flags & SYN and e.flags & ACK and r.state[to] == NO_STATE and not e.marks & WRONG_ACK:
        # A SYN-ACK shows that a SYN was sent, though the capture lacks it.
        _begin(r, to, CLOSED)
        step(r, to, SND_SYN, e, INFERRED, 0)
    if (
        r.state[to] == SYN_RECEIVED
        and acks_syn(r, e, to)
        and _first_after(r, to, SYN | ACK, SYN | ACK, i) < 0
        and (not e.flags & SYN or r.flow[to].flags & SYN_SEEN)
    ):
        step(r, to, RCV_ACK_OF_SYN, e, INFERRED, 0)
    if acks_fin(r, e, to):
        _deliver_ack_of_fin(r, to, i)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _watch_time_wait(r: cython.pointer(Replay), i: cython.int) -> cython.void:
    """Note a sign of life of an endpoint in TIME_WAIT, and the restart when it answers a FIN that came again."""
    e: cython.pointer(Evidence) = r.evidence[i]
    by: cython.int = r.sender[i]
    s: cython.pointer(Stay) = cython.address(r.stay[by])
    if r.state[by] != TIME_WAIT or not s.present or e.time_ns <= s.start_ns:
        return
    s.last_sign_ns = e.time_ns
    if acks_fin(r, e, 1 - by) and i > 0 and r.sender[i - 1] == 1 - by and r.evidence[i - 1].flags & FIN:
        s.last_start_ns = e.time_ns
        if s.restart_count < MOST_RESTARTS:
            s.restarts[s.restart_count] = e.frame
            s.restart_count += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def replay(r: cython.pointer(Replay), t: Tracker, row: cython.Py_ssize_t) -> cython.void:
    """Walk both endpoints of connection `row` through the machine; fills states, steps, stays and fates of RSTs."""
    i: cython.int
    side: cython.int
    e: cython.pointer(Evidence)
    _gather(r, t, row)
    r.refusals = 0
    r.closing_rst = -1
    r.note_count = 0
    r.check_count = 0
    for side in range(2):
        r.step_count[side] = 0
        r.state[side] = NO_STATE
        r.first_state[side] = NO_STATE
        r.established[side] = 0
        r.opening_certainty[side] = OBSERVED
        r.stay[side].present = 0
        r.first_fin[side] = -1
        r.fin_proof[side] = -1
    if r.connection.flags & SELF_CONNECTED:
        return
    for i in range(r.count):
        side = r.sender[i]
        e = r.evidence[i]
        if e.marks & ICMP:
            continue
        if (
            e.flags & FIN
            and not e.flags & (SYN | RST)
            and r.first_fin[side] < 0
            and r.flow[side].flags & FIN_SEEN
            and distance(r.flow[side].fin, e.seq + e.length + 1) == 0
        ):
            r.first_fin[side] = i
        if r.fin_proof[1 - side] < 0 and not e.flags & RST and acks_fin(r, e, 1 - side) and r.first_fin[1 - side] >= 0:
            r.fin_proof[1 - side] = i
    r.one_sided = 0
    for side in range(2):
        if not r.flow[side].flags & SEEN and r.flow[1 - side].flags & HAS_ACKED:
            r.one_sided = 1
    if r.connection.opener == NOBODY:
        for side in range(2):
            if r.flow[side].flags & SEEN or r.flow[1 - side].flags & HAS_ACKED:
                _begin(r, side, ESTABLISHED)
    for i in range(r.count):
        e = r.evidence[i]
        if e.marks & ICMP:
            _take_icmp(r, i)
        elif e.flags & RST:
            _take_rst(r, i)
        else:
            _send(r, i)
            _receive(r, i)
            _watch_time_wait(r, i)
