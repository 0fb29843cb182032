"""Which connections are over, and their way out: each is judged once more, counted, and let go.

A connection is over when nothing can come that changes its states: both endpoints are CLOSED, or a TIME_WAIT has
passed, and the last segment was longer ago than 2MSL.
"""

import cython
from cython.cimports.handshake_inspect.rfc9293.states import CLOSED, LISTEN, NO_STATE
from cython.cimports.handshake_inspect.track.embryo import EMBRYO
from cython.cimports.handshake_inspect.track.gone import GONE, REMEMBERED
from cython.cimports.handshake_inspect.track.leaving import close_up, forget, let_go
from cython.cimports.handshake_inspect.track.table import FIN_ANYWHERE, HAS_ACKED, RST_ANYWHERE, Connection
from cython.cimports.handshake_inspect.track.tracker import Tracker
from cython.cimports.handshake_inspect.verdict.isns import Isns
from cython.cimports.handshake_inspect.verdict.judge import Judge, count_row, judge_row
from cython.cimports.handshake_inspect.verdict.notes import challenge
from cython.cimports.handshake_inspect.verdict.words import (
    OPENING_MID_STREAM,
    OPENING_SIMULTANEOUS,
    OPENING_SPLIT,
    OPENING_THREE_WAY,
)
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc, realloc

STAYS = cython.declare(cython.int, 0)
OVER = cython.declare(cython.int, 1)
NEVER_OPENED = cython.declare(cython.int, 2)
REPLACED = cython.declare(cython.int, 3)
OLDEST = cython.declare(cython.int, 4)

REASONS = ("over", "never-opened", "replaced", "oldest")
"""Why a connection left, in the order of the numbers from 1 on."""


@cython.cclass
class Leaving:
    """The way out of `tracker`'s table, on which `judge` counts.

    `two_msl_ns` is how long TIME_WAIT lasts; `unanswered_ns` how long a connection that never opened, or that a later
    incarnation replaced, may be silent before it leaves (0: it stays, however long); `most` how many connections stay
    at most (0: no limit).  `find` names those that are to leave, `take` lets one go.
    """

    tracker: Tracker
    judge: Judge
    two_msl_ns: int64_t
    unanswered_ns: int64_t
    most: cython.Py_ssize_t
    reasons: cython.pointer(uint8_t)
    space: cython.Py_ssize_t
    counts = cython.declare(uint64_t[5])

    def __cinit__(
        self,
        tracker: Tracker,
        judge: Judge,
        two_msl_ns: int64_t,
        unanswered_ns: int64_t,
        most: cython.Py_ssize_t,
    ):
        self.tracker = tracker
        self.judge = judge
        self.two_msl_ns = two_msl_ns
        self.unanswered_ns = unanswered_ns
        self.most = most

    def __dealloc__(self):
        free(self.reasons)

    @property
    def left(self):
        """How many connections have left, by reason (REASONS); 0 is left out."""
        return {reason: self.counts[n] for n, reason in enumerate(REASONS, 1) if self.counts[n]}

    def find(self, now_ns: int64_t):
        """Return the positions of the connections that are to leave, ascending; they hold until the next call.

        Until then each may be given to `take`, in this order; those that are not stay.  Costs a look at each
        connection that is there, and a verdict for those that may be over.
        """
        position: cython.Py_ssize_t
        leaving: cython.Py_ssize_t
        t: Tracker = self.tracker
        grown: cython.pointer(uint8_t)
        failed: cython.bint = False
        if t.place_count > self.space:
            grown = cython.cast(cython.pointer(uint8_t), realloc(self.reasons, t.place_space))
            if grown == cython.NULL:
                raise MemoryError
            self.reasons = grown
            self.space = t.place_space
        self.judge.pad.capture_end_ns = now_ns
        with cython.nogil:
            close_up(t)
            forget(t, REMEMBERED)
            leaving = 0
            for position in range(t.place_count):
                self.reasons[position] = cython.cast(uint8_t, _reason(self, t, self.judge.isns, position, now_ns))
                leaving += self.reasons[position] != STAYS
            if self.most and t.place_count - leaving > self.most:
                failed = not _mark_oldest(self, t, t.place_count - leaving - (self.most - self.most // 8))
        if failed:
            raise MemoryError
        return [position for position in range(t.place_count) if self.reasons[position] != STAYS]

    def take(self, position: cython.Py_ssize_t):
        """Count the connection at `position`, which `find` returned, and let it go."""
        t: Tracker = self.tracker
        number: cython.Py_ssize_t
        row: int64_t
        newer: uint32_t
        challenged: uint64_t = 0
        failed: cython.bint
        if not 0 <= position < t.place_count or not t.places[position] or not self.reasons[position]:
            raise IndexError(position)
        number = t.number_of(position)
        row = t.row_of(position)
        if row < 0:
            raise MemoryError
        with cython.nogil:
            judge_row(self.judge.pad, t, self.judge.isns, row)
            failed = not self.judge.isns.learn(self.judge.pad, t)
            count_row(self.judge, cython.address(t.connections[row]), number, 1)
        if failed:
            raise MemoryError
        newer = t.connections[row].newer
        if newer:
            # The next incarnation's findings ask for this one's segments.
            judge_row(self.judge.pad, t, self.judge.isns, newer - 1)
            challenged = challenge(self.judge.pad, t)
        if let_go(t, position, self.reasons[position] == OLDEST) < 0:
            raise MemoryError
        if newer:
            t.gone[t.connections[newer - 1].older & ~GONE].challenge = challenged
        self.counts[self.reasons[position]] += 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _is_final(state: uint8_t) -> cython.bint:
    return state == CLOSED or state == LISTEN or state == NO_STATE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _reason(w: Leaving, t: Tracker, isns: Isns, position: cython.Py_ssize_t, now_ns: int64_t) -> cython.int:
    """Return why the connection at `position` is to leave, or STAYS."""
    place: uint32_t = t.places[position]
    c: cython.pointer(Connection)
    quiet_ns: int64_t
    if place & EMBRYO:
        quiet_ns = now_ns - t.embryos[place & ~EMBRYO].time_ns
        return NEVER_OPENED if w.unanswered_ns and quiet_ns > w.unanswered_ns else STAYS
    c = cython.address(t.connections[place - 1])
    quiet_ns = now_ns - c.last_time_ns
    if quiet_ns <= w.two_msl_ns or (
        c.older and not c.older & GONE and w.reasons[t.connections[c.older - 1].number] == STAYS
    ):
        return STAYS
    if c.newer:
        # Whether the newer one found this one in TIME_WAIT shows in its answer.
        if now_ns - t.connections[c.newer - 1].first_time_ns <= w.two_msl_ns:
            return STAYS
        if w.unanswered_ns and quiet_ns > w.unanswered_ns:
            return REPLACED
    elif not c.flags & (FIN_ANYWHERE | RST_ANYWHERE) and c.flow[0].flags & c.flow[1].flags & HAS_ACKED:
        # It is open, and needs no verdict.
        return STAYS
    judge_row(w.judge.pad, t, isns, place - 1)
    if _is_final(c.state[0]) and _is_final(c.state[1]):
        return OVER
    if (
        w.unanswered_ns
        and quiet_ns > w.unanswered_ns
        and c.opening != OPENING_THREE_WAY
        and c.opening != OPENING_SIMULTANEOUS
        and c.opening != OPENING_SPLIT
        and c.opening != OPENING_MID_STREAM
    ):
        return NEVER_OPENED
    return STAYS


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _last_seen(t: Tracker, position: cython.Py_ssize_t) -> int64_t:
    place: uint32_t = t.places[position]
    return t.embryos[place & ~EMBRYO].time_ns if place & EMBRYO else t.connections[place - 1].last_time_ns


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _mark_oldest(w: Leaving, t: Tracker, count: cython.Py_ssize_t) -> cython.bint:
    """Let the `count` connections that were seen least recently leave too, and the incarnations before them."""
    times: cython.pointer(int64_t)
    position: cython.Py_ssize_t
    before: cython.Py_ssize_t
    place: uint32_t
    others: cython.Py_ssize_t = 0
    limit_ns: int64_t
    times = cython.cast(cython.pointer(int64_t), malloc(t.place_count * cython.sizeof(int64_t)))
    if times == cython.NULL:
        return False
    for position in range(t.place_count):
        if w.reasons[position] == STAYS:
            times[others] = _last_seen(t, position)
            others += 1
    limit_ns = _smallest(times, others, count - 1)
    free(times)
    for position in range(t.place_count):
        if count <= 0:
            break
        if w.reasons[position] != STAYS or _last_seen(t, position) > limit_ns:
            continue
        before = position
        while w.reasons[before] == STAYS:
            w.reasons[before] = OLDEST
            count -= 1
            place = t.places[before]
            if place & EMBRYO or not t.connections[place - 1].older or t.connections[place - 1].older & GONE:
                break
            before = t.connections[t.connections[place - 1].older - 1].number
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _smallest(values: cython.pointer(int64_t), count: cython.Py_ssize_t, k: cython.Py_ssize_t) -> int64_t:
    """Return the value that would be at `k` if the values were sorted; they are moved about (Hoare's FIND)."""
    low: cython.Py_ssize_t = 0
    high: cython.Py_ssize_t = count - 1
    i: cython.Py_ssize_t
    j: cython.Py_ssize_t
    pivot: int64_t
    while low < high:
        pivot = values[low + (high - low) // 2]
        i = low
        j = high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while pivot < values[j]:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return values[k]
