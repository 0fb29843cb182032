"""How each host's initial sequence numbers move from connection to connection (RFC 6528), on columns.

An ISN that can be predicted lets somebody who does not see the traffic forge a segment that the peer accepts.  A good
host adds a secret that differs for each 4-tuple to a clock, so its ISNs on different 4-tuples have nothing in common.
Steps on one 4-tuple follow the clock, as they should, and are left out.

Only connections that opened count: the ISNs of a port scan or a flood are nobody's who could be robbed of a connection.
A judgement rests on three steps at least, and no rule accuses chance: a random step is small once in 2**14, and follows
a clock once in 2**11; a host with 24 random bits (Linux before 3.1) takes a small step once in 2**6.
"""

import cython
from cython.cimports.handshake_inspect.columns import SYN
from cython.cimports.handshake_inspect.rfc9293.seq import distance
from cython.cimports.handshake_inspect.track.table import HAS_ISN, ICMP, SELF_CONNECTED, Connection
from cython.cimports.handshake_inspect.track.tracker import Tracker
from cython.cimports.handshake_inspect.verdict.findings import FINDING_ISN_PREDICTABLE
from cython.cimports.handshake_inspect.verdict.isns import (
    CLOCK_COUNT,
    MOVE_CLOCK,
    MOVE_CONSTANT,
    MOVE_CONSTANT_STEP,
    MOVE_COUNT,
    MOVE_RANDOM,
    MOVE_SMALL_STEPS,
    MOVE_TOO_FEW,
    Host,
)
from cython.cimports.handshake_inspect.verdict.replay import NEVER, Replay, note
from cython.cimports.handshake_inspect.verdict.words import OPENING_SIMULTANEOUS, OPENING_SPLIT, OPENING_THREE_WAY
from cython.cimports.libc.stdint import int32_t, int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free

from handshake_inspect.verdict.words import CLOCKS, MOVES

assert len(MOVES) == MOVE_COUNT
assert len(CLOCKS) == CLOCK_COUNT

STEPS_MIN = cython.declare(uint32_t, 3)
SMALL = cython.declare(uint32_t, 1 << 17)
"""A step below this, in either direction, is small: twice the 64,000 of the classic BSD counter."""
NEARLY_ALL = cython.declare(uint64_t, 9)
"""Tenths of the steps that a rule must hold for: a host that restarts, or a counter that wraps, breaks it at times."""
STEPS_MOST = cython.declare(uint32_t, 1000)
"""More steps than this would not change the judgement."""
SPARE_MOST = cython.declare(int64_t, 1 << 20)
JITTER_NS = cython.declare(int64_t, 5_000_000)
"""A clock is given so much time for the capture's own delays, and one in 1 << DRIFT of what it moved."""
DRIFT = cython.declare(cython.int, 9)
LONG_NS = cython.declare(int64_t, 1 << 44)
LOW = cython.declare(uint64_t, 0xFFFFFFFF)
FEWEST = cython.declare(uint64_t, 64)

_tick_ns = cython.declare(int64_t[CLOCK_COUNT])
for _number, (_, _nanoseconds) in enumerate(CLOCKS):
    _tick_ns[cython.cast(cython.Py_ssize_t, _number)] = _nanoseconds


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _follows(by: int32_t, after_ns: int64_t, clock: cython.int) -> cython.int:
    """Return 1 when an ISN moved as the clock did, 0 when not, -1 where the time is too short or too long to tell."""
    ticks: int64_t
    spare: int64_t
    off: int64_t
    # Not within a clock's jitter, in which it has hardly moved.
    if -2 * JITTER_NS < after_ns < 2 * JITTER_NS or not -LONG_NS < after_ns < LONG_NS:
        return -1
    ticks = after_ns / _tick_ns[clock]
    spare = ((ticks if ticks > 0 else -ticks) >> DRIFT) + JITTER_NS / _tick_ns[clock]
    if spare > SPARE_MOST:
        return -1
    off = distance(cython.cast(uint32_t, ticks), cython.cast(uint32_t, by))
    return -spare <= off <= spare


def follows(by: cython.int, after_ns: int64_t, clock: cython.int) -> int:
    """As _follows, of clock number `clock` of CLOCKS."""
    return _follows(by, after_ns, clock)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _move(h: cython.pointer(Host)) -> cython.int:
    """Return how a host's ISNs move."""
    clock: cython.int
    if h.steps < STEPS_MIN:
        return MOVE_TOO_FEW
    if h.equal == h.steps:
        return MOVE_CONSTANT_STEP if h.first_step else MOVE_CONSTANT
    for clock in range(CLOCK_COUNT):
        if (
            h.telling[clock] >= STEPS_MIN
            and 2 * cython.cast(uint64_t, h.telling[clock]) >= h.steps
            and 10 * cython.cast(uint64_t, h.followed[clock]) >= NEARLY_ALL * h.telling[clock]
        ):
            return MOVE_CLOCK
    if 10 * cython.cast(uint64_t, h.small) >= NEARLY_ALL * h.steps:
        return MOVE_SMALL_STEPS
    return MOVE_RANDOM


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _detail(h: cython.pointer(Host), move: cython.int) -> int64_t:
    """Return the number that belongs to a move: the step, the largest step (below 0: of most), or the clock."""
    clock: cython.int
    if move == MOVE_CONSTANT_STEP:
        return distance(0, h.first_step)
    if move == MOVE_SMALL_STEPS:
        return cython.cast(int64_t, h.largest) if h.small == h.steps else -cython.cast(int64_t, h.largest)
    if move == MOVE_CLOCK:
        for clock in range(CLOCK_COUNT):
            if 10 * cython.cast(uint64_t, h.followed[clock]) >= NEARLY_ALL * h.telling[clock] > 0:
                return clock
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _key(t: Tracker, c: cython.pointer(Connection), end: cython.int) -> uint64_t:
    """Hash one end's address by the tracker's random multipliers, as it does the 4-tuple: twice 32 universal bits."""
    one: uint64_t = t.multipliers[0]
    other: uint64_t = t.multipliers[11]
    one += t.multipliers[1] * (c.low[end] & LOW)
    other += t.multipliers[6] * (c.low[end] & LOW)
    if c.family == 6:
        one += t.multipliers[2] * (c.low[end] >> 32)
        one += t.multipliers[3] * (c.high[end] & LOW) + t.multipliers[4] * (c.high[end] >> 32)
        other += t.multipliers[7] * (c.low[end] >> 32)
        other += t.multipliers[8] * (c.high[end] & LOW) + t.multipliers[9] * (c.high[end] >> 32) + t.multipliers[10]
    return (one & ~LOW) | (other >> 32) | 1


@cython.cclass
class Isns:
    """The hosts' moves; memory: one line of the cache, twice at most, for each host that opened a connection."""

    def __dealloc__(self):
        free(self.hosts)

    def add(self, host: uint64_t, peer: uint64_t, isn: uint32_t, time_ns: int64_t) -> None:
        """Take one ISN of a host (any number above 0) into account; `peer` tells its 4-tuples apart."""
        if not self._take(host, peer, isn, time_ns):
            raise MemoryError

    def move(self, host: uint64_t) -> tuple[int, int]:
        """Return the number of a host's move in MOVES, and the number that its sentence needs."""
        h: cython.pointer(Host) = self._find(host)
        if h == cython.NULL or h.key == 0:
            return MOVE_TOO_FEW, 0
        return _move(h), _detail(h, _move(h))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def settle(self) -> cython.Py_ssize_t:
        """Count the hosts whose ISNs can be predicted; `judge` raises the finding for these."""
        place: uint64_t
        self.predictable = 0
        if self.hosts != cython.NULL:
            for place in range(self.mask + 1):
                self.predictable += _move(cython.address(self.hosts[place])) >= MOVE_CONSTANT
        return self.predictable

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def learn(self, r: cython.pointer(Replay), t: Tracker) -> cython.bint:
        """Take both ISNs of a judged connection into account; False without memory."""
        c: cython.pointer(Connection) = r.connection
        time_ns: int64_t = c.first_time_ns
        client: uint64_t
        server: uint64_t
        ports: uint64_t
        if not _counts(r):
            return True
        client = _key(t, c, c.client)
        server = _key(t, c, 1 - c.client)
        ports = (cython.cast(uint64_t, c.port[c.client]) << 16 | c.port[1 - c.client]) * t.multipliers[5]
        if not self._take(client, server + ports, r.flow[0].isn, time_ns):
            return False
        if r.server_side_ns != NEVER:
            time_ns += r.server_side_ns
        return self._take(server, client + ports, r.flow[1].isn, time_ns)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def judge(self, r: cython.pointer(Replay), t: Tracker) -> cython.void:
        """Add the finding to a judged connection, for each end whose host is known to be predictable."""
        c: cython.pointer(Connection) = r.connection
        h: cython.pointer(Host)
        side: cython.int
        i: cython.int
        move: cython.int
        if self.predictable == 0 or not _counts(r):
            return
        for side in range(2):
            h = self._find(_key(t, c, c.client if side == 0 else 1 - c.client))
            if h == cython.NULL or h.key == 0:
                continue
            move = _move(h)
            if move < MOVE_CONSTANT:
                continue
            for i in range(r.count):
                if r.sender[i] == side and r.evidence[i].flags & SYN and not r.evidence[i].marks & ICMP:
                    note(r, FINDING_ISN_PREDICTABLE, side, r.evidence[i].frame, 0, move, _detail(h, move))
                    break

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _take(self, key: uint64_t, peer: uint64_t, isn: uint32_t, time_ns: int64_t) -> cython.bint:
        h: cython.pointer(Host)
        by: int32_t
        size: uint32_t
        clock: cython.int
        followed: cython.int
        if 2 * cython.cast(uint64_t, self.known + 1) > self.mask and not self._grow():
            return False
        h = self._find(key)
        if h.key == 0:
            h.key = key
            self.known += 1
        elif h.peer != peer and h.steps < STEPS_MOST:
            by = distance(h.last, isn)
            size = cython.cast(uint32_t, by) if by >= 0 else 0 - cython.cast(uint32_t, by)
            if h.steps == 0:
                h.first_step = cython.cast(uint32_t, by)
            h.steps += 1
            h.equal += h.first_step == cython.cast(uint32_t, by)
            if size < SMALL:
                h.small += 1
                if size > h.largest:
                    h.largest = size
            for clock in range(CLOCK_COUNT):
                followed = _follows(by, time_ns - h.last_ns, clock)
                h.telling[clock] += followed >= 0
                h.followed[clock] += followed == 1
        h.peer = peer
        h.last = isn
        h.last_ns = time_ns
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _find(self, key: uint64_t) -> cython.pointer(Host):
        """Return the row of a host, or the empty one where it belongs; NULL when there is no table yet."""
        place: uint64_t
        if self.hosts == cython.NULL:
            return cython.NULL
        place = (key >> 32 ^ key) & self.mask
        while self.hosts[place].key != 0 and self.hosts[place].key != key:
            place = (place + 1) & self.mask
        return cython.address(self.hosts[place])

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def _grow(self) -> cython.bint:
        before: cython.pointer(Host) = self.hosts
        size: uint64_t = self.mask + 1 if before != cython.NULL else 0
        larger: uint64_t = 2 * size if size else FEWEST
        place: uint64_t
        self.hosts = cython.cast(cython.pointer(Host), calloc(larger, cython.sizeof(Host)))
        if self.hosts == cython.NULL:
            self.hosts = before
            return False
        self.mask = larger - 1
        for place in range(size):
            if before[place].key != 0:
                self._find(before[place].key)[0] = before[place]
        free(before)
        return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _counts(r: cython.pointer(Replay)) -> cython.bint:
    """Whether a connection opened, with both ISNs in the capture."""
    return (
        r.opening in (OPENING_THREE_WAY, OPENING_SIMULTANEOUS, OPENING_SPLIT)
        and r.flow[0].flags & HAS_ISN != 0
        and r.flow[1].flags & HAS_ISN != 0
        and not r.connection.flags & SELF_CONNECTED
    )
