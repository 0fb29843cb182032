"""How long TIME_WAIT lasted, as far as a capture can bound it (RFC 9293 section 3.6.1).  Its end sends nothing."""

import cython
from cython.cimports.handshake_inspect.columns import ACK, SYN
from cython.cimports.handshake_inspect.rfc9293.states import CLOSED, NEW_SYN, TIME_WAIT, TIMEOUT_2MSL
from cython.cimports.handshake_inspect.track.table import SYN_ACK_SEEN, Connection, Evidence, unpack
from cython.cimports.handshake_inspect.track.tracker import Tracker
from cython.cimports.handshake_inspect.verdict.replay import (
    INFERRED,
    NEVER,
    OBSERVED,
    Replay,
    Stay,
    step,
    step_at,
)
from cython.cimports.handshake_inspect.verdict.words import END_CAPTURE, END_EXPIRED, END_RESET, END_REUSE
from cython.cimports.libc.stdint import int64_t


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _judge_stay(r: cython.pointer(Replay), t: Tracker, side: cython.int) -> cython.void:
    """Find the end of one stay and its bounds; the holder's state ends with it."""
    s: cython.pointer(Stay) = cython.address(r.stay[side])
    c: cython.pointer(Connection) = r.connection
    newer: cython.pointer(Connection)
    first: Evidence
    e: cython.pointer(Evidence)
    holder: cython.int = c.client if side == 0 else 1 - c.client
    expiry: int64_t = s.last_start_ns + r.two_msl_ns
    sent: cython.bint
    last: cython.int = r.step_count[side] - 1
    s.at_least_ns = NEVER
    s.at_most_ns = NEVER
    if r.state[side] == CLOSED and last >= 0 and r.steps[side][last].before == TIME_WAIT:
        s.end = END_RESET
        s.end_frame = r.steps[side][last].frame
        s.at_most_ns = r.steps[side][last].time_ns - s.start_ns
        return
    if c.newer:
        newer = cython.address(t.connections[c.newer - 1])
        if newer.first_evidence:
            e = cython.address(first)
            unpack(t.evidence, newer.first_evidence, newer.first_frame, e)
            sent = e.sender == holder
            if (
                e.flags & (SYN | ACK) == SYN
                and e.time_ns < expiry
                and (e.time_ns > s.start_ns or (e.time_ns == s.start_ns and e.frame > s.frame))
                and (sent or newer.flow[holder].flags & SYN_ACK_SEEN)
            ):
                s.end = END_REUSE
                s.end_frame = e.frame
                # A sign of TIME_WAIT that is captured after a SYN to its holder was sent before that SYN arrived.
                s.at_least_ns = s.last_sign_ns - s.start_ns
                s.at_most_ns = max(e.time_ns, s.last_sign_ns) - s.start_ns
                step(r, side, NEW_SYN, e, OBSERVED if sent else INFERRED, 0)
                return
    if r.capture_end_ns >= expiry:
        s.end = END_EXPIRED
        s.at_most_ns = expiry - s.start_ns
        step_at(r, side, TIMEOUT_2MSL, expiry, 0, 0)
        return
    s.end = END_CAPTURE
    s.at_least_ns = r.capture_end_ns - s.start_ns
    s.at_most_ns = expiry - s.start_ns


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def judge_time_wait(r: cython.pointer(Replay), t: Tracker) -> cython.void:
    """Judge each endpoint's stay, if it has one."""
    side: cython.int
    for side in range(2):
        if r.stay[side].present:
            _judge_stay(r, t, side)
