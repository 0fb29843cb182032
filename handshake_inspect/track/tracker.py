"""The tracker: one call a batch of segments, which it sorts into connections.

It judges nothing.  For each direction it keeps the numbers of RFC 9293 section 3.3.1 as the wire shows them (SND.NXT,
RCV.NXT, the window) and counts; and it keeps as evidence the few segments that can have moved a state: SYN, FIN, RST,
the first ACK of each SYN and FIN, what follows a RST, what comes after the end.  The verdicts replay that evidence.
So a segment of a bulk transfer costs a look-up and some additions, and a connection costs the same memory however
long it lives.
"""

import os

import cython
from cython.cimports.cython.view import array as c_array
from cython.cimports.handshake_inspect.columns import (
    ACK,
    FIN,
    ICMP_ERROR,
    MARK_BAD_CHECKSUM,
    OPTION_MSS,
    OPTION_WINDOW_SCALE,
    RST,
    SYN,
    TCP,
    Segment,
)
from cython.cimports.handshake_inspect.rfc9293.seq import covers, distance
from cython.cimports.handshake_inspect.track.embryo import (
    EMBRYO,
    Embryo,
    is_embryo_of,
    is_plain_syn,
    to_embryo,
    to_segment,
)
from cython.cimports.handshake_inspect.track.gone import (
    GONE,
    HAS_OLDER,
    LISTED,
    LIVES,
    MORE_THAN_NOTHING,
    MORE_THAN_SYNS,
    Former,
    Gone,
    from_former,
)
from cython.cimports.handshake_inspect.track.history import (
    LETTER_GAP,
    LETTER_RETRANSMISSION,
    LETTER_ZERO_WINDOW,
    remember,
    remember_scaled,
    remember_segment,
)
from cython.cimports.handshake_inspect.track.keys import (
    MULTIPLIERS,
    NOT_TOLD_APART,
    RECENT,
    SECOND_HASH,
    Key,
    Keys,
    find_keys,
    hash_of,
    sender,
)
from cython.cimports.handshake_inspect.track.memory import given_back, more, resized_zeroed
from cython.cimports.handshake_inspect.track.table import (
    ACKED_FIN,
    ACKED_SYN,
    CLOCK_BACK,
    FILLED_HOLE,
    FIN_ANYWHERE,
    FIN_SEEN,
    HAS_ACKED,
    HAS_ISN,
    HAS_NEXT,
    ICMP,
    IN_ORDER,
    IS_WIDE,
    LATE,
    MIRRORED,
    NEW_DATA,
    NOBODY,
    OVERSIZED,
    PROGRESSED,
    RST_ANYWHERE,
    RST_SEEN,
    SEEN,
    SELF_CONNECTED,
    SWAPPED,
    SYN_ACK_SEEN,
    SYN_SEEN,
    WATCH_ACK,
    WATCH_DATA,
    WATCH_FIN,
    WINDOW_KNOWN,
    WRONG_ACK,
    Connection,
    Evidence,
    Flow,
    Kept,
    Rare,
    RareFlow,
    Wide,
    is_wide,
    pack,
    pack_wide,
)
from cython.cimports.libc.stdint import int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import calloc, free, malloc, realloc
from cython.cimports.libc.string import memcpy, memset

from handshake_inspect.track.layout import CONNECTION, EVIDENCE

EVIDENCE_BOUND = cython.declare(cython.int, 64)
"""Evidence rows a connection keeps; what comes beyond takes the place of the last one, and is counted."""

MIRROR_NS = cython.declare(cython.longlong, 10_000_000)
NEW = cython.declare(cython.longlong, -1)
NEWEST = cython.declare(cython.int, 0)
OLDER = cython.declare(cython.int, 1)
NEXT = cython.declare(cython.int, 2)
NOBODYS = 0xFFFFFFFF
"""The number that track() gives a row that belongs to no connection."""

ABOVE_ACK = cython.declare(cython.int, 0x1E0)
NO_NUMBER = cython.declare(cython.uint, 0xFFFFFFFF)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _have_room(k: cython.pointer(Keys), count: cython.Py_ssize_t) -> cython.bint:
    """Make room for `count` keys; what was there is lost.  False when memory is out."""
    if count > k.space:
        free(k.keys)
        k.keys = cython.cast(cython.pointer(Key), malloc(count * cython.sizeof(Key)))
        k.space = count if k.keys != cython.NULL else 0
    return k.keys != cython.NULL


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _is(c: cython.pointer(Connection), s: cython.pointer(Segment), side: cython.int) -> cython.bint:
    """Whether `s`, sent by endpoint `side`, has the 4-tuple of `c`."""
    return (
        c.low[side] == s.src_low
        and c.low[1 - side] == s.dst_low
        and c.port[side] == s.src_port
        and c.port[1 - side] == s.dst_port
        and c.high[side] == s.src_high
        and c.high[1 - side] == s.dst_high
        and c.family == s.family
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _misfit(c: cython.pointer(Connection), s: cython.pointer(Segment), side: cython.int) -> uint64_t:
    """How far the numbers of `s` lie from what incarnation `c` expects next; unknown counts as far."""
    f: cython.pointer(Flow) = cython.address(c.flow[side])
    p: cython.pointer(Flow) = cython.address(c.flow[1 - side])
    far: int64_t = 0x7FFFFFFF
    total: int64_t = far
    d: int64_t
    if f.flags & HAS_NEXT:
        d = distance(f.next, s.seq)
        total = d if d >= 0 else -d
    elif p.flags & HAS_ACKED:
        d = distance(p.acked, s.seq)
        total = d if d >= 0 else -d
    if s.flags & ACK:
        if p.flags & HAS_NEXT:
            d = distance(p.next, s.ack)
            total += d if d >= 0 else -d
        elif f.flags & HAS_ACKED:
            d = distance(f.acked, s.ack)
            total += d if d >= 0 else -d
        else:
            total += far
    return total


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _acknowledges_syn(f: cython.pointer(Flow), p: cython.pointer(Flow), ack: uint32_t) -> cython.bint:
    """Whether `ack`, sent by the owner of `f`, covers the SYN of the owner of `p` and nothing that it never sent."""
    return (p.flags & HAS_ISN) != 0 and covers(ack, p.isn) and not covers(ack, p.next)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _incarnation(
    c: cython.pointer(Connection), o: cython.pointer(Connection), s: cython.pointer(Segment), side: cython.int
) -> cython.int:
    """Return which incarnation `s` belongs to: NEWEST (`c`), OLDER (`o`, NULL without one) or NEXT, a new one.

    A SYN with another ISN starts the next one.  Everything else goes where its numbers fit: until the new SYN is
    answered, the old connection is still alive.
    """
    f: cython.pointer(Flow) = cython.address(c.flow[side])
    p: cython.pointer(Flow) = cython.address(c.flow[1 - side])
    if s.flags & SYN:
        if f.flags & HAS_ISN and s.seq == f.isn:
            return NEWEST
        if o != cython.NULL and o.flow[side].flags & HAS_ISN and s.seq == o.flow[side].isn:
            return NEWEST if s.flags & ACK and _acknowledges_syn(f, p, s.ack) else OLDER
        if not s.flags & ACK:
            if f.flags & HAS_ISN:
                return NEXT
            if p.flags & SYN_ACK_SEEN:
                return NEWEST if p.acked == s.seq + 1 or p.acked == s.seq + 1 + s.length else NEXT
            # The two SYNs of a simultaneous open; or of a split handshake, where an ACK may come before the second.
            if p.flags & SYN_SEEN and (not f.flags & SEEN or (p.segments == p.syns and f.bytes == 0)):
                return NEWEST
            return NEXT
        if _acknowledges_syn(f, p, s.ack):
            return NEWEST
        if o != cython.NULL and _acknowledges_syn(
            cython.address(o.flow[side]), cython.address(o.flow[1 - side]), s.ack
        ):
            return OLDER
        if p.flags & HAS_ISN:
            return NEWEST
        if f.flags & SEEN:
            # SYN-ACKs that acknowledge the same SYN are one handshake, though that SYN was not captured.
            return NEWEST if f.flags & SYN_ACK_SEEN and s.ack == f.acked else NEXT
        return NEWEST
    if o == cython.NULL:
        return NEWEST
    if s.flags & ACK and not f.flags & ACKED_SYN and _acknowledges_syn(f, p, s.ack):
        return NEWEST
    if _misfit(o, s, side) < _misfit(c, s, side):
        return OLDER
    return NEWEST


@cython.cclass
class Tracker:
    """The connections of one capture, or of several that are one.

    `track()` takes Segment columns in the order of the capture.  Connections are numbered in the order of their first
    segment; `connection_count` says how many there are.  `places` leads from the number to the row, or to the embryo
    while one SYN is all there is.

    Connections can leave (leaving.py): their rows are used again, and what still comes for them is counted in
    `late_count`.  From then on a place's position is no longer the number, which is in `numbers`.
    """

    def __cinit__(self):
        i: cython.int
        self.place_space = 1024
        self.row_space = 1024
        self.embryo_space = 1024
        self.evidence_space = 4096
        self.rare_space = 64
        self.evidence_bound = EVIDENCE_BOUND
        self.slot_mask = 4095
        self.slot_shift = 20
        self.places = cython.cast(cython.pointer(uint32_t), malloc(self.place_space * cython.sizeof(uint32_t)))
        self.connections = cython.cast(cython.pointer(Connection), malloc(self.row_space * cython.sizeof(Connection)))
        self.embryos = cython.cast(cython.pointer(Embryo), malloc(self.embryo_space * cython.sizeof(Embryo)))
        self.evidence = cython.cast(cython.pointer(Kept), malloc(self.evidence_space * cython.sizeof(Kept)))
        self.rare = cython.cast(cython.pointer(Rare), malloc(self.rare_space * cython.sizeof(Rare)))
        self.slots = cython.cast(cython.pointer(Slot), calloc(self.slot_mask + 1, cython.sizeof(Slot)))
        self.recent = cython.cast(cython.pointer(Recent), calloc(RECENT, cython.sizeof(Recent)))
        if (
            self.places == cython.NULL
            or self.connections == cython.NULL
            or self.embryos == cython.NULL
            or self.evidence == cython.NULL
            or self.rare == cython.NULL
            or self.slots == cython.NULL
            or self.recent == cython.NULL
        ):
            raise MemoryError
        random: bytes = os.urandom(MULTIPLIERS * 8)
        for i in range(MULTIPLIERS):
            self.multipliers[i] = int.from_bytes(random[8 * i : 8 * i + 8], "little") | 1

    def __dealloc__(self):
        given_back(self.places, self.place_space * cython.sizeof(uint32_t))
        given_back(self.connections, self.row_space * cython.sizeof(Connection))
        given_back(self.embryos, self.embryo_space * cython.sizeof(Embryo))
        given_back(self.evidence, self.evidence_space * cython.sizeof(Kept))
        given_back(self.rare, self.rare_space * cython.sizeof(Rare))
        given_back(self.slots, (self.slot_mask + 1) * cython.sizeof(Slot))
        given_back(self.gone, self.gone_space * cython.sizeof(Gone))
        free(self.numbers)
        free(self.recent)
        free(self.keys.keys)
        free(self.looked_up[0].keys)
        free(self.looked_up[1].keys)

    def track(self, segments: Segment[::1], count: cython.Py_ssize_t, numbers: uint32_t[::1] = None):
        """Take the first `count` rows of `segments` into account; rows that are no segment are passed over.

        `numbers`, as many rows at least, receives the number of each segment's connection, NOBODYS where it has none.
        """
        i: cython.Py_ssize_t
        wanted: cython.bint = numbers is not None
        row: cython.pointer(Segment)
        failed: cython.bint = False
        if count > segments.shape[0]:
            raise IndexError(f"{count} segments asked for, {segments.shape[0]} in the column")
        if wanted and count > numbers.shape[0]:
            raise IndexError(f"{count} segments asked for, room for the numbers of {numbers.shape[0]}")
        if count == 0:
            return
        row = cython.address(segments[0])
        known: cython.bint = False
        for i in range(2):
            if self.looked_up[i].rows == row and self.looked_up[i].count == count:
                known = True
                self.keys, self.looked_up[i] = self.looked_up[i], self.keys
                self.looked_up[i].rows = cython.NULL
                break
        if not known and not _have_room(cython.address(self.keys), count):
            raise MemoryError
        keys: cython.pointer(Key) = self.keys.keys
        self.last_ns = segments[count - 1].time_ns
        with cython.nogil:
            if not known:
                find_keys(keys, row, count, self.multipliers)
            for i in range(count):
                # Nothing that a segment asks for is near by, so all of it is asked for some segments before.
                if i + 24 < count:
                    prefetch(cython.address(self.slots[home_of(self, keys[i + 24].tag)]))
                    prefetch(cython.address(self.recent[keys[i + 24].recent]))
                if i + 8 < count:
                    _prefetch_place(self, self.slots[home_of(self, keys[i + 8].tag)].place)
                self.last_number = NO_NUMBER
                if self._track(cython.address(row[i]), cython.address(keys[i]), wanted) < 0:
                    failed = True
                    break
                if wanted:
                    numbers[i] = self.last_number
        if failed or self.out_of_memory:
            raise MemoryError

    def look_up(self, segments: Segment[::1], count: cython.Py_ssize_t):
        """Take off `track()` what can be done before its turn, for the next call with the first `count` of these rows.

        Another thread may do that while `track()` runs on other rows.  It is kept of two columns at most.
        """
        row: cython.pointer(Segment)
        if count > segments.shape[0]:
            raise IndexError(f"{count} segments asked for, {segments.shape[0]} in the column")
        ahead: cython.pointer(Keys) = cython.address(self.looked_up[0])
        if ahead.rows != cython.NULL:
            ahead = cython.address(self.looked_up[1])
        ahead.rows = cython.NULL
        if count == 0 or not _have_room(ahead, count):
            return
        row = cython.address(segments[0])
        with cython.nogil:
            find_keys(ahead.keys, row, count, self.multipliers)
        ahead.rows = row
        ahead.count = count

    def _track(self, s, key, wanted):
        """Put one segment into its connection, whose number is `wanted` or not; return -1 when memory is out."""
        tag: uint32_t = key.tag
        at: uint64_t = home_of(self, tag)
        side: cython.int = key.side
        newest: int64_t
        row: int64_t
        fit: cython.int
        c: cython.pointer(Connection)
        if s.kind != TCP and s.kind != ICMP_ERROR:
            return 0
        while self.slots[at].place:
            if self.slots[at].tag == tag and _lies_at(self, self.slots[at].place, s, side):
                break
            at = (at + 1) & self.slot_mask
        if self.slots[at].place == 0:
            return 0 if s.kind == ICMP_ERROR else self._begin(s, side, key, at)
        if self.slots[at].place & EMBRYO:
            newest = _hatch(self, self.slots[at].place)
            if newest < 0:
                return -1
            self.slots[at].place = cython.cast(uint32_t, newest + 1)
        elif self.slots[at].place & GONE:
            return self._after_gone(s, side, key, cython.address(self.slots[at]))
        newest = cython.cast(int64_t, self.slots[at].place) - 1
        if s.kind == ICMP_ERROR:
            self.last_number = self.number_of(self.connections[newest].number)
            return _note_icmp(self, newest, s, side)
        c = cython.address(self.connections[newest])
        fit = NEWEST
        if c.older or s.flags & SYN:
            fit = _incarnation(c, _older_of(self, c) if c.older else cython.NULL, s, side)
        row = newest
        if fit == OLDER:
            if c.older & GONE:
                self.last_number = self.gone[c.older & ~GONE].number
                _come_late(self, cython.address(self.gone[c.older & ~GONE].newest), s, side)
                return 0
            row = cython.cast(int64_t, c.older) - 1
        elif fit == NEXT:
            row = _new_connection(self, s, side, newest)
            if row < 0 or _number(self, cython.cast(uint32_t, row + 1)) < 0:
                return -1
            self.slots[at].place = cython.cast(uint32_t, row + 1)
        if wanted:
            self.last_number = self.number_of(self.connections[row].number)
        if _is_mirrored(self, s, key):
            _count_copy(self, cython.address(self.connections[row]), s, side)
            return 0
        return _take(self, row, s, side)

    def _after_gone(self, s, side, key, slot):
        """Take a segment whose 4-tuple's last connection has left; return -1 when memory is out."""
        place: uint32_t = slot.place
        g: cython.pointer(Gone) = cython.address(self.gone[place & ~GONE])
        older: cython.pointer(Connection) = cython.NULL
        fit: cython.int = NEWEST
        row: int64_t
        if s.kind == TCP:
            from_former(cython.address(g.newest), cython.address(self.compared[0]))
            if g.bits & HAS_OLDER:
                from_former(cython.address(g.older), cython.address(self.compared[1]))
                older = cython.address(self.compared[1])
            fit = _incarnation(cython.address(self.compared[0]), older, s, side)
        if fit != NEXT and (s.kind != TCP or not g.bits & LIVES):
            self.last_number = g.number
            _come_late(self, cython.address(g.older) if fit == OLDER else cython.address(g.newest), s, side)
            return 0
        row = _new_connection(self, s, side, -1)
        if row < 0 or _number(self, cython.cast(uint32_t, row + 1)) < 0:
            return -1
        # What went on while it was not watched is the same incarnation.
        self.connections[row].incarnation = g.incarnation + (fit == NEXT and g.incarnation < 65535)
        self.connections[row].older = place if fit == NEXT else 0
        _unlist(self, place & ~GONE)
        if fit != NEXT:
            g.after = self.free_gone
            self.free_gone = (place & ~GONE) + 1
        slot.place = cython.cast(uint32_t, row + 1)
        _is_mirrored(self, s, key)
        return _take(self, row, s, side)

    def _begin(self, s, side, key, at):
        """Begin the first connection of a 4-tuple, in the free slot for it; return -1 when memory is out."""
        row: int64_t
        slot: cython.pointer(Slot) = cython.address(self.slots[at])
        slot.tag = key.tag
        self.farthest = max(self.farthest, (at - home_of(self, key.tag)) & self.slot_mask)
        _is_mirrored(self, s, key)
        if is_plain_syn(s):
            if _lay(self, s, slot) < 0:
                return -1
        else:
            row = _new_connection(self, s, side, -1)
            if row < 0 or _number(self, cython.cast(uint32_t, row + 1)) < 0 or _take(self, row, s, side) < 0:
                return -1
            slot.place = cython.cast(uint32_t, row + 1)
        self.tuples += 1
        if self.tuples * 2 > cython.cast(cython.Py_ssize_t, self.slot_mask):
            return self._grow_slots()
        return 0

    def row_of(self, position):
        """Return the row of the connection at a position of `places`, -1 when memory is out.

        An embryo gets one behind the last row, its evidence behind the last evidence, until the next one is made.
        """
        place: uint32_t = self.places[position]
        rows: cython.Py_ssize_t = self.row_count
        rows_of_evidence: cython.Py_ssize_t = self.evidence_count
        rows_of_rare: cython.Py_ssize_t = self.rare_count
        free_row: uint32_t = self.free_row
        free_rare: uint32_t = self.free_rare
        free_evidence: uint32_t = self.free_evidence
        row: int64_t
        if not place & EMBRYO:
            return cython.cast(int64_t, place) - 1
        self.free_row = 0
        self.free_rare = 0
        self.free_evidence = 0
        row = _new_row(self, cython.address(self.embryos[place & ~EMBRYO]))
        self.free_row = free_row
        self.free_evidence = free_evidence
        self.row_count = rows
        self.evidence_count = rows_of_evidence
        self.free_rare = free_rare
        self.rare_count = rows_of_rare
        return row

    def number_of(self, position):
        """Return the number of the connection at a position of `places`."""
        return cython.cast(uint32_t, position) if self.numbers == cython.NULL else self.numbers[position]

    def frame_of_older(self, c):
        """Return the first frame of the incarnation before `c`, which has one."""
        if c.older & GONE:
            return self.gone[c.older & ~GONE].first_frame
        return self.connections[c.older - 1].first_frame

    def keys_of(self, c, g):
        """Write into `g` what the 4-tuple of `c` is looked up by."""
        s: Segment
        s.src_high = c.high[0]
        s.src_low = c.low[0]
        s.src_port = c.port[0]
        s.dst_high = c.high[1]
        s.dst_low = c.low[1]
        s.dst_port = c.port[1]
        s.family = c.family
        g.tag = cython.cast(uint32_t, hash_of(cython.address(s), 0, self.multipliers) >> 32)
        g.fingerprint = hash_of(cython.address(s), 0, self.multipliers + SECOND_HASH)

    def _grow_slots(self):
        """Double the 4-tuple table where it is; the tags are enough to place every entry anew.

        A slot's place among the others is that of its tag among all tags, so an entry moves up, and from the last
        one down each finds its new place among those that have moved.  Only the first ones could meet entries that
        have not: they wait outside.
        """
        size: uint64_t = self.slot_mask + 1
        # An entry that stands `d` behind its home moves up if d is at most its home: 2 * home >= home + d.
        first: uint64_t = min(2 * self.farthest, size)
        i: uint64_t
        waiting: cython.pointer(Slot)
        moved: Slot[64]
        n: cython.int
        k: cython.int
        _: cython.int
        waiting = cython.cast(cython.pointer(Slot), malloc((first + 1) * cython.sizeof(Slot)))
        grown: cython.pointer(Slot) = cython.cast(
            cython.pointer(Slot), resized_zeroed(self.slots, size * cython.sizeof(Slot), 2 * size * cython.sizeof(Slot))
        )
        if grown != cython.NULL:
            self.slots = grown
        if waiting == cython.NULL or grown == cython.NULL:
            free(waiting)
            return -1
        memcpy(waiting, grown, first * cython.sizeof(Slot))
        memset(grown, 0, first * cython.sizeof(Slot))
        self.slot_mask = size * 2 - 1
        self.slot_shift -= 1
        self.farthest = 0
        i = size
        while i > first:
            # Whether a slot holds an entry is as good as random, so that is no branch.
            n = 0
            for _ in range(min(i - first, 64)):
                i -= 1
                moved[n] = grown[i]
                n += grown[i].place != 0
                grown[i].place = 0
            for k in range(n):
                _put(self, moved[k])
        for i in range(first):
            if waiting[i].place:
                _put(self, waiting[i])
        free(waiting)
        return 0

    def steps(self):
        """Return how many slots are passed over, in all, when every 4-tuple of the table is looked up once."""
        i: uint64_t
        passed: uint64_t = 0
        for i in range(self.slot_mask + 1):
            if self.slots[i].place:
                passed += (i - home_of(self, self.slots[i].tag)) & self.slot_mask
        return passed

    def connection_rows(self):
        """Return the connections that are more than a SYN as a buffer of structs, stale after the next track()."""
        return _as_buffer(self.connections, self.row_count, cython.sizeof(Connection), CONNECTION)

    def evidence_rows(self):
        """Return the evidence as a buffer of structs, a view: it is stale after the next track()."""
        return _as_buffer(self.evidence, self.evidence_count, cython.sizeof(Kept), EVIDENCE)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _put(t: Tracker, entry: Slot) -> cython.void:
    """Put an entry into the first free slot from its home on."""
    home: uint64_t = home_of(t, entry.tag)
    at: uint64_t = home
    while t.slots[at].place:
        at = (at + 1) & t.slot_mask
    t.slots[at] = entry
    t.farthest = max(t.farthest, (at - home) & t.slot_mask)


@cython.cfunc
def _as_buffer(data: cython.p_void, rows: cython.Py_ssize_t, size: cython.Py_ssize_t, layout: str):
    if rows == 0:
        return c_array(shape=(1,), itemsize=size, format=layout.encode())[:0]
    view = c_array(shape=(rows,), itemsize=size, format=layout.encode(), allocate_buffer=False)
    cython.cast(c_array, view).data = cython.cast(cython.p_char, data)
    return view


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _prefetch_place(t: Tracker, place: uint32_t) -> cython.void:
    """Fetch what a segment of that place's 4-tuple will ask for."""
    row: cython.p_char
    if place & EMBRYO:
        prefetch(cython.address(t.embryos[place & ~EMBRYO]))
    elif place & GONE:
        prefetch(cython.address(t.gone[place & ~GONE]))
    elif place:
        row = cython.cast(cython.p_char, cython.address(t.connections[place - 1]))
        prefetch(row)
        prefetch(row + 64)
        prefetch(row + 128)
        prefetch(row + 192)
        prefetch(row + 256)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _lies_at(t: Tracker, place: uint32_t, s: cython.pointer(Segment), side: cython.int) -> cython.bint:
    """Whether the connection at `place` has the 4-tuple of `s`, sent by endpoint `side`."""
    if place & EMBRYO:
        return is_embryo_of(cython.address(t.embryos[place & ~EMBRYO]), s)
    if place & GONE:
        return t.gone[place & ~GONE].fingerprint == hash_of(s, side, t.multipliers + SECOND_HASH)
    return _is(cython.address(t.connections[place - 1]), s, side)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _any(table: cython.p_void) -> cython.pointer(cython.p_void):
    """Return the address of a pointer to a table, whatever its rows are."""
    return cython.cast(cython.pointer(cython.p_void), table)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _number(t: Tracker, place: uint32_t) -> int64_t:
    """Give the next number to the connection at `place`; return its position, or -1 when memory is out."""
    space: cython.Py_ssize_t
    numbers: cython.pointer(uint32_t)
    if t.place_count == t.place_space:
        space = more(_any(cython.address(t.places)), t.place_space, cython.sizeof(uint32_t))
        if space == 0:
            return -1
        t.place_space = space
        if t.numbers != cython.NULL:
            numbers = cython.cast(cython.pointer(uint32_t), realloc(t.numbers, space * cython.sizeof(uint32_t)))
            if numbers == cython.NULL:
                return -1
            t.numbers = numbers
    t.places[t.place_count] = place
    if t.numbers != cython.NULL:
        t.numbers[t.place_count] = cython.cast(uint32_t, t.connection_count)
    if not place & EMBRYO:
        t.connections[place - 1].number = cython.cast(uint32_t, t.place_count)
    t.last_number = cython.cast(uint32_t, t.connection_count)
    t.connection_count += 1
    t.place_count += 1
    return t.place_count - 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _lay(t: Tracker, s: cython.pointer(Segment), slot: cython.pointer(Slot)) -> cython.int:
    """Make an embryo of a plain SYN; return -1 when memory is out."""
    space: cython.Py_ssize_t
    number: cython.Py_ssize_t = t.embryos_laid
    position: int64_t
    if t.free_embryo:
        number = t.free_embryo - 1
        t.free_embryo = t.embryos[number].id
    else:
        if number == t.embryo_space:
            space = more(_any(cython.address(t.embryos)), t.embryo_space, cython.sizeof(Embryo))
            if space == 0:
                return -1
            t.embryo_space = space
        t.embryos_laid += 1
    slot.place = EMBRYO | cython.cast(uint32_t, number)
    position = _number(t, slot.place)
    if position < 0:
        return -1
    to_embryo(cython.address(t.embryos[number]), s, cython.cast(uint32_t, position))
    t.embryo_count += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _new_row(t: Tracker, e: cython.pointer(Embryo)) -> int64_t:
    """Book the SYN of an embryo in a new row; return the row, or -1 when memory is out."""
    syn: Segment
    side: cython.int
    row: int64_t
    to_segment(e, cython.address(syn))
    side = sender(cython.address(syn))
    row = _new_connection(t, cython.address(syn), side, -1)
    if row < 0 or _take(t, row, cython.address(syn), side) < 0:
        return -1
    return row


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _hatch(t: Tracker, place: uint32_t) -> int64_t:
    """Turn an embryo into a connection, which keeps its number; return the row, or -1 when memory is out."""
    e: cython.pointer(Embryo) = cython.address(t.embryos[place & ~EMBRYO])
    row: int64_t = _new_row(t, e)
    if row < 0:
        return -1
    t.places[e.id] = cython.cast(uint32_t, row + 1)
    t.connections[row].number = e.id
    e.id = t.free_embryo
    t.free_embryo = (place & ~EMBRYO) + 1
    t.embryo_count -= 1
    return row


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _new_connection(t: Tracker, s: cython.pointer(Segment), side: cython.int, older: int64_t) -> int64_t:
    """Append a row for the 4-tuple of `s`; return its index, or -1 when memory is out."""
    c: cython.pointer(Connection)
    space: cython.Py_ssize_t
    index: cython.Py_ssize_t = t.row_count
    if t.free_row:
        index = t.free_row - 1
        t.free_row = t.connections[index].number
    elif index == t.row_space:
        space = more(_any(cython.address(t.connections)), t.row_space, cython.sizeof(Connection))
        if space == 0:
            return -1
        t.row_space = space
    c = cython.address(t.connections[index])
    memset(c, 0, cython.sizeof(Connection))
    c.high[side] = s.src_high
    c.low[side] = s.src_low
    c.port[side] = s.src_port
    c.high[1 - side] = s.dst_high
    c.low[1 - side] = s.dst_low
    c.port[1 - side] = s.dst_port
    c.family = s.family
    c.first_time_ns = s.time_ns
    c.last_time_ns = s.time_ns
    c.first_frame = s.frame
    c.opener = NOBODY
    c.closed_first = NOBODY
    c.first_sender = cython.cast(uint8_t, side)
    c.incarnation = 1
    if s.src_low == s.dst_low and s.src_port == s.dst_port and s.src_high == s.dst_high:
        c.flags |= SELF_CONNECTED
    if older >= 0:
        c.older = cython.cast(uint32_t, older + 1)
        t.connections[older].newer = cython.cast(uint32_t, index + 1)
        # An ACK with the old numbers answers the new SYN (RFC 5961 section 4).
        t.connections[older].flow[1 - side].flags |= WATCH_ACK
        c.incarnation = t.connections[older].incarnation + 1 if t.connections[older].incarnation < 65535 else 65535
    if index == t.row_count:
        t.row_count = index + 1
    return index


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _older_of(t: Tracker, c: cython.pointer(Connection)) -> cython.pointer(Connection):
    """Return the incarnation before `c`, which has one: of one that has left, what there is to compare with."""
    if c.older & GONE:
        from_former(cython.address(t.gone[c.older & ~GONE].newest), cython.address(t.compared[1]))
        return cython.address(t.compared[1])
    return cython.address(t.connections[c.older - 1])


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _come_late(t: Tracker, m: cython.pointer(Former), s: cython.pointer(Segment), side: cython.int) -> cython.void:
    """Count a segment of an incarnation that has left, and note what tells it from the next one's."""
    t.late_count += 1
    if s.kind != TCP:
        return
    m.flags[side] |= SEEN
    if s.length:
        m.more[side] |= MORE_THAN_NOTHING
    if (s.flags & (SYN | ACK)) != SYN:
        m.more[side] |= MORE_THAN_SYNS
    if s.flags & SYN:
        m.flags[side] |= SYN_ACK_SEEN if s.flags & ACK else SYN_SEEN
        if not m.flags[side] & HAS_ISN:
            m.flags[side] |= HAS_ISN | HAS_NEXT
            m.isn[side] = s.seq
            m.next[side] = s.seq + 1 + s.length
    if s.flags & ACK and not s.flags & RST and (not m.flags[side] & HAS_ACKED or covers(s.ack, m.acked[side])):
        m.flags[side] |= HAS_ACKED
        m.acked[side] = s.ack


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _unlist(t: Tracker, index: uint32_t) -> cython.void:
    """Take a Gone row out of those that can be forgotten."""
    g: cython.pointer(Gone) = cython.address(t.gone[index])
    if g.before:
        t.gone[g.before - 1].after = g.after
    else:
        t.first_gone = g.after
    if g.after:
        t.gone[g.after - 1].before = g.before
    else:
        t.last_gone = g.before
    g.bits &= ~cython.cast(uint8_t, LISTED)
    t.gone_count -= 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _is_mirrored(t: Tracker, s: cython.pointer(Segment), key: cython.pointer(Key)) -> cython.bint:
    """Whether `s` is a second copy of the same segment within 10 ms: made by the capture, not by the sender."""
    signature: uint64_t = key.signature
    slot: cython.pointer(Recent) = cython.address(t.recent[key.recent])
    age: int64_t = s.time_ns - slot.time_ns
    if signature == NOT_TOLD_APART:
        return False
    if slot.signature == signature and -MIRROR_NS <= age <= MIRROR_NS:
        return True
    slot.signature = signature
    slot.time_ns = s.time_ns
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _rare(t: Tracker, c: cython.pointer(Connection)) -> cython.pointer(Rare):
    """Return the Rare row of `c`, to write to; it gets one, or where memory is out a row that is nobody's."""
    space: cython.Py_ssize_t
    link: uint32_t = t.free_rare
    if c.rare:
        return cython.address(t.rare[c.rare - 1])
    if link:
        t.free_rare = t.rare[link - 1].next
    else:
        if t.rare_count == t.rare_space:
            space = more(_any(cython.address(t.rare)), t.rare_space, cython.sizeof(Rare))
            if space == 0:
                t.out_of_memory = True
                return cython.address(t.lost_rare)
            t.rare_space = space
        t.rare_count += 1
        link = cython.cast(uint32_t, t.rare_count)
    c.rare = link
    memset(cython.address(t.rare[link - 1]), 0, cython.sizeof(Rare))
    return cython.address(t.rare[link - 1])


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _again(f: cython.pointer(RareFlow)) -> uint32_t:
    """How often data was seen that had been seen before, whoever repeated it."""
    return f.data_retransmissions + f.keep_alives + f.data_duplicates


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _count_copy(t: Tracker, c: cython.pointer(Connection), s: cython.pointer(Segment), side: cython.int) -> cython.void:
    """Book a mirrored copy."""
    f: cython.pointer(RareFlow) = cython.address(_rare(t, c).flow[side])
    f.duplicates += 1
    c.flags |= MIRRORED
    if s.length:
        f.data_duplicates += 1
        remember_scaled(c, side, LETTER_RETRANSMISSION, _again(f))
    c.last_frame = s.frame


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _new_kept(t: Tracker) -> uint32_t:
    """Return the number, counted from 1, of a free row of evidence; 0 when memory is out."""
    space: cython.Py_ssize_t
    link: uint32_t = t.free_evidence
    if link:
        t.free_evidence = t.evidence[link - 1].next
        return link
    if t.evidence_count == t.evidence_space:
        space = more(_any(cython.address(t.evidence)), t.evidence_space, cython.sizeof(Kept))
        if space == 0:
            return 0
        t.evidence_space = space
    t.evidence_count += 1
    return cython.cast(uint32_t, t.evidence_count)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _append(t: Tracker, c: cython.pointer(Connection), e: cython.pointer(Evidence)) -> cython.int:
    """Append `e` to the evidence of `c`; over the bound it takes the last one's place."""
    rare: cython.pointer(Rare)
    k: cython.pointer(Kept)
    link: uint32_t
    wide: uint32_t
    if c.evidence >= EVIDENCE_BOUND:
        rare = _rare(t, c)
        rare.evidence_dropped += rare.evidence_dropped < 65535
        k = cython.address(t.evidence[c.last_evidence - 1])
        wide = k.next
    else:
        link = _new_kept(t)
        if link == 0:
            return -1
        k = cython.address(t.evidence[link - 1])
        k.next = 0
        wide = 0
        if c.last_evidence:
            # A wide row's chain goes on behind its second half.
            if t.evidence[c.last_evidence - 1].bits & IS_WIDE:
                t.evidence[t.evidence[c.last_evidence - 1].next - 1].next = link
            else:
                t.evidence[c.last_evidence - 1].next = link
        else:
            c.first_evidence = link
        c.last_evidence = link
        c.evidence += 1
    pack(k, e, c.first_frame)
    if wide == 0 and is_wide(e, c.first_frame):
        wide = _new_kept(t)
        if wide == 0:
            return -1
        k = cython.address(t.evidence[c.last_evidence - 1])
        k.next = wide
        t.evidence[wide - 1].next = 0
    if wide:
        k.bits |= IS_WIDE
        pack_wide(cython.cast(cython.pointer(Wide), cython.address(t.evidence[wide - 1])), e)
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _keep(
    t: Tracker, c: cython.pointer(Connection), s: cython.pointer(Segment), side: cython.int, marks: cython.int
) -> cython.int:
    """Append `s` to the evidence of `c`."""
    e: Evidence
    p: cython.pointer(Flow) = cython.address(c.flow[1 - side])
    e.time_ns = s.time_ns
    e.frame = s.frame
    e.seq = s.seq
    e.ack = s.ack
    e.length = s.length
    e.window = s.window
    e.flags = s.flags
    e.sender = cython.cast(uint8_t, side)
    e.detail = 0
    if s.flags & RST and p.flags & HAS_ACKED:
        e.detail = cython.cast(uint64_t, p.acked) << 32 | p.window
        if p.flags & HAS_ISN and c.flow[side].flags & HAS_ISN:
            marks |= WINDOW_KNOWN
    e.marks = cython.cast(uint8_t, marks)
    return _append(t, c, cython.address(e))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _note_icmp(t: Tracker, newest: int64_t, s: cython.pointer(Segment), side: cython.int) -> cython.int:
    """Keep an ICMP error with the incarnation whose segment it quotes."""
    rare: cython.pointer(Rare)
    c: cython.pointer(Connection) = cython.address(t.connections[newest])
    e: Evidence
    f: cython.pointer(Flow) = cython.address(c.flow[side])
    if c.older and f.flags & HAS_NEXT and not -65536 <= distance(f.next, s.seq) <= 65536:
        if c.older & GONE:
            t.late_count += 1
            return 0
        c = cython.address(t.connections[c.older - 1])
    if c.evidence >= EVIDENCE_BOUND:
        rare = _rare(t, c)
        rare.evidence_dropped += rare.evidence_dropped < 65535
        return 0
    e.time_ns = s.time_ns
    e.frame = s.frame
    e.detail = cython.cast(uint64_t, s.seq) << 32 | cython.cast(uint64_t, s.icmp_type) << 8 | s.icmp_code
    e.flags = 0
    e.sender = cython.cast(uint8_t, side)
    e.marks = ICMP
    e.seq = cython.cast(uint32_t, s.reporter_high >> 32)
    e.ack = cython.cast(uint32_t, s.reporter_high)
    e.length = cython.cast(uint32_t, s.reporter_low >> 32)
    e.window = cython.cast(uint32_t, s.reporter_low)
    return _append(t, c, cython.address(e))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _take_syn(t: Tracker, c: cython.pointer(Connection), s: cython.pointer(Segment), side: cython.int) -> cython.void:
    """Note ISN, options and copies of a SYN or SYN-ACK."""
    rare: cython.pointer(RareFlow)
    f: cython.pointer(Flow) = cython.address(c.flow[side])
    p: cython.pointer(Flow) = cython.address(c.flow[1 - side])
    bare: cython.bint = not s.flags & ACK
    if c.opener == NOBODY:
        c.opener = cython.cast(uint8_t, side if bare else 1 - side)
    if bare and p.flags & SYN_ACK_SEEN and not f.flags & HAS_ISN:
        c.flags |= SWAPPED
    if not f.flags & HAS_ISN or (s.seq != f.isn and not p.flags & ACKED_SYN):
        # A server that keeps no state answers a second SYN with a second ISN; the client's ACK tells which one counts.
        if not f.flags & HAS_NEXT or f.flags & HAS_ISN or f.bytes == 0 or covers(s.seq + 1, f.next):
            f.next = s.seq + 1 + s.length
            f.in_order = f.next
        f.isn = s.seq
        f.flags |= HAS_ISN | HAS_NEXT
        if f.flags & FIN_SEEN and distance(f.fin, s.seq + 1) >= 0:
            # What lies before the ISN was never part of this connection.
            f.flags &= ~cython.cast(uint16_t, FIN_SEEN)
        f.options = s.options
        f.mss = s.mss if s.options & OPTION_MSS else 0
        f.window_scale = (s.window_scale if s.window_scale < 14 else 14) if s.options & OPTION_WINDOW_SCALE else 0
        f.bytes = s.length
        if c.rare or s.fast_open or s.flags & ABOVE_ACK:
            rare = cython.address(_rare(t, c).flow[side])
            rare.fast_open = s.fast_open
            rare.syn_bits = cython.cast(uint8_t, (s.flags & ABOVE_ACK) >> 4)
    if bare:
        f.flags |= SYN_SEEN
        f.syns += f.syns < 65535
    else:
        f.flags |= SYN_ACK_SEEN
        f.syn_acks += f.syn_acks < 65535


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _take_payload(
    t: Tracker, c: cython.pointer(Connection), s: cython.pointer(Segment), side: cython.int
) -> cython.int:
    """Place the segment's numbers in its direction; return NEW_DATA and FILLED_HOLE as they apply."""
    f: cython.pointer(Flow) = cython.address(c.flow[side])
    fin: uint32_t = 1 if s.flags & FIN else 0
    end: uint32_t = s.seq + s.length + fin
    new: uint32_t
    result: cython.int = 0
    d: int32_t
    if not f.flags & HAS_NEXT:
        f.flags |= HAS_NEXT
        f.next = s.seq
        f.in_order = s.seq
    d = distance(f.next, s.seq)
    if d == 0:
        if f.in_order == f.next:
            f.in_order = end
        f.next = end
        new = s.length
    elif d > 0:
        # A hole: the bytes between may come yet; they are missing only when the peer acknowledges them unseen.
        if f.in_order == f.next:
            _rare(t, c).flow[side].beyond = s.seq
        f.next = end
        new = s.length
    else:
        new = 0
        if covers(end, f.next):
            new = cython.cast(uint32_t, distance(f.next, end)) - fin
            if f.in_order == f.next:
                f.in_order = end
            f.next = end
        elif s.length:
            remember_scaled(c, side, LETTER_RETRANSMISSION, _again(cython.address(rare_of(t, c).flow[side])) + 1)
        if f.in_order != f.next and distance(f.in_order, s.seq) <= 0 and covers(end, f.in_order):
            if new == 0:
                new = cython.cast(uint32_t, distance(f.in_order, end)) - fin
            f.in_order = end
            if distance(rare_of(t, c).flow[side].beyond, f.in_order) >= 0:
                f.in_order = f.next
                result = FILLED_HOLE
        elif new == 0:
            # A number below SND.NXT that was the SYN's or a FIN's is another matter.
            if (
                s.length <= 1
                and s.seq + 1 == f.next
                and not fin
                and not f.flags & FIN_SEEN
                and not (f.flags & HAS_ISN and s.seq == f.isn)
            ):
                _rare(t, c).flow[side].keep_alives += 1
            elif s.length:
                _rare(t, c).flow[side].data_retransmissions += 1
    if new:
        f.bytes += new
        result |= NEW_DATA
        if c.flags & FIN_ANYWHERE:
            _rare(t, c).flow[side].after_fin += new
    return result


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _take_ack(t: Tracker, c: cython.pointer(Connection), s: cython.pointer(Segment), side: cython.int) -> cython.int:
    """Note what the segment acknowledges; return 1 when it is evidence, plus WRONG_ACK << 8 when it cannot be right."""
    f: cython.pointer(Flow) = cython.address(c.flow[side])
    p: cython.pointer(Flow) = cython.address(c.flow[1 - side])
    keep: cython.int = 0
    hole: int32_t
    beyond: uint32_t
    if p.flags & HAS_NEXT and covers(s.ack, p.next):
        if p.flags & FIN_SEEN and distance(p.fin, p.next) >= 0:
            return 1 | WRONG_ACK << 8
        if p.flags & HAS_ISN and not f.flags & ACKED_SYN and p.segments <= p.syns + p.syn_acks:
            return 1 | WRONG_ACK << 8
        _rare(t, c).flow[1 - side].missing += cython.cast(uint32_t, distance(p.next, s.ack))
        remember(c, 1 - side, LETTER_GAP)
        if p.in_order == p.next:
            p.in_order = s.ack
        p.next = s.ack
    if p.flags & HAS_ISN and not f.flags & ACKED_SYN:
        if not covers(s.ack, p.isn):
            return 1 | WRONG_ACK << 8
        f.flags |= ACKED_SYN
        keep = 1
    if p.flags & HAS_NEXT and p.in_order != p.next and covers(s.ack, p.in_order):
        # The peer has what the capture lacks: the hole is one of the capture.
        beyond = rare_of(t, c).flow[1 - side].beyond
        hole = distance(p.in_order, s.ack if covers(beyond, s.ack) else beyond)
        if hole > 0:
            _rare(t, c).flow[1 - side].missing += hole
            remember(c, 1 - side, LETTER_GAP)
        p.in_order = s.ack
        if distance(beyond, p.in_order) >= 0:
            p.in_order = p.next
    if not f.flags & HAS_ACKED:
        f.flags |= HAS_ACKED
        f.acked = s.ack
    elif covers(s.ack, f.acked):
        f.acked = s.ack
    if p.flags & FIN_SEEN and distance(p.fin, s.ack) >= 0 and (not f.flags & ACKED_FIN or f.flags & WATCH_FIN):
        f.flags = (f.flags | ACKED_FIN) & ~cython.cast(uint16_t, WATCH_FIN)
        keep = 1
    return keep


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _take(t: Tracker, index: int64_t, s: cython.pointer(Segment), side: cython.int) -> cython.int:
    """Book one segment; return -1 when memory is out."""
    c: cython.pointer(Connection) = cython.address(t.connections[index])
    f: cython.pointer(Flow) = cython.address(c.flow[side])
    p: cython.pointer(Flow) = cython.address(c.flow[1 - side])
    flags: uint16_t = s.flags
    ended: cython.bint = (f.flags & ACKED_FIN) != 0 and (p.flags & ACKED_FIN) != 0
    keep: cython.bint = (flags & (SYN | FIN | RST)) != 0
    marks: cython.int = LATE if ended else 0
    payload: cython.int = 0
    found: cython.int
    scale: cython.int
    rare: cython.pointer(RareFlow)

    f.segments += 1
    c.last_frame = s.frame
    if s.time_ns < c.last_time_ns:
        c.flags |= CLOCK_BACK
        if s.time_ns < c.first_time_ns:
            c.first_time_ns = s.time_ns
    else:
        c.last_time_ns = s.time_ns
    if c.flags & SELF_CONNECTED:
        # Which of the two directions a segment took cannot be known: nothing but the counts is kept.
        f.flags |= SEEN
        f.bytes += s.length
        f.fins += (flags & FIN) != 0
        if flags & SYN and c.opener == NOBODY:
            c.opener = 0
            _take_syn(t, c, s, side)
        return _keep(t, c, s, side, 0) if keep else 0
    if s.marks & MARK_BAD_CHECKSUM:
        rare = cython.address(_rare(t, c).flow[side])
        rare.bad_checksums += rare.bad_checksums < 65535

    remember_segment(c, s, side)
    if s.window == 0 and not flags & RST and not p.flags & FIN_SEEN and not f.flags & RST_SEEN:
        remember_scaled(c, side, LETTER_ZERO_WINDOW, rare_of(t, c).flow[side].zero_windows + 1)
    if flags & SYN:
        _take_syn(t, c, s, side)
        if flags & ACK and p.flags & ACKED_SYN:
            # It was acknowledged before, or a bare SYN was: the next ACK is the one that counts.
            p.flags |= WATCH_ACK
    elif flags & RST:
        if f.flags & HAS_NEXT and s.seq == f.next:
            marks |= IN_ORDER
    else:
        payload = _take_payload(t, c, s, side)
        marks |= payload
        if s.length > p.mss and p.mss and p.flags & HAS_ISN:
            f.flags |= OVERSIZED
        if payload & FILLED_HOLE and f.flags & FIN_SEEN:
            keep = True
    if flags & ACK and not flags & RST:
        found = _take_ack(t, c, s, side)
        if found:
            keep = True
            marks |= found >> 8

    # The last advertised window is scaled only when both ends offered to (RFC 7323 section 2.2), and never on a SYN.
    scale = 0
    if f.options & p.options & OPTION_WINDOW_SCALE and not flags & SYN:
        scale = f.window_scale
    if not flags & RST:
        f.window = cython.cast(uint32_t, s.window) << scale
        if s.window == 0 and not flags & (SYN | FIN):
            _rare(t, c).flow[side].zero_windows += 1
    if flags & FIN and not flags & (SYN | RST):
        if not f.flags & FIN_SEEN:
            rare = cython.address(rare_of(t, c).flow[side])
            if rare.missing and p.flags & HAS_ACKED and distance(s.seq + s.length + 1, p.acked) >= 0:
                # Its number was acknowledged before it was captured, and was taken for a byte.
                rare.missing -= 1
            f.flags |= FIN_SEEN
            f.fin = s.seq + s.length + 1
        f.fins += f.fins < 65535
        c.flags |= FIN_ANYWHERE
        p.flags |= WATCH_FIN | WATCH_DATA
    if flags & RST:
        f.flags |= RST_SEEN
        c.flags |= RST_ANYWHERE
        f.flags |= WATCH_ACK | WATCH_DATA
        p.flags |= WATCH_ACK | WATCH_DATA
    elif not flags & (SYN | FIN):
        if s.length:
            if f.flags & WATCH_DATA and payload & NEW_DATA:
                f.flags &= ~cython.cast(uint16_t, WATCH_DATA)
                keep = True
        elif f.flags & WATCH_ACK:
            f.flags &= ~cython.cast(uint16_t, WATCH_ACK)
            keep = True
    if (
        f.flags & (PROGRESSED | SYN_ACK_SEEN) == SYN_ACK_SEEN
        and not flags & (SYN | RST)
        and (s.length or flags & FIN or (p.flags & HAS_ISN and covers(s.ack, p.isn + 1)))
    ):
        f.flags |= PROGRESSED
        keep = True
    if f.flags & SYN_SEEN and not p.flags & SEEN and f.segments == cython.cast(uint32_t, f.syns) + 1:
        # With the other direction not captured, the first segment after the SYN shows that a SYN-ACK had come.
        keep = True
    f.flags |= SEEN
    if keep or ended:
        return _keep(t, c, s, side, marks)
    return 0
