"""Packs frames as pcapng's Enhanced Packet Blocks, one call a batch: rows of the Frame column in, bytes out.

Source: draft-ietf-opsawg-pcapng section 4.3.  The blocks are little-endian, with times in nanoseconds.
"""

import cython
from cython.cimports.handshake_inspect.columns import Frame
from cython.cimports.libc.stdint import int64_t, uint8_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy, memset

INTERFACES_MOST = cython.declare(cython.int, 256)
PACKET_BLOCK = cython.declare(uint32_t, 6)
AROUND = cython.declare(cython.Py_ssize_t, 32)

MOST_INTERFACES = INTERFACES_MOST
"""The interfaces that one packer can tell apart."""
BESIDES = AROUND
"""Bytes of a block beside the frame and its padding."""


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _put(at: cython.pointer(uint8_t), word: uint32_t) -> cython.void:
    """Write `word` little-endian, whatever this machine is."""
    at[0] = cython.cast(uint8_t, word)
    at[1] = cython.cast(uint8_t, word >> 8)
    at[2] = cython.cast(uint8_t, word >> 16)
    at[3] = cython.cast(uint8_t, word >> 24)


@cython.cclass
class Packer:
    """Packs frames, and numbers the interfaces that they come from.

    After `pack`, `used` says how many bytes of its output are whole blocks, and `first_ns` and `last_ns` are the
    smallest and largest time in them.  `asks` says that the next frame is of an interface without a number, which
    `interface` and `link_type` tell: give it one with `add`, then go on.
    """

    keys = cython.declare(uint64_t[256])
    known = cython.declare(cython.int, visibility="readonly")
    used = cython.declare(cython.Py_ssize_t, visibility="readonly")
    first_ns = cython.declare(int64_t, visibility="readonly")
    last_ns = cython.declare(int64_t, visibility="readonly")
    asks = cython.declare(cython.bint, visibility="readonly")
    interface = cython.declare(cython.int, visibility="readonly")
    link_type = cython.declare(cython.int, visibility="readonly")

    def add(self, capture: int, interface: int, link_type: int) -> bool:
        """Give the next number to frames of this capture, interface and link type; False when there is none left."""
        if self.known == INTERFACES_MOST:
            return False
        self.keys[self.known] = _key(capture, interface, link_type)
        self.known += 1
        return True

    def pack(
        self,
        buffer: cython.const[uint8_t][::1],
        frames: Frame[::1],
        row: cython.Py_ssize_t,
        count: cython.Py_ssize_t,
        capture: uint64_t,
        out: uint8_t[::1],
        at: cython.Py_ssize_t,
    ) -> int:
        """Pack the rows `row` to `count` - 1 into `out` from `at` on; return the first row that is not packed.

        That is `count`, or a row for whose block `out` has no room, or whose interface has no number.
        """
        assert 0 <= row <= count <= frames.shape[0] and 0 <= at <= out.shape[0]
        room: cython.Py_ssize_t = out.shape[0]
        frame: cython.pointer(Frame)
        block: cython.pointer(uint8_t)
        size: cython.Py_ssize_t
        key: uint64_t
        number: cython.int = 0
        outside: cython.bint = False
        begins: cython.bint = True
        self.asks = False
        with cython.nogil:
            while row < count:
                frame = cython.address(frames[row])
                size = AROUND + ((cython.cast(cython.Py_ssize_t, frame.captured) + 3) & ~3)
                if room - at < size:
                    break
                key = _key(capture, frame.interface, frame.link_type)
                if number >= self.known or self.keys[number] != key:
                    number = 0
                    while number < self.known and self.keys[number] != key:
                        number += 1
                    if number == self.known:
                        self.asks = True
                        self.interface = frame.interface
                        self.link_type = frame.link_type
                        break
                if cython.cast(uint64_t, frame.start) + frame.captured > cython.cast(uint64_t, buffer.shape[0]):
                    outside = True
                    break
                block = cython.address(out[at])
                _put(block, PACKET_BLOCK)
                _put(block + 4, cython.cast(uint32_t, size))
                _put(block + 8, number)
                _put(block + 12, cython.cast(uint32_t, cython.cast(uint64_t, frame.time_ns) >> 32))
                _put(block + 16, cython.cast(uint32_t, frame.time_ns))
                _put(block + 20, frame.captured)
                _put(block + 24, frame.wire)
                memset(block + size - 8, 0, 4)
                if frame.captured:
                    memcpy(block + 28, cython.address(buffer[frame.start]), frame.captured)
                _put(block + size - 4, cython.cast(uint32_t, size))
                if begins or frame.time_ns < self.first_ns:
                    self.first_ns = frame.time_ns
                if begins or frame.time_ns > self.last_ns:
                    self.last_ns = frame.time_ns
                begins = False
                at += size
                row += 1
        assert not outside, "a frame lies outside of its buffer"
        self.used = at
        return row


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _key(capture: uint64_t, interface: uint64_t, link_type: uint64_t) -> uint64_t:
    return capture << 32 | interface << 16 | link_type
