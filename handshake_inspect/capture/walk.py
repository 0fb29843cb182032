"""Walks the records of a buffer, one call a batch: bytes in, rows of the Frame column out.

A walker is given the unread part of a buffer and a column, and fills rows until the
column is full, the bytes end, or something needs the reader in Python: then it says which in
`stop`.  It never looks outside the bytes it was given, and its work is linear in them.

Sources: draft-ietf-opsawg-pcap (pcap), draft-ietf-opsawg-pcapng (pcapng).
"""

import cython
from cython.cimports.handshake_inspect.columns import Frame
from cython.cimports.libc.stdint import int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, realloc
from cython.cimports.libc.string import memcpy

# What `stop` says; the readers hold the sentences that go with the faults.
MORE = cython.declare(cython.int, 0)
FULL = cython.declare(cython.int, 1)
TOO_LONG = cython.declare(cython.int, 2)
SECTION = cython.declare(cython.int, 3)
INTERFACE = cython.declare(cython.int, 4)
BLOCK_SHORT = cython.declare(cython.int, 5)
BLOCK_UNALIGNED = cython.declare(cython.int, 6)
BLOCK_TRAILER = cython.declare(cython.int, 7)
BLOCK_TOO_LONG = cython.declare(cython.int, 8)
PACKET_SHORT = cython.declare(cython.int, 9)
PACKET_TOO_LONG = cython.declare(cython.int, 10)
NO_INTERFACE = cython.declare(cython.int, 11)

STOPS = {
    "MORE": MORE,
    "FULL": FULL,
    "TOO_LONG": TOO_LONG,
    "SECTION": SECTION,
    "INTERFACE": INTERFACE,
    "BLOCK_SHORT": BLOCK_SHORT,
    "BLOCK_UNALIGNED": BLOCK_UNALIGNED,
    "BLOCK_TRAILER": BLOCK_TRAILER,
    "BLOCK_TOO_LONG": BLOCK_TOO_LONG,
    "PACKET_SHORT": PACKET_SHORT,
    "PACKET_TOO_LONG": PACKET_TOO_LONG,
    "NO_INTERFACE": NO_INTERFACE,
}
"""The values of `stop` by name: MORE and FULL are ordinary, SECTION and INTERFACE ask for the reader, the rest are
faults."""

NEVER_SWAPPED = cython.declare(cython.int, 0)
MAYBE_SWAPPED = cython.declare(cython.int, 1)
ALWAYS_SWAPPED = cython.declare(cython.int, 2)

BILLION = cython.declare(uint64_t, 1000000000)
TIME_MAX = cython.declare(int64_t, 0x7FFFFFFFFFFFFFFF)
TIME_MIN = cython.declare(int64_t, -0x7FFFFFFFFFFFFFFF)

SECTION_BLOCK = cython.declare(uint32_t, 0x0A0D0D0A)
INTERFACE_BLOCK = cython.declare(uint32_t, 1)
OBSOLETE_PACKET_BLOCK = cython.declare(uint32_t, 2)
SIMPLE_PACKET_BLOCK = cython.declare(uint32_t, 3)
ENHANCED_PACKET_BLOCK = cython.declare(uint32_t, 6)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def turned(word: uint32_t) -> uint32_t:
    """Return `word` in the other byte order."""
    return (word >> 24) | ((word >> 8) & 0xFF00) | ((word << 8) & 0xFF0000) | (word << 24)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def word_at(data: cython.pointer(cython.const[uint8_t]), foreign: cython.bint) -> uint32_t:
    """Return the 32 bits at `data`, of which the caller knows that they are there."""
    word: uint32_t = 0
    memcpy(cython.address(word), data, 4)
    return turned(word) if foreign else word


@cython.cclass
class Walker:
    """What both walkers keep between calls.

    `used` is where the next call is to begin, `count` the rows filled so far in the column,
    `needed` the bytes from `used` on that the next record wants (with stop MORE: at least), `claimed` and `other` the
    numbers that a fault is about.  `first_ns` and `last_ns` are the smallest and largest time of all rows, once `any`.
    """

    stop = cython.declare(cython.int, visibility="public")
    used = cython.declare(cython.Py_ssize_t, visibility="public")
    count = cython.declare(cython.Py_ssize_t, visibility="public")
    needed = cython.declare(uint64_t, visibility="public")
    claimed = cython.declare(uint64_t, visibility="public")
    other = cython.declare(uint64_t, visibility="public")
    any = cython.declare(cython.bint, visibility="public")
    first_ns = cython.declare(int64_t, visibility="public")
    last_ns = cython.declare(int64_t, visibility="public")
    foreign = cython.declare(cython.bint, visibility="public")
    largest = cython.declare(uint64_t, visibility="public")


@cython.cclass
class PcapWalker(Walker):
    """Walks pcap records: `header` bytes (16 or more), then the captured bytes.

    `foreign`: the byte order is not this machine's.  `unit_ns`: of the time fraction.  `largest`: the most bytes
    that a record may claim.  `lengths`: whether captured and wire length may have changed places (0 no, 1 where
    captured is the larger, 2 always).
    """

    header: cython.Py_ssize_t
    unit_ns: int64_t
    lengths: cython.int
    link_type: uint16_t

    def __init__(
        self, foreign: bool, header: cython.Py_ssize_t, unit_ns: int, lengths: cython.int, link_type: int, largest: int
    ):
        assert header >= 16
        self.foreign = foreign
        self.header = header
        self.unit_ns = unit_ns
        self.lengths = lengths
        self.link_type = link_type
        self.largest = largest

    def walk(
        self,
        buffer: cython.const[uint8_t][::1],
        begin: cython.Py_ssize_t,
        end: cython.Py_ssize_t,
        offset: uint64_t,
        column: Frame[::1],
        row: cython.Py_ssize_t,
    ):
        """Fill `column` from `row` on with the records in `buffer[begin:end]`; `offset` is that of `buffer[0]`."""
        assert 0 <= begin <= end <= buffer.shape[0] and end <= 0xFFFFFFFF and 0 <= row <= column.shape[0]
        rows: cython.Py_ssize_t = column.shape[0]
        at: cython.Py_ssize_t = begin
        header: cython.Py_ssize_t = self.header
        foreign: cython.bint = self.foreign
        lengths: cython.int = self.lengths
        largest: uint64_t = self.largest
        unit: int64_t = self.unit_ns
        low: int64_t = self.first_ns if self.any else TIME_MAX
        high: int64_t = self.last_ns if self.any else TIME_MIN
        start_row: cython.Py_ssize_t = row
        stop: cython.int = MORE
        captured: uint32_t
        wire: uint32_t
        time_ns: int64_t
        record: cython.pointer(cython.const[uint8_t])
        frame: cython.pointer(Frame)
        self.needed = header
        with cython.nogil:
            while True:
                if end - at < header:
                    break
                if row == rows:
                    stop = FULL
                    break
                record = cython.address(buffer[at])
                captured = word_at(record + 8, foreign)
                wire = word_at(record + 12, foreign)
                if lengths != NEVER_SWAPPED and (lengths == ALWAYS_SWAPPED or captured > wire):
                    captured, wire = wire, captured
                if captured > largest:
                    stop = TOO_LONG
                    self.claimed = captured
                    break
                if end - at - header < captured:
                    self.needed = header + captured
                    self.claimed = captured
                    break
                time_ns = cython.cast(int64_t, word_at(record, foreign)) * 1000000000
                time_ns += cython.cast(int64_t, word_at(record + 4, foreign)) * unit
                frame = cython.address(column[row])
                frame.time_ns = time_ns
                frame.file_offset = offset + at
                frame.start = cython.cast(uint32_t, at + header)
                frame.captured = captured
                frame.wire = wire
                frame.link_type = self.link_type
                frame.interface = 0
                low = time_ns if time_ns < low else low
                high = time_ns if time_ns > high else high
                row += 1
                at += header + captured
        if row > start_row:
            self.any = True
            self.first_ns = low
            self.last_ns = high
        self.stop = stop
        self.used = at
        self.count = row


Interface = cython.struct(
    offset_ns=int64_t,
    scale=uint64_t,
    snaplen=uint32_t,
    link_type=uint16_t,
    clock=uint8_t,
    shift=uint8_t,
)
"""One interface: how to turn its ticks into nanoseconds, and what its frames are."""

# Interface.clock: nanoseconds are ticks * scale, ticks / scale, or ticks * 10**9 / 2**shift; or the unit is so small
# that every 64-bit count of it is less than a nanosecond.
MULTIPLY = cython.declare(cython.int, 0)
DIVIDE = cython.declare(cython.int, 1)
SHIFT = cython.declare(cython.int, 2)
ZERO = cython.declare(cython.int, 3)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def nanoseconds(ticks: uint64_t, clock: cython.pointer(Interface)) -> int64_t:
    """Return the time of `ticks`, rounded down; one beyond 64-bit nanoseconds is the nearest that fits."""
    whole: uint64_t = 0
    part: uint64_t
    top: uint64_t
    most: uint64_t = cython.cast(uint64_t, TIME_MAX)
    if clock.clock == MULTIPLY:
        whole = ticks * clock.scale if ticks <= most // clock.scale else most
    elif clock.clock == DIVIDE:
        whole = ticks // clock.scale
    elif clock.clock == SHIFT:
        whole = ticks >> clock.shift if clock.shift < 64 else 0
        part = ticks - (whole << clock.shift) if clock.shift < 64 else ticks
        # part * 10**9 / 2**shift in 64 bits: `top` is the product without its lowest 32 bits.
        if clock.shift < 32:
            part = (part * BILLION) >> clock.shift
        else:
            top = (part >> 32) * BILLION + ((cython.cast(uint32_t, part) * BILLION) >> 32)
            part = top >> (clock.shift - 32) if clock.shift < 96 else 0
        whole = whole * BILLION + part if whole <= (most - BILLION) // BILLION else most
    if clock.offset_ns > 0 and cython.cast(int64_t, whole) > TIME_MAX - clock.offset_ns:
        return TIME_MAX
    return cython.cast(int64_t, whole) + clock.offset_ns


@cython.cclass
class PcapngWalker(Walker):
    """Walks pcapng blocks of one section; the reader handles section and interface blocks.

    A block that holds no packet is skipped without being kept in the buffer, however long it is.
    """

    interfaces: cython.pointer(Interface)
    known = cython.declare(cython.Py_ssize_t, visibility="readonly")
    room: cython.Py_ssize_t
    previous_ns: int64_t
    skip: uint64_t
    skipped: uint32_t
    skip_began = cython.declare(uint64_t, visibility="readonly")

    def __init__(self, largest: int):
        self.largest = largest

    def __dealloc__(self):
        free(self.interfaces)

    def new_section(self, foreign: bool):
        """Forget the interfaces: a section begins, in this byte order."""
        self.foreign = foreign
        self.known = 0

    def add_interface(self, link_type: int, snaplen: int, clock: str, scale: int, shift: int, offset_ns: int):
        """Add an interface whose ticks are nanoseconds after "multiply" or "divide" by `scale`, or 2**-`shift` s."""
        size: cython.Py_ssize_t
        grown: cython.pointer(Interface)
        if self.known == self.room:
            size = max(8, 2 * self.room)
            grown = cython.cast(cython.pointer(Interface), realloc(self.interfaces, size * cython.sizeof(Interface)))
            if grown == cython.NULL:
                raise MemoryError()
            self.interfaces = grown
            self.room = size
        new: cython.pointer(Interface) = cython.address(self.interfaces[self.known])
        new.clock = ("multiply", "divide", "shift", "zero").index(clock)
        assert scale > 0
        new.scale = scale
        new.shift = shift
        new.offset_ns = offset_ns
        new.link_type = link_type
        new.snaplen = snaplen
        self.known += 1

    @property
    def skipping(self) -> bool:
        """Whether the bytes ended inside a block that is being skipped."""
        return self.skip > 0

    @property
    def left_to_skip(self) -> int:
        """The bytes of the block being skipped that have not come yet."""
        return self.skip

    @property
    def skipped_length(self) -> int:
        """The length that the block being skipped gives itself."""
        return self.skipped

    def walk(
        self,
        buffer: cython.const[uint8_t][::1],
        begin: cython.Py_ssize_t,
        end: cython.Py_ssize_t,
        offset: uint64_t,
        column: Frame[::1],
        row: cython.Py_ssize_t,
    ):
        """Fill `column` from `row` on with the packets in `buffer[begin:end]`; `offset` is that of `buffer[0]`."""
        assert 0 <= begin <= end <= buffer.shape[0] and end <= 0xFFFFFFFF and 0 <= row <= column.shape[0]
        rows: cython.Py_ssize_t = column.shape[0]
        at: cython.Py_ssize_t = begin
        foreign: cython.bint = self.foreign
        low: int64_t = self.first_ns if self.any else TIME_MAX
        high: int64_t = self.last_ns if self.any else TIME_MIN
        start_row: cython.Py_ssize_t = row
        stop: cython.int = MORE
        kind: uint32_t
        length: uint32_t
        captured: uint32_t
        wire: uint32_t
        number: uint32_t
        fixed: uint32_t
        ticks: uint64_t
        time_ns: int64_t
        block: cython.pointer(cython.const[uint8_t])
        interface: cython.pointer(Interface)
        frame: cython.pointer(Frame)
        self.needed = 12
        with cython.nogil:
            while True:
                if self.skip > 0:
                    # Everything of the block but the length that ends it is passed over unread.
                    if self.skip > 4:
                        ticks = cython.cast(uint64_t, end - at)
                        ticks = ticks if ticks < self.skip - 4 else self.skip - 4
                        at += cython.cast(cython.Py_ssize_t, ticks)
                        self.skip -= ticks
                    if self.skip > 4 or end - at < 4:
                        self.needed = 4
                        break
                    length = word_at(cython.address(buffer[at]), foreign)
                    if length != self.skipped:
                        stop = BLOCK_TRAILER
                        self.claimed = self.skipped
                        self.other = length
                        break
                    at += 4
                    self.skip = 0
                if end - at < 12:
                    break
                if row == rows:
                    stop = FULL
                    break
                block = cython.address(buffer[at])
                kind = word_at(block, foreign)
                if kind == SECTION_BLOCK:
                    # Its byte order is not known before it is read, so neither is its length.
                    stop = SECTION
                    break
                length = word_at(block + 4, foreign)
                self.claimed = length
                if length < 12:
                    stop = BLOCK_SHORT
                    break
                if length & 3:
                    stop = BLOCK_UNALIGNED
                    break
                if kind in (ENHANCED_PACKET_BLOCK, OBSOLETE_PACKET_BLOCK):
                    fixed = 32
                elif kind == SIMPLE_PACKET_BLOCK:
                    fixed = 16
                elif kind == INTERFACE_BLOCK:
                    fixed = 20
                else:
                    self.skip = length - 8
                    self.skipped = length
                    self.skip_began = offset + at
                    at += 8
                    continue
                self.other = fixed
                if length < fixed:
                    stop = PACKET_SHORT
                    break
                if length > self.largest:
                    stop = BLOCK_TOO_LONG
                    break
                if cython.cast(uint64_t, end - at) < length:
                    self.needed = length
                    break
                number = word_at(cython.address(buffer[at + length - 4]), foreign)
                if number != length:
                    stop = BLOCK_TRAILER
                    self.other = number
                    break
                if kind == INTERFACE_BLOCK:
                    stop = INTERFACE
                    break

                # The packet's own fields; `length` bytes from `block` are there, and at least `fixed`.
                if kind == ENHANCED_PACKET_BLOCK:
                    number = word_at(block + 8, foreign)
                elif kind == OBSOLETE_PACKET_BLOCK:
                    # 16 bits of interface number, then 16 bits of drop count.
                    number = (block[8] << 8 | block[9]) if self.big() else (block[9] << 8 | block[8])
                else:
                    number = 0
                if number >= cython.cast(uint64_t, self.known):
                    stop = NO_INTERFACE
                    self.claimed = number
                    break
                interface = cython.address(self.interfaces[number])
                if kind == SIMPLE_PACKET_BLOCK:
                    wire = word_at(block + 8, foreign)
                    captured = wire
                    if 0 < interface.snaplen < captured:
                        captured = interface.snaplen
                    if captured > length - 16:
                        stop = PACKET_TOO_LONG
                        self.claimed = captured
                        self.other = length - 16
                        break
                    # It has no time of its own: the packet before it is the nearest that is known.
                    time_ns = self.previous_ns
                    fixed = 12
                else:
                    ticks = cython.cast(uint64_t, word_at(block + 12, foreign)) << 32 | word_at(block + 16, foreign)
                    captured = word_at(block + 20, foreign)
                    wire = word_at(block + 24, foreign)
                    if captured > length - 32:
                        stop = PACKET_TOO_LONG
                        self.claimed = captured
                        self.other = length - 32
                        break
                    time_ns = nanoseconds(ticks, interface)
                    fixed = 28
                frame = cython.address(column[row])
                frame.time_ns = time_ns
                frame.file_offset = offset + at
                frame.start = cython.cast(uint32_t, at + fixed)
                frame.captured = captured
                frame.wire = wire
                frame.link_type = interface.link_type
                frame.interface = cython.cast(uint16_t, number)
                self.previous_ns = time_ns
                low = time_ns if time_ns < low else low
                high = time_ns if time_ns > high else high
                row += 1
                at += length
        if row > start_row:
            self.any = True
            self.first_ns = low
            self.last_ns = high
        self.stop = stop
        self.used = at
        self.count = row

    @cython.cfunc
    @cython.inline
    @cython.nogil
    @cython.exceptval(check=False)
    def big(self) -> cython.bint:
        """Whether the section is big-endian, whatever this machine is."""
        one: uint32_t = 1
        first: uint8_t = 0
        memcpy(cython.address(first), cython.address(one), 1)
        return (first == 0) != self.foreign
