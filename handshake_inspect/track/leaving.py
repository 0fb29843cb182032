"""Connections leave the table: their rows are used again, and of each a Gone row stays that a later segment meets.

Which ones leave is the verdicts' to say (verdict/leaving.py).  Of the incarnations of one 4-tuple the older leaves
first.  A Gone row that a later incarnation asks for stays as long as that; of the others the last ones that left.
"""

import cython
from cython.cimports.handshake_inspect.track.embryo import EMBRYO
from cython.cimports.handshake_inspect.track.gone import GONE, HAS_OLDER, LISTED, LIVES, Gone, to_former
from cython.cimports.handshake_inspect.track.memory import more
from cython.cimports.handshake_inspect.track.table import IS_WIDE, Connection
from cython.cimports.handshake_inspect.track.tracker import Tracker, home_of
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import malloc


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def let_go(t: Tracker, position: cython.Py_ssize_t, lives: cython.bint) -> cython.int:
    """Free the connection at `position` of the places, which holds nothing from then on; return -1 when memory is out.

    The incarnation before it has left.  `lives`: it is not over, so what comes next begins another connection.
    """
    place: uint32_t = t.places[position]
    number: uint32_t = t.number_of(position)
    row: int64_t
    c: cython.pointer(Connection)
    index: int64_t
    last: uint32_t
    if not _has_numbers(t):
        return -1
    row = t.row_of(position)
    if row < 0:
        return -1
    c = cython.address(t.connections[row])
    index = _remember(t, c, number, lives)
    if index < 0:
        return -1
    if c.newer:
        t.connections[c.newer - 1].older = GONE | cython.cast(uint32_t, index)
    else:
        _slot_of(t, t.gone[index].tag, place, GONE | cython.cast(uint32_t, index))
        _list(t, cython.cast(uint32_t, index))
    if place & EMBRYO:
        t.embryos[place & ~EMBRYO].id = t.free_embryo
        t.free_embryo = (place & ~EMBRYO) + 1
        t.embryo_count -= 1
    else:
        if c.last_evidence:
            last = c.last_evidence
            if t.evidence[last - 1].bits & IS_WIDE:
                last = t.evidence[last - 1].next
            t.evidence[last - 1].next = t.free_evidence
            t.free_evidence = c.first_evidence
        if c.rare:
            t.rare[c.rare - 1].next = t.free_rare
            t.free_rare = c.rare
        c.family = 0
        c.number = t.free_row
        t.free_row = cython.cast(uint32_t, row + 1)
    t.places[position] = 0
    t.left_count += 1
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def close_up(t: Tracker) -> cython.void:
    """Close the gaps in the places: the connections that are there move to other positions, and keep their order."""
    position: cython.Py_ssize_t
    kept: cython.Py_ssize_t = 0
    place: uint32_t
    if t.numbers == cython.NULL:
        return
    for position in range(t.place_count):
        place = t.places[position]
        if place == 0:
            continue
        if kept != position:
            t.places[kept] = place
            t.numbers[kept] = t.numbers[position]
            if place & EMBRYO:
                t.embryos[place & ~EMBRYO].id = cython.cast(uint32_t, kept)
            else:
                t.connections[place - 1].number = cython.cast(uint32_t, kept)
        kept += 1
    t.place_count = kept


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def forget(t: Tracker, most: cython.Py_ssize_t) -> cython.void:
    """Forget those that left first, until `most` are left to be forgotten: their 4-tuples are as new."""
    index: uint32_t
    g: cython.pointer(Gone)
    while t.gone_count > most:
        index = t.first_gone - 1
        g = cython.address(t.gone[index])
        _slot_of(t, g.tag, GONE | index, 0)
        t.first_gone = g.after
        if g.after:
            t.gone[g.after - 1].before = 0
        else:
            t.last_gone = 0
        t.gone_count -= 1
        g.after = t.free_gone
        t.free_gone = index + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _has_numbers(t: Tracker) -> cython.bint:
    """Keep the numbers of the places from now on; False when memory is out."""
    i: cython.Py_ssize_t
    if t.numbers != cython.NULL:
        return True
    t.numbers = cython.cast(cython.pointer(uint32_t), malloc(t.place_space * cython.sizeof(uint32_t)))
    if t.numbers == cython.NULL:
        return False
    for i in range(t.place_count):
        t.numbers[i] = cython.cast(uint32_t, i)
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _remember(t: Tracker, c: cython.pointer(Connection), number: uint32_t, lives: cython.bint) -> int64_t:
    """Keep what a later segment asks of `c`, in the row of the incarnation before it or a new one; -1: no memory."""
    index: int64_t
    g: cython.pointer(Gone)
    if c.older:
        index = cython.cast(int64_t, c.older & ~GONE)
        g = cython.address(t.gone[index])
        g.older = g.newest
        g.bits = HAS_OLDER
    else:
        index = _new_gone(t)
        if index < 0:
            return -1
        g = cython.address(t.gone[index])
        g.bits = 0
    if lives:
        g.bits |= cython.cast(uint8_t, LIVES)
    to_former(cython.address(g.newest), c)
    t.keys_of(c, g)
    g.first_frame = c.first_frame
    g.challenge = 0
    g.number = number
    g.incarnation = c.incarnation
    return index


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _new_gone(t: Tracker) -> int64_t:
    """Return the index of a free Gone row, or -1 when memory is out."""
    index: int64_t
    space: cython.Py_ssize_t
    if t.free_gone:
        index = cython.cast(int64_t, t.free_gone) - 1
        t.free_gone = t.gone[index].after
        return index
    if t.gone_laid == t.gone_space:
        space = more(
            cython.cast(cython.pointer(cython.p_void), cython.address(t.gone)), t.gone_space, cython.sizeof(Gone)
        )
        if space == 0:
            return -1
        t.gone_space = space
    t.gone_laid += 1
    return t.gone_laid - 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _list(t: Tracker, index: uint32_t) -> cython.void:
    """Put a Gone row last among those that can be forgotten."""
    g: cython.pointer(Gone) = cython.address(t.gone[index])
    g.before = t.last_gone
    g.after = 0
    if t.last_gone:
        t.gone[t.last_gone - 1].after = index + 1
    else:
        t.first_gone = index + 1
    t.last_gone = index + 1
    g.bits |= cython.cast(uint8_t, LISTED)
    t.gone_count += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _slot_of(t: Tracker, tag: uint32_t, place: uint32_t, instead: uint32_t) -> cython.void:
    """Let the slot that leads to `place` lead elsewhere, or free it (`instead` 0)."""
    mask: uint64_t = t.slot_mask
    at: uint64_t = home_of(t, tag)
    gap: uint64_t
    while t.slots[at].place != place:
        at = (at + 1) & mask
    t.slots[at].place = instead
    if instead:
        return
    # Whoever stands behind the gap and would have stood nearer to it moves up, so that no search ends too early.
    gap = at
    while True:
        at = (at + 1) & mask
        if t.slots[at].place == 0:
            break
        if ((at - home_of(t, t.slots[at].tag)) & mask) >= ((at - gap) & mask):
            t.slots[gap] = t.slots[at]
            t.slots[at].place = 0
            gap = at
    t.tuples -= 1
