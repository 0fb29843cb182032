"""The SEQ + 1 checks: is each SYN and FIN acknowledged by the number after it (RFC 9293 section 3.4)."""

import cython
from cython.cimports.handshake_inspect.columns import ACK, RST, SYN
from cython.cimports.handshake_inspect.rfc9293.seq import covers, distance
from cython.cimports.handshake_inspect.track.table import FIN_SEEN, HAS_ISN, ICMP, WRONG_ACK, Evidence, Flow
from cython.cimports.handshake_inspect.verdict.replay import Check, Replay, acks_fin, acks_syn
from cython.cimports.handshake_inspect.verdict.words import (
    CHECK_ACK,
    CHECK_CLIENT_FIN,
    CHECK_CONTINUES,
    CHECK_SERVER_FIN,
    CHECK_SYN_ACK,
)
from cython.cimports.libc.stdint import uint8_t, uint32_t, uint64_t


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _add(
    r: cython.pointer(Replay), name: cython.int, frame: uint64_t, expected: uint32_t, seen: uint32_t, ok: cython.bint
) -> cython.void:
    """Add a check; each name passes once at most and fails once at most.

    An ACK that was wrong when it was captured may be right after all: its SYN-ACK with another ISN came later.
    """
    c: cython.pointer(Check)
    i: cython.int
    ok = ok or seen == expected
    for i in range(r.check_count):
        if r.checks[i].name == name and r.checks[i].ok == ok:
            return
    c = cython.address(r.checks[r.check_count])
    c.name = cython.cast(uint8_t, name)
    c.frame = frame
    c.expected = expected
    c.seen = seen
    c.ok = cython.cast(uint8_t, ok)
    r.check_count += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def judge_checks(r: cython.pointer(Replay)) -> cython.void:
    """Check every SYN-ACK, the first ACK of it, and the first ACK of each FIN."""
    i: cython.int
    by: cython.int
    e: cython.pointer(Evidence)
    p: cython.pointer(Flow)
    completed: cython.bint = False
    for i in range(r.count):
        e = r.evidence[i]
        by = r.sender[i]
        p = r.flow[1 - by]
        if e.marks & ICMP or e.flags & RST or not e.flags & ACK:
            continue
        if e.flags & SYN:
            if p.flags & HAS_ISN and by == 1:
                _add(r, CHECK_SYN_ACK, e.frame, p.isn + 1, e.ack, acks_syn(r, e, 0))
            continue
        if by == 0 and p.flags & HAS_ISN and not completed:
            if acks_syn(r, e, 1):
                completed = True
                _add(r, CHECK_ACK, e.frame, p.isn + 1, e.ack, True)
                if r.flow[0].flags & HAS_ISN:
                    # Data that rode on the SYN and was taken comes before (RFC 7413), and earlier data may be lost.
                    _add(r, CHECK_CONTINUES, e.frame, r.flow[0].isn + 1, e.seq, distance(r.flow[0].isn, e.seq) > 0)
            else:
                _add(r, CHECK_ACK, e.frame, p.isn + 1, e.ack, False)
                continue
        if p.flags & FIN_SEEN:
            if acks_fin(r, e, 1 - by):
                _add(r, CHECK_SERVER_FIN if by == 0 else CHECK_CLIENT_FIN, e.frame, p.fin, e.ack, True)
            elif e.marks & WRONG_ACK and covers(e.ack, p.fin):
                _add(r, CHECK_SERVER_FIN if by == 0 else CHECK_CLIENT_FIN, e.frame, p.fin, e.ack, False)
