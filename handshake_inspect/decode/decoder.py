"""Frames to segments: one call a batch, no Python object a frame.

The walk goes from header to header (layers.py, ip.py, tunnels.py, tcp.py) until a result is
reached.  What it does not know itself it leaves as a row of kind SLOW, and slow.py or fragments.py
finds the bytes of an IP packet in it, which the same walk reads then.
"""

from importlib import import_module

import cython
from cython.cimports.handshake_inspect.columns import (
    COUNT_FRAGMENT,
    COUNT_MALFORMED,
    COUNT_NOT_TCP,
    COUNT_TCP,
    COUNT_TRUNCATED,
    COUNT_UNSUPPORTED,
    NONE,
    SLOW,
    Frame,
    Segment,
)
from cython.cimports.handshake_inspect.decode.ip import ip, ipv4, ipv6
from cython.cimports.handshake_inspect.decode.layers import ether_type, layer_two
from cython.cimports.handshake_inspect.decode.packet import (
    ETHERNET,
    ETHERTYPE,
    FIRST_LAYER,
    IP,
    IPV4,
    IPV6,
    LEFT,
    PROTOCOL,
    QUOTED,
    REASON_DEPTH,
    REASON_FRAGMENT,
    REASON_KIND,
    REASON_LINK,
    REASON_UDP,
    Packet,
    has,
    lack,
    u16,
)
from cython.cimports.handshake_inspect.decode.tcp import usual
from cython.cimports.handshake_inspect.decode.tunnels import protocol
from cython.cimports.libc.stdint import int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from cython.cimports.libc.string import memcpy

from handshake_inspect.ahead import AHEAD
from handshake_inspect.columns import counters as new_counters
from handshake_inspect.columns import segment_column
from handshake_inspect.decode.layers import LAYERS
from handshake_inspect.decode.link import LINK_TYPES, NAMES_OF_REASONS

COLUMNS = AHEAD + 1
"""One that is with the caller, and those that are being made meanwhile."""

HEADERS_MOST = cython.declare(cython.int, 64)
AGAIN_MOST = cython.declare(cython.int, 8)
KINDS_MOST = cython.declare(cython.int, 64)
RAW = cython.declare(uint16_t, 101)

# LINK_TYPES as arrays: what the frame begins with, and behind how many bytes.
_first = cython.declare(uint8_t[65536])
_skip = cython.declare(uint8_t[65536])


def _fill() -> None:
    row: cython.Py_ssize_t
    for row in range(65536):
        _first[row] = COUNT_UNSUPPORTED
        _skip[row] = 0
    for link in LINK_TYPES:
        if link.first is not None:
            _first[cython.cast(cython.Py_ssize_t, link.number)] = LAYERS[link.first]
            _skip[cython.cast(cython.Py_ssize_t, link.number)] = link.skip


_fill()


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _walk(p: cython.pointer[Packet]) -> cython.int:
    """Walk from the frame's first byte to a result; `p` has its bytes, ends, row and link type."""
    layer: cython.int = _first[p.link_type]
    _: cython.int
    p.at = 0
    p.fragment_at = 0
    p.unsure = False
    p.reason = REASON_LINK | p.link_type
    if _skip[p.link_type]:
        if not has(p, _skip[p.link_type]):
            return lack(p, _skip[p.link_type])
        p.at = _skip[p.link_type]
        p.type = u16(p, p.at - 2)
    elif layer == ETHERNET and usual(p) == COUNT_TCP:
        return COUNT_TCP
    for _ in range(HEADERS_MOST):
        if layer < FIRST_LAYER:
            break
        if layer == PROTOCOL:
            layer = protocol(p)
        elif layer == IPV4:
            layer = ipv4(p)
        elif layer == IPV6:
            layer = ipv6(p)
        elif layer == ETHERTYPE:
            layer = ether_type(p)
        elif layer == IP:
            layer = ip(p)
        else:
            layer = layer_two(p, layer)
    else:
        if layer >= FIRST_LAYER:
            p.reason = REASON_DEPTH
            layer = COUNT_UNSUPPORTED
    if p.unsure and (
        layer in (COUNT_MALFORMED, COUNT_UNSUPPORTED)
        or (layer == LEFT and p.reason & REASON_KIND != REASON_FRAGMENT and p.reason & REASON_KIND != REASON_UDP)
    ):
        return COUNT_NOT_TCP
    return layer


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _walk_all(
    frames: cython.pointer[Frame],
    count: cython.Py_ssize_t,
    data: cython.pointer[cython.const[uint8_t]],
    size: uint64_t,
    first: uint64_t,
    out: cython.pointer[Segment],
    tally: cython.pointer[uint64_t],
    reasons: cython.pointer[uint32_t],
    times: cython.pointer[uint64_t],
    left: cython.pointer[cython.Py_ssize_t],
) -> cython.Py_ssize_t:
    """Decode `count` frames into `out`, return the rows made, and set `left` to how many of them are SLOW."""
    p = cython.declare(Packet)
    row: cython.Py_ssize_t
    rows: cython.Py_ssize_t = 0
    kind: cython.int = 0
    result: cython.int
    frame: cython.pointer[Frame]
    segment: cython.pointer[Segment]
    for row in range(count):
        frame = cython.address(frames[row])
        segment = cython.address(out[rows])
        if cython.cast(uint64_t, frame.start) + frame.captured > size:
            tally[COUNT_MALFORMED] += 1
            continue
        p.bytes = data + frame.start
        p.end = frame.captured
        p.limit = max(frame.captured, frame.wire)
        p.link_type = frame.link_type
        p.row = segment
        result = _walk(cython.address(p))
        if result == COUNT_TCP:
            tally[COUNT_TCP] += 1
        elif result == QUOTED:
            tally[COUNT_NOT_TCP] += 1
        elif result == LEFT:
            segment.kind = SLOW
            segment.seq = cython.cast(uint32_t, row)
            segment.ts_value = p.reason
            segment.src_high = p.ip_at if p.reason & REASON_KIND == REASON_FRAGMENT else p.at
            segment.src_low = p.end
            segment.dst_high = p.limit
            segment.dst_low = p.fragment_at
            left[0] += 1
        else:
            tally[result] += 1
            if result == COUNT_UNSUPPORTED:
                for kind in range(KINDS_MOST):
                    if reasons[kind] == p.reason:
                        break
                    # The last place is for all that find none of their own.
                    if reasons[kind] == 0 or kind == KINDS_MOST - 1:
                        reasons[kind] = p.reason if kind < KINDS_MOST - 1 else 0
                        break
                times[kind] += 1
            continue
        segment.time_ns = frame.time_ns
        segment.frame = first + row
        rows += 1
    return rows


@cython.cclass
class Decoder:
    """Turns batches of frames into segments.

    `counters` are the six of columns.pxd in COUNT_ order, and `unsupported` names those frames
    that neither path knows, both for the capture in hand: `reset` when the next one begins, or
    make a new Decoder that is given this one's `fragments`.  `segments` is a Segment column whose
    first rows `decode` fills; the next call overwrites them, or adds to them.  After `turn` it is another one: there
    are COLUMNS.
    """

    counters = cython.declare(object, visibility="readonly")
    unsupported = cython.declare(object, visibility="readonly")
    segments = cython.declare(object, visibility="readonly")
    others: list
    fragments = cython.declare(object, visibility="readonly")

    def __init__(self, fragments=None):
        self.segments = segment_column(1)
        self.others = [segment_column(1) for _ in range(COLUMNS - 1)]
        self.fragments = fragments
        self.reset()

    def reset(self):
        """Set the counters to 0 for another capture; fragments are kept."""
        self.counters = new_counters()
        self.unsupported = {}

    def turn(self):
        """Let the next call fill another column: what is in `segments` stays until it has its turn again."""
        self.others.append(self.segments)
        self.segments = self.others.pop(0)

    def decode(self, batch, kept: cython.Py_ssize_t = 0):
        """Decode `batch` and return how many rows of `segments` are filled: one a frame at most, in frame order.

        The first `kept` rows stay as they are, and count.
        """
        count: cython.Py_ssize_t = batch.count
        if count == 0:
            return kept
        if len(self.segments) < kept + count:
            self._grow(kept, kept + count)
        frames: Frame[::1] = batch.frames
        data: cython.const[uint8_t][::1] = batch.buffer
        out: Segment[::1] = self.segments
        tally: uint64_t[::1] = self.counters
        assert frames.shape[0] >= count
        assert kept >= 0 and out.shape[0] >= kept + count
        first: uint64_t = (cython.cast(uint64_t, batch.capture) << 40) | cython.cast(uint64_t, batch.first_frame)
        size: uint64_t = data.shape[0]
        bytes_: cython.pointer[cython.const[uint8_t]] = cython.address(data[0]) if size else cython.NULL
        rows: cython.Py_ssize_t
        left: cython.Py_ssize_t = 0
        kind: cython.int
        reasons = cython.declare(uint32_t[64])
        times = cython.declare(uint64_t[64])
        for kind in range(KINDS_MOST):
            reasons[kind] = 0
            times[kind] = 0
        with cython.nogil:
            rows = _walk_all(
                cython.address(frames[0]), count, bytes_, size, first, cython.address(out[kept]),
                cython.address(tally[0]), reasons, times, cython.address(left),
            )  # fmt: skip
        for kind in range(KINDS_MOST):
            if times[kind]:
                self._name(reasons[kind], times[kind])
        if left:
            rows = self._finish(rows, out[kept:], frames, data)
        return kept + rows

    @cython.cfunc
    def _grow(self, kept: cython.Py_ssize_t, rows: cython.Py_ssize_t):
        """Make `segments` a column of `rows` rows, or a few more, with its first `kept` rows."""
        grown: Segment[::1] = segment_column(max(rows, 2 * kept))
        if kept:
            old: Segment[::1] = self.segments
            memcpy(cython.address(grown[0]), cython.address(old[0]), kept * cython.sizeof(Segment))
        self.segments = grown.base

    @cython.cfunc
    def _fragments(self):
        """Return the fragment store, made when the first fragment comes."""
        if self.fragments is None:
            self.fragments = import_module("handshake_inspect.decode.fragments").Fragments()
        return self.fragments

    @cython.cfunc
    def _name(self, reason: uint32_t, times: uint64_t):
        """Count `times` frames as unsupported under the name of `reason`."""
        name = NAMES_OF_REASONS[reason >> 16](reason & 0xFFFF)
        self.unsupported[name] = self.unsupported.get(name, 0) + times

    @cython.cfunc
    def _finish(self, rows: cython.Py_ssize_t, out: Segment[::1], frames: Frame[::1], data: cython.const[uint8_t][::1]):
        """Rewrite the SLOW rows, close the gaps of those that turn out to be none, and return the rows left."""
        row: cython.Py_ssize_t
        kept: cython.Py_ssize_t = 0
        for row in range(rows):
            if out[row].kind == SLOW:
                frame = frames[out[row].seq]
                start: cython.Py_ssize_t = frame.start
                again = memoryview(data)[start : start + frame.captured]
                self._again(cython.address(out[row]), bytes(again))
            if out[row].kind != NONE:
                if kept != row:
                    out[kept] = out[row]
                kept += 1
        return kept

    @cython.cfunc
    def _again(self, row: cython.pointer[Segment], frame: bytes):
        """Find the IP packet in what the walk left of `frame`, and walk that, until there is a result."""
        p = cython.declare(Packet)
        time_ns: int64_t = row.time_ns
        number: uint64_t = row.frame
        reason: uint32_t = row.ts_value
        at: uint64_t = row.src_high
        end: uint64_t = row.src_low
        limit: uint64_t = row.dst_high
        fragment_at: uint64_t = row.dst_low
        result: cython.int = COUNT_UNSUPPORTED
        _: cython.int
        data: cython.pointer[cython.char]
        row.kind = NONE
        for _ in range(AGAIN_MOST):
            if reason & REASON_KIND == REASON_FRAGMENT:
                packet = self._fragments().add(
                    frame[at:end], 0 if fragment_at < at else fragment_at - at, end == limit, time_ns
                )
                if packet is None:
                    result = COUNT_FRAGMENT
                    break
                limit = end
            else:
                slow = import_module("handshake_inspect.decode.slow")
                try:
                    packet = slow.find_ip(reason >> 16, reason & 0xFFFF, frame[at:end])
                except slow.NotDissected:
                    result = COUNT_UNSUPPORTED
                    break
                if packet is None:
                    # What scapy did not find in a frame that was cut may have been behind the cut.
                    result = COUNT_TRUNCATED if end < limit else COUNT_NOT_TCP
                    break
            frame = packet
            data = frame
            p.bytes = cython.cast(cython.pointer[uint8_t], data)
            p.end = len(frame)
            p.limit = p.end + limit - end
            p.link_type = RAW
            p.row = row
            result = _walk(cython.address(p))
            if result != LEFT:
                reason = p.reason
                break
            reason = p.reason
            at = p.ip_at if reason & REASON_KIND == REASON_FRAGMENT else p.at
            end = p.end
            limit = p.limit
            fragment_at = p.fragment_at
        else:
            result = COUNT_UNSUPPORTED
            reason = REASON_DEPTH
        self.counters[COUNT_NOT_TCP if result == QUOTED else result] += 1
        if result == COUNT_UNSUPPORTED:
            self._name(reason, 1)
        row.time_ns = time_ns
        row.frame = number
