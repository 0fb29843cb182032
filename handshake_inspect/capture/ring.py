"""Walks the ring of frames that Linux shares with this process: blocks in, rows of the Frame column out.

The kernel fills blocks one after the other and hands each over when it is full or old enough; nothing is copied here,
the rows point into the ring.  A block goes back to the kernel when its rows are done with.

Source: Documentation/networking/packet_mmap.rst and include/uapi/linux/if_packet.h (TPACKET_V3).
"""

import cython
from cython.cimports.handshake_inspect.columns import Frame
from cython.cimports.libc.stdint import int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memmove

SMALLEST_PACKET = 96
"""Bytes of a block that a packet takes at least: its header (48), the address (20), the bytes, and their alignment."""

# Where the words stand in struct tpacket_block_desc, in struct tpacket3_hdr and in the struct sockaddr_ll behind it.
BLOCK_STATUS = cython.declare(cython.int, 8)
BLOCK_PACKETS = cython.declare(cython.int, 12)
BLOCK_FIRST = cython.declare(cython.int, 16)
BLOCK_HEADER = cython.declare(uint64_t, 48)
PACKET_HEADER = cython.declare(cython.int, 48)
ADDRESS = cython.declare(cython.int, 20)

TO_USER = cython.declare(uint32_t, 1)
TAG_THERE = cython.declare(uint32_t, 1 << 4)
TAG_TYPE_THERE = cython.declare(uint32_t, 1 << 6)
TAG = cython.declare(cython.int, 4)
MACS = cython.declare(cython.uint, 12)
IEEE_802_1Q = cython.declare(uint16_t, 0x8100)

IPV4 = cython.declare(uint16_t, 0x0800)
IPV6 = cython.declare(uint16_t, 0x86DD)
ETHERNET = cython.declare(cython.int, 1)
RAW = cython.declare(cython.int, 101)

LINKS = cython.declare(cython.int, 16)
DEVICES_MOST = cython.declare(cython.int, 256)
"""Devices told apart; all beyond share the last number."""


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _word(data: cython.pointer(cython.const[uint8_t])) -> uint32_t:
    word: uint32_t = 0
    memcpy(cython.address(word), data, 4)
    return word


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _half(data: cython.pointer(cython.const[uint8_t])) -> uint16_t:
    half: uint16_t = 0
    memcpy(cython.address(half), data, 2)
    return half


@cython.cclass
class RingWalker:
    """Walks the `blocks` blocks of `block_size` bytes that `ring` consists of.

    `links` maps a device's ARPHRD_ type to the LINKTYPE_ of its frames; a frame of any other device begins at its IP
    header (LINKTYPE_RAW).  `walk` fills a column with what is there, `give_back` returns the blocks walked.
    `first_ns` and `last_ns` are the smallest and largest time of all rows, once `any`.  `bytes` counts what was
    captured, `malformed` the packets that do not lie inside their block, which end it.  `left` frames become rows, no
    more (-1: all).
    """

    any = cython.declare(cython.bint, visibility="readonly")
    first_ns = cython.declare(int64_t, visibility="readonly")
    last_ns = cython.declare(int64_t, visibility="readonly")
    bytes = cython.declare(uint64_t, visibility="readonly")
    malformed = cython.declare(uint64_t, visibility="readonly")
    left = cython.declare(int64_t, visibility="public")
    count = cython.declare(cython.Py_ssize_t, visibility="readonly")
    block_size: cython.Py_ssize_t
    blocks: cython.Py_ssize_t
    next: cython.Py_ssize_t
    given: cython.Py_ssize_t
    arphrd = cython.declare(uint16_t[16])
    link_type = cython.declare(uint16_t[16])
    links: cython.int
    device = cython.declare(uint32_t[256])
    device_count: cython.int
    seen = cython.declare(uint16_t[32])
    seen_count: cython.int

    def __init__(self, block_size: cython.Py_ssize_t, blocks: cython.Py_ssize_t, links: dict):
        assert block_size >= 4096 and blocks > 0 and block_size * blocks <= 0xFFFFFFFF
        assert len(links) <= LINKS
        self.left = -1
        self.block_size = block_size
        self.blocks = blocks
        for arphrd, link_type in links.items():
            self.arphrd[self.links] = arphrd
            self.link_type[self.links] = link_type
            self.links += 1

    @property
    def devices(self) -> list:
        """The kernel's numbers of the devices that frames came from; a row's `interface` is the place in it."""
        return [self.device[i] for i in range(self.device_count)]

    @property
    def link_types(self) -> list:
        """The LINKTYPE_ numbers of the frames so far, in order of first appearance."""
        return [self.seen[i] for i in range(self.seen_count)]

    def walk(self, ring: uint8_t[::1], column: Frame[::1]):
        """Fill `column` with the frames of the blocks that the kernel has handed over, as many as fit; return the rows.

        A block's rows fit as a whole or wait: `column` has block_size / SMALLEST_PACKET rows at least.
        """
        most: cython.Py_ssize_t = self.block_size // SMALLEST_PACKET
        rows: cython.Py_ssize_t = column.shape[0]
        row: cython.Py_ssize_t = 0
        walked: cython.Py_ssize_t = 0
        block: cython.pointer(uint8_t)
        assert ring.shape[0] >= self.block_size * self.blocks and rows >= most
        with cython.nogil:
            while row + most <= rows and walked < self.blocks:
                block = cython.address(ring[self.next * self.block_size])
                if not taken_word(block + BLOCK_STATUS) & TO_USER:
                    break
                row = _walk_block(self, block, cython.cast(uint32_t, self.next * self.block_size), column, row)
                self.next = (self.next + 1) % self.blocks
                walked += 1
                self.given += 1
        self.count = row
        return row

    def give_back(self, ring: uint8_t[::1]):
        """Return the blocks of the last walks to the kernel: their rows are done with."""
        place: cython.Py_ssize_t
        while self.given:
            place = (self.next - self.given + self.blocks) % self.blocks
            give_word(cython.address(ring[place * self.block_size + BLOCK_STATUS]), 0)
            self.given -= 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _walk_block(
    w: RingWalker, block: cython.pointer(uint8_t), start: uint32_t, column: Frame[::1], row: cython.Py_ssize_t
) -> cython.Py_ssize_t:
    """Make a row of each packet of one block, which begins at `start` of the ring; return the next free row."""
    size: uint64_t = cython.cast(uint64_t, w.block_size)
    packets: uint32_t = _word(block + BLOCK_PACKETS)
    at: uint64_t = _word(block + BLOCK_FIRST)
    head: cython.pointer(uint8_t)
    frame: cython.pointer(Frame)
    step: uint32_t
    begin: uint64_t
    captured: uint64_t
    for _ in range(packets):
        if w.left == 0:
            break
        if at < BLOCK_HEADER or at + PACKET_HEADER + ADDRESS > size or row >= column.shape[0]:
            w.malformed += 1
            break
        head = block + at
        step = _word(head)
        captured = _word(head + 12)
        begin = at + _half(head + 24)
        if begin < at + PACKET_HEADER + ADDRESS or begin + captured > size:
            w.malformed += 1
            break
        frame = cython.address(column[row])
        frame.time_ns = cython.cast(int64_t, _word(head + 4)) * 1000000000 + _word(head + 8)
        frame.file_offset = 0
        frame.start = cython.cast(uint32_t, start + begin)
        frame.captured = cython.cast(uint32_t, captured)
        frame.wire = _word(head + 16)
        frame.interface = _device(w, _word(head + PACKET_HEADER + 4))
        _find_link(w, head, frame)
        _see(w, frame.link_type)
        w.bytes += frame.captured
        if not w.any or frame.time_ns < w.first_ns:
            w.first_ns = frame.time_ns
        if not w.any or frame.time_ns > w.last_ns:
            w.last_ns = frame.time_ns
        w.any = True
        w.left -= w.left > 0
        row += 1
        if step == 0:
            break
        at += step
    return row


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _device(w: RingWalker, index: uint32_t) -> uint16_t:
    """Return the place of the device with the kernel's number `index`, which gets one at its first frame."""
    i: cython.int
    for i in range(w.device_count):
        if w.device[i] == index:
            return cython.cast(uint16_t, i)
    if w.device_count == DEVICES_MOST:
        return cython.cast(uint16_t, DEVICES_MOST - 1)
    w.device[w.device_count] = index
    w.device_count += 1
    return cython.cast(uint16_t, w.device_count - 1)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _see(w: RingWalker, link_type: uint16_t) -> cython.void:
    """Note a link type; there are fewer than LINKS + 2 of them."""
    i: cython.int
    for i in range(w.seen_count):
        if w.seen[i] == link_type:
            return
    w.seen[w.seen_count] = link_type
    w.seen_count += 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _find_link(
    w: RingWalker,
    head: cython.pointer(uint8_t),
    frame: cython.pointer(Frame),
) -> cython.void:
    """Say what the frame begins with, and put a VLAN tag back that the kernel keeps beside the frame."""
    i: cython.int
    arphrd: uint16_t = _half(head + PACKET_HEADER + 8)
    kind: uint16_t = cython.cast(uint16_t, head[PACKET_HEADER + 2]) << 8 | head[PACKET_HEADER + 3]
    status: uint32_t = _word(head + 20)
    mac: uint64_t = _half(head + 24)
    net: uint64_t = _half(head + 26)
    tag_type: uint16_t
    tag: uint32_t
    begin: cython.pointer(uint8_t) = head + mac
    for i in range(w.links):
        if w.arphrd[i] == arphrd:
            frame.link_type = w.link_type[i]
            if (
                status & TAG_THERE
                and frame.link_type == ETHERNET
                and frame.captured >= MACS
                and mac >= cython.cast(uint64_t, PACKET_HEADER + ADDRESS + TAG)
            ):
                # The ring was asked to leave this much room in front of each frame.
                tag = _word(head + 32)
                tag_type = _half(head + 36) if status & TAG_TYPE_THERE else IEEE_802_1Q
                memmove(begin - TAG, begin, MACS)
                begin[MACS - TAG] = tag_type >> 8
                begin[MACS - TAG + 1] = tag_type & 255
                begin[MACS - TAG + 2] = (tag >> 8) & 255
                begin[MACS - TAG + 3] = tag & 255
                frame.start -= TAG
                frame.captured += TAG
                frame.wire += TAG
            return
    frame.link_type = RAW
    if kind != IPV4 and kind != IPV6:
        frame.link_type = 0xFFFF
    elif net > mac and net - mac <= frame.captured:
        frame.start += cython.cast(uint32_t, net - mac)
        frame.captured -= cython.cast(uint32_t, net - mac)
        frame.wire -= cython.cast(uint32_t, net - mac)


def put(
    column: Frame[::1],
    row: cython.Py_ssize_t,
    time_ns: int64_t,
    start: uint32_t,
    captured: uint32_t,
    wire: uint32_t,
    link_type: uint16_t,
    interface: uint16_t,
):
    """Write one row of a Frame column, for frames that come one at a time."""
    assert 0 <= row < column.shape[0]
    column[row].time_ns = time_ns
    column[row].file_offset = 0
    column[row].start = start
    column[row].captured = captured
    column[row].wire = wire
    column[row].link_type = link_type
    column[row].interface = interface
