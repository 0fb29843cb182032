"""What changes while a capture goes on: connections that segments came for are judged again and compared with before.

Verdicts look ahead, and while a capture goes on nothing lies ahead of the newest segment.  So what was told of an
endpoint may be told anew: `collect` says how much of it is still true.
"""

import cython
from cython.cimports.handshake_inspect.rfc9293.states import (
    CLOSED,
    LISTEN,
    NO_STATE,
    SND_SYN,
    STATES,
    TIME_WAIT,
)
from cython.cimports.handshake_inspect.track.embryo import EMBRYO
from cython.cimports.handshake_inspect.track.gone import GONE
from cython.cimports.handshake_inspect.track.table import Connection
from cython.cimports.handshake_inspect.track.tracker import Tracker
from cython.cimports.handshake_inspect.verdict.due import Due, Queue
from cython.cimports.handshake_inspect.verdict.findings import (
    FINDING_HALF_CLOSED,
    FINDING_HALF_OPEN,
    FINDING_UNANSWERED,
)
from cython.cimports.handshake_inspect.verdict.judge import Judge, judge_row
from cython.cimports.handshake_inspect.verdict.replay import Replay, Step
from cython.cimports.handshake_inspect.verdict.watch import MOST_TOLD, TO_EXPIRE, TO_SETTLE, Changed, Told
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, realloc
from cython.cimports.libc.string import memset

from handshake_inspect.rfc9293.states import State
from handshake_inspect.verdict.findings import FINDINGS

PATIENCE_NS = cython.declare(cython.longlong, 3_000_000_000)
"""Silence after which a missing answer is a finding: Linux repeats a SYN after 1 s, others after 3 s."""

AWAITED = cython.declare(
    cython.ulonglong, (1 << FINDING_UNANSWERED) | (1 << FINDING_HALF_OPEN) | (1 << FINDING_HALF_CLOSED)
)
"""Findings that hold of every connection for a moment, and are worth telling after a silence only."""

NOBODYS = cython.declare(cython.uint, 0xFFFFFFFF)
LATELY = cython.declare(cython.int, 256)

MIX = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
UPPER = cython.declare(cython.ulonglong, 0xFFFFFFFF00000000)
MIX_AGAIN = cython.declare(cython.ulonglong, 0xBF58476D1CE4E5B9)

MOVED, REVISED, COURSE, FOUND, ENDED = 1, 4, 16, 64, 128
"""The bits of what `collect` yields.  MOVED, REVISED and COURSE (what was told is not what happened, and not only
proved otherwise) are the client's, and twice that the server's."""

_MOVED = cython.declare(cython.int, 1)
_REVISED = cython.declare(cython.int, 4)
_COURSE = cython.declare(cython.int, 16)
_FOUND = cython.declare(cython.int, 64)
_ENDED = cython.declare(cython.int, 128)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _hash(s: cython.pointer(Step)) -> uint64_t:
    """Return a hash of what the step is in the upper half, and in the lower one of what proves it."""
    course: uint64_t = cython.cast(uint64_t, s.time_ns) * MIX ^ s.frame
    proof: uint64_t = (s.confirmed_by << 8 ^ s.certainty) * MIX ^ s.earliest_frame
    course = (course ^ course >> 32) * MIX ^ (
        cython.cast(uint64_t, s.before) << 16 | cython.cast(uint64_t, s.after) << 8 | s.event
    )
    course = (course ^ course >> 29) * MIX_AGAIN
    proof = (proof ^ proof >> 29) * MIX_AGAIN
    return (course & UPPER) | proof >> 32


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _is_final(state: uint8_t) -> cython.bint:
    return state == CLOSED or state == LISTEN or state == TIME_WAIT or state == NO_STATE


@cython.cclass
class Watch:
    """Remembers what was told of each of `tracker`'s connections.

    `touch` notes the connections of a batch's segments; `collect` judges them and returns what changed; `states` and
    `findings` count.  Before a connection leaves the tracker, `forget` it.  `expired_ns` is when the last TIME_WAIT ran
    out of which that was told.
    """

    tracker: Tracker
    judge = cython.declare(Judge, visibility="readonly")
    two_msl_ns: int64_t
    told: cython.pointer(Told)
    told_space: cython.Py_ssize_t
    touched: cython.pointer(uint32_t)
    touched_count: cython.Py_ssize_t
    touched_space: cython.Py_ssize_t
    lately = cython.declare(uint32_t[256])
    told_up_to: uint32_t
    round: uint32_t
    to_settle: Queue
    to_expire: Queue
    course_changed: cython.bint
    changed: cython.pointer(Changed)
    changed_count: cython.Py_ssize_t
    changed_space: cython.Py_ssize_t
    state_counts = cython.declare(int64_t[STATES])
    finding_counts = cython.declare(int64_t[64])
    expired_ns = cython.declare(int64_t, visibility="readonly")

    def __cinit__(self, tracker: Tracker, two_msl_ns: int64_t):
        self.tracker = tracker
        self.judge = Judge(tracker, 0, two_msl_ns)
        self.two_msl_ns = two_msl_ns
        self.to_settle = Queue()
        self.to_expire = Queue()
        memset(self.lately, 0xFF, cython.sizeof(uint32_t) * LATELY)

    def __dealloc__(self):
        free(self.told)
        free(self.touched)
        free(self.changed)

    @property
    def states(self):
        """How many endpoints are in each state, by its name; CLOSED and LISTEN are no connection's."""
        counts = {state.name: self.state_counts[int(state)] for state in State if not _is_nothing(state)}
        counts["SYN_SENT"] += self.tracker.embryo_count
        return counts

    @property
    def findings(self):
        """How many connections show each finding, by its id; of those that have not left."""
        return {kind.id: self.finding_counts[n] for n, kind in enumerate(FINDINGS) if self.finding_counts[n] > 0}

    def touch(self, numbers: uint32_t[::1], count: cython.Py_ssize_t):
        """Note the connections of `count` segments; `numbers` is what Tracker.track() filled."""
        i: cython.Py_ssize_t
        number: uint32_t
        grown: cython.pointer(uint32_t)
        if count > numbers.shape[0]:
            raise IndexError(f"{count} numbers asked for, {numbers.shape[0]} are there")
        if self.touched_count + count > self.touched_space:
            self.touched_space = 2 * (self.touched_count + count)
            grown = cython.cast(
                cython.pointer(uint32_t), realloc(self.touched, self.touched_space * cython.sizeof(uint32_t))
            )
            if grown == cython.NULL:
                raise MemoryError
            self.touched = grown
        with cython.nogil:
            for i in range(count):
                number = numbers[i]
                if number != NOBODYS and self.lately[number % LATELY] != number:
                    self.lately[number % LATELY] = number
                    self.touched[self.touched_count] = number
                    self.touched_count += 1

    def collect(self, now_ns: int64_t, most: cython.Py_ssize_t = -1, all_due: cython.bint = False):
        """Return what changed since the last call: (bits, told, kept, findings, position) of each connection that did.

        `told` and `kept` are how many steps of each side had been told, and how many of these still hold; `findings`
        are ids that are new; `position` is where `judge` finds it.  Of more than `most`, only the last ones are
        returned (-1: all).  `now_ns` is the time by which TIME_WAITs and the patience with answers run out; `all_due`
        looks at all that wait for a time, though nothing came.
        """
        i: cython.Py_ssize_t
        begin: cython.Py_ssize_t
        found: list = []
        self.judge.pad.capture_end_ns = now_ns
        self.round += 1
        self.changed_count = 0
        self._make_room()
        for i in range(self.touched_count):
            self._look_at(self.touched[i], now_ns)
        self.touched_count = 0
        memset(self.lately, 0xFF, cython.sizeof(uint32_t) * LATELY)
        self._look_at_due(self.to_expire, TO_EXPIRE, now_ns, all_due)
        self._look_at_due(self.to_settle, TO_SETTLE, now_ns, all_due)
        self.told_up_to = cython.cast(uint32_t, self.tracker.connection_count)
        begin = 0 if most < 0 or self.changed_count < most else self.changed_count - most
        for i in range(begin, self.changed_count):
            found.append(self._change(cython.address(self.changed[i])))
        return found

    def forget(self, position: cython.Py_ssize_t):
        """Let go of the connection at a position of the tracker's places, which is about to leave."""
        place: uint32_t = self.tracker.places[position]
        told: cython.pointer(Told)
        if place & EMBRYO or place == 0 or cython.cast(cython.Py_ssize_t, place) > self.told_space:
            return
        told = cython.address(self.told[place - 1])
        if told.there and told.number == self.tracker.number_of(position):
            self._uncount(told)
            told.there = False

    def oldest(self, state: cython.int):
        """Return where the connection with an endpoint longest in `state` is, which one and since when, or None."""
        row: cython.Py_ssize_t
        side: cython.int
        found: cython.Py_ssize_t = -1
        found_side: cython.int = 0
        since_ns: int64_t = 0
        for row in range(min(self.told_space, self.tracker.row_count)):
            for side in range(2):
                if (
                    self.told[row].there
                    and self.told[row].state[side] == state
                    and (found < 0 or self.told[row].since_ns[side] < since_ns)
                ):
                    found = row
                    found_side = side
                    since_ns = self.told[row].since_ns[side]
        if found < 0:
            return None
        return _position(self.tracker, self.told[found].number), found_side, since_ns

    def lose(self, first_ns: int64_t, last_ns: int64_t, frames: int64_t):
        """As Judge.lose()."""
        self.judge.lose(first_ns, last_ns, frames)

    def positions(self):
        """Return the position in the tracker's places of each connection that is there, by its number, in order."""
        t: Tracker = self.tracker
        return {
            t.number_of(position): position for position in range(t.place_count) if t.places[position]
        }  # fmt: skip

    @cython.cfunc
    def _make_room(self):
        """Have a place for each row of the tracker's, and for each change that there can be."""
        rows: cython.Py_ssize_t = self.tracker.row_count + 1
        space: cython.Py_ssize_t
        told: cython.pointer(Told)
        if rows > self.told_space:
            space = 2 * rows
            told = cython.cast(cython.pointer(Told), realloc(self.told, space * cython.sizeof(Told)))
            if told == cython.NULL:
                raise MemoryError
            memset(told + self.told_space, 0, (space - self.told_space) * cython.sizeof(Told))
            self.told = told
            self.told_space = space

    @cython.cfunc
    def _look_at(self, number: uint32_t, now_ns: int64_t):
        """Compare one connection, which has not left, with what was told of it."""
        t: Tracker = self.tracker
        position: cython.Py_ssize_t = _position(t, number)
        place: uint32_t
        c: cython.pointer(Connection)
        if position < 0:
            return
        place = t.places[position]
        if place & EMBRYO:
            if number >= self.told_up_to:
                self._note(number, _MOVED, 0, 0, 0, 0, 0)
            return
        c = cython.address(t.connections[place - 1])
        if c.older and not c.older & GONE:
            # How its TIME_WAIT ended shows in this one.
            self._compare(cython.cast(cython.Py_ssize_t, c.older) - 1, now_ns)
        self._compare(cython.cast(cython.Py_ssize_t, place) - 1, now_ns)

    @cython.cfunc
    def _look_at_due(self, queue: Queue, bit: cython.int, now_ns: int64_t, all_due: cython.bint):
        """Look at the connections whose time has come."""
        left: cython.Py_ssize_t = queue.count
        due: Due
        told: cython.pointer(Told)
        while left > 0 and (all_due or queue.rows[queue.first].due_ns <= now_ns):
            due = queue.take()
            left -= 1
            told = cython.address(self.told[due.row])
            if told.there and told.number == due.number:
                told.waits &= ~cython.cast(uint8_t, bit)
                # It may have been compared in this round, before its time was seen to have come.
                told.round = self.round - 1
                self._compare(due.row, now_ns)
                if bit == TO_EXPIRE and not told.waits & TO_EXPIRE and due.due_ns > self.expired_ns:
                    self.expired_ns = due.due_ns

    @cython.cfunc
    def _compare(self, row: cython.Py_ssize_t, now_ns: int64_t):
        """Judge the connection in a row and note how it differs from what was told."""
        t: Tracker = self.tracker
        r: cython.pointer(Replay) = self.judge.pad
        told: cython.pointer(Told) = cython.address(self.told[row])
        c: cython.pointer(Connection)
        number: uint32_t = t.number_of(t.connections[row].number)
        side: cython.int
        bits: cython.int = 0
        before = cython.declare(uint8_t[2])
        kept = cython.declare(uint8_t[2])
        findings: uint64_t
        if told.there and told.number == number and told.round == self.round:
            return
        judge_row(r, t, self.judge.isns, row)
        c = r.connection
        if not (told.there and told.number == number):
            self._begin(told, number, r)
        told.round = self.round
        if told.client != c.client:
            # Who is the client was a guess, and another one is better.
            told.client = c.client
            memset(told.steps, 0, cython.sizeof(uint64_t) * 2 * MOST_TOLD)
        for side in range(2):
            before[side] = told.count[side]
            kept[side] = self._compare_side(told, r, side)
            if kept[side] < before[side]:
                bits |= _REVISED << side
                if self.course_changed:
                    bits |= _COURSE << side
            elif r.step_count[side] > before[side]:
                bits |= _MOVED << side
        findings = c.findings
        if now_ns - c.last_time_ns < PATIENCE_NS and not (_is_final(r.state[0]) and _is_final(r.state[1])):
            findings &= ~AWAITED
            self._queue(self.to_settle, TO_SETTLE, c.last_time_ns + PATIENCE_NS, row, told)
        if findings & ~told.findings:
            bits |= _FOUND
        for side in range(2):
            if r.state[side] == TIME_WAIT and r.stay[side].present:
                self._queue(self.to_expire, TO_EXPIRE, r.stay[side].last_start_ns + self.two_msl_ns, row, told)
        if _is_final(r.state[0]) and _is_final(r.state[1]) and (r.step_count[0] or r.step_count[1]):
            bits |= _ENDED
        if bits:
            self._note(number, bits, before[0], before[1], kept[0], kept[1], findings & ~told.findings)
        self._uncount(told)
        told.findings = findings
        told.state[0] = r.state[0]
        told.state[1] = r.state[1]
        self._count(told)

    @cython.cfunc
    def _begin(self, told: cython.pointer(Told), number: uint32_t, r: cython.pointer(Replay)):
        """Nothing was told of this connection, or its first step, if a lone SYN was all of it at the last round."""
        memset(told, 0, cython.sizeof(Told))
        told.there = True
        told.number = number
        told.client = r.connection.client
        told.state[0] = NO_STATE
        told.state[1] = NO_STATE
        if number < self.told_up_to:
            told.count[0] = 1
            if r.step_count[0] and r.steps[0][0].event == SND_SYN and r.steps[0][0].before == CLOSED:
                told.steps[0][0] = _hash(cython.address(r.steps[0][0]))

    @cython.cfunc
    def _compare_side(self, told: cython.pointer(Told), r: cython.pointer(Replay), side: cython.int) -> cython.int:
        """Put the steps of one side in place of those told; return how many of the latter are the same."""
        i: cython.int
        place: cython.int
        hashed: uint64_t
        rest: uint64_t = 0
        count: cython.int = told.count[side]
        kept: cython.int = -1
        self.course_changed = r.step_count[side] < count
        for i in range(r.step_count[side]):
            hashed = _hash(cython.address(r.steps[side][i]))
            place = i if i < MOST_TOLD - 1 else MOST_TOLD - 1
            if place == MOST_TOLD - 1:
                rest = (rest + hashed) * MIX
                hashed = rest
            # What the last place stands for is compared when all that had been told is in it.
            if i < count and (place < MOST_TOLD - 1 or i == count - 1) and told.steps[side][place] != hashed:
                if kept < 0:
                    kept = place
                if (told.steps[side][place] ^ hashed) & UPPER:
                    self.course_changed = True
            told.steps[side][place] = hashed
        if r.step_count[side]:
            told.since_ns[side] = r.steps[side][r.step_count[side] - 1].time_ns
        else:
            told.since_ns[side] = r.connection.first_time_ns
        told.count[side] = cython.cast(uint8_t, r.step_count[side])
        if kept < 0:
            kept = count if r.step_count[side] >= count else r.step_count[side]
        return kept

    @cython.cfunc
    def _queue(
        self, queue: Queue, bit: cython.int, due_ns: int64_t, row: cython.Py_ssize_t, told: cython.pointer(Told)
    ):
        """Look at the connection again at `due_ns`, unless it is waited for already."""
        if not told.waits & bit:
            told.waits |= cython.cast(uint8_t, bit)
            queue.put(due_ns, cython.cast(uint32_t, row), told.number)

    @cython.cfunc
    def _note(
        self, number: uint32_t, bits: cython.int, count: cython.int, other_count: cython.int, kept: cython.int,
        other_kept: cython.int, findings: uint64_t,
    ):  # fmt: skip
        grown: cython.pointer(Changed)
        n: cython.pointer(Changed)
        if self.changed_count == self.changed_space:
            self.changed_space = 2 * self.changed_space if self.changed_space else 1024
            grown = cython.cast(
                cython.pointer(Changed), realloc(self.changed, self.changed_space * cython.sizeof(Changed))
            )
            if grown == cython.NULL:
                raise MemoryError
            self.changed = grown
        n = cython.address(self.changed[self.changed_count])
        n.number = number
        n.bits = cython.cast(uint8_t, bits)
        n.findings = findings
        n.count[0] = cython.cast(uint8_t, count)
        n.count[1] = cython.cast(uint8_t, other_count)
        n.kept[0] = cython.cast(uint8_t, kept)
        n.kept[1] = cython.cast(uint8_t, other_kept)
        self.changed_count += 1

    @cython.cfunc
    def _change(self, n: cython.pointer(Changed)):
        ids = tuple([kind.id for i, kind in enumerate(FINDINGS) if n.findings >> i & 1]) if n.findings else ()
        return n.bits, (n.count[0], n.count[1]), (n.kept[0], n.kept[1]), ids, _position(self.tracker, n.number)

    @cython.cfunc
    def _count(self, told: cython.pointer(Told)):
        self._add(told, 1)

    @cython.cfunc
    def _uncount(self, told: cython.pointer(Told)):
        self._add(told, -1)

    @cython.cfunc
    def _add(self, told: cython.pointer(Told), times: int64_t):
        """Count the states and findings of a connection in, or out."""
        side: cython.int
        n: cython.int = 0
        left: uint64_t = told.findings
        for side in range(2):
            if told.state[side] != NO_STATE:
                self.state_counts[told.state[side]] += times
        while left:
            if left & 1:
                self.finding_counts[n] += times
            left >>= 1
            n += 1


def _is_nothing(state) -> bool:
    return state in (State.CLOSED, State.LISTEN)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _position(t: Tracker, number: uint32_t) -> cython.Py_ssize_t:
    """Return the position in the tracker's places of the connection with this number, -1 when it has left."""
    low: cython.Py_ssize_t = 0
    high: cython.Py_ssize_t = t.place_count - 1
    middle: cython.Py_ssize_t
    if t.numbers == cython.NULL:
        return cython.cast(cython.Py_ssize_t, number) if number < cython.cast(uint32_t, t.place_count) else -1
    while low <= high:
        middle = (low + high) // 2
        if t.numbers[middle] < number:
            low = middle + 1
        elif t.numbers[middle] > number:
            high = middle - 1
        else:
            return middle if t.places[middle] else -1
    return -1
