"""How a connection closed (RFC 9293 section 3.6)."""

import cython
from cython.cimports.handshake_inspect.track.table import NOBODY, SELF_CONNECTED
from cython.cimports.handshake_inspect.verdict.replay import Replay
from cython.cimports.handshake_inspect.verdict.words import (
    CLOSING_FIN_THEN_RESET,
    CLOSING_FOUR_WAY,
    CLOSING_HALF_CLOSED,
    CLOSING_NONE,
    CLOSING_OPEN,
    CLOSING_RESET,
    CLOSING_SIMULTANEOUS,
    CLOSING_THREE_SEGMENT,
    CLOSING_UNACKNOWLEDGED,
    OPENING_MID_STREAM,
    OPENING_SIMULTANEOUS,
    OPENING_SPLIT,
    OPENING_THREE_WAY,
)
from cython.cimports.libc.stdint import uint8_t


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _kind(r: cython.pointer(Replay), first: cython.int) -> cython.int:
    """Return the number of the closing's kind; `first` is the endpoint whose FIN was captured first, or NOBODY."""
    second: cython.int = 1 - first
    proof: cython.int
    if not (
        r.opening == OPENING_THREE_WAY
        or r.opening == OPENING_SIMULTANEOUS
        or r.opening == OPENING_SPLIT
        or r.opening == OPENING_MID_STREAM
    ):
        return CLOSING_NONE
    if r.connection.flags & SELF_CONNECTED:
        return CLOSING_SIMULTANEOUS if r.flow[0].fins or r.flow[1].fins else CLOSING_OPEN
    if first == NOBODY:
        return CLOSING_RESET if r.closing_rst >= 0 else CLOSING_OPEN
    if r.closing_rst >= 0 and not (
        r.first_fin[second] >= 0
        and 0 <= r.fin_proof[first] < r.closing_rst
        and 0 <= r.fin_proof[second] < r.closing_rst
    ):
        return CLOSING_FIN_THEN_RESET
    proof = r.fin_proof[first]
    if r.first_fin[second] < 0:
        return CLOSING_HALF_CLOSED if proof >= 0 else CLOSING_UNACKNOWLEDGED
    if proof < 0 or r.fin_proof[second] < 0:
        return CLOSING_UNACKNOWLEDGED
    if proof > r.first_fin[second]:
        return CLOSING_SIMULTANEOUS
    return CLOSING_THREE_SEGMENT if proof == r.first_fin[second] else CLOSING_FOUR_WAY


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def judge_closing(r: cython.pointer(Replay)) -> cython.void:
    """Fill the closing's kind, who was first, and the frames: FIN, ACK, FIN, ACK, RST, as there are."""
    first: cython.int = NOBODY
    frames: cython.int = 0
    i: cython.int
    at: cython.int[5]
    if r.first_fin[0] >= 0 and (r.first_fin[1] < 0 or r.first_fin[0] < r.first_fin[1]):
        first = 0
    elif r.first_fin[1] >= 0:
        first = 1
    r.closing = cython.cast(uint8_t, _kind(r, first))
    for i in range(6):
        r.closing_frames[i] = 0
    r.closed_first = NOBODY
    if r.closing == CLOSING_NONE or r.closing == CLOSING_OPEN or r.connection.flags & SELF_CONNECTED:
        return
    if first == NOBODY:
        r.closed_first = r.sender[r.closing_rst]
    else:
        r.closed_first = cython.cast(uint8_t, first)
        if r.first_fin[1 - first] >= 0 and r.fin_proof[1 - first] >= 0 and r.fin_proof[1 - first] == r.first_fin[first]:
            # The FIN that was captured first acknowledges the other one: the capture is out of order.
            r.closed_first = cython.cast(uint8_t, 1 - first)
    first = r.closed_first
    at[0] = r.first_fin[first]
    at[1] = r.fin_proof[first]
    at[2] = r.first_fin[1 - first]
    at[3] = r.fin_proof[1 - first]
    at[4] = r.closing_rst if r.closing == CLOSING_RESET or r.closing == CLOSING_FIN_THEN_RESET else -1
    if at[1] == at[2]:
        at[1] = -1
    for i in range(5):
        if at[i] >= 0:
            r.closing_frames[frames] = r.evidence[at[i]].frame
            frames += 1
    # By frame, as a reader goes through the capture.
    for first in range(1, frames):
        i = first
        while i > 0 and r.closing_frames[i - 1] > r.closing_frames[i]:
            r.closing_frames[i - 1], r.closing_frames[i] = r.closing_frames[i], r.closing_frames[i - 1]
            i -= 1
