"""IP reassembly (RFC 791 section 3.2, RFC 8200 section 4.5), for the few TCP segments that come in fragments.

scapy can defragment too, but it wants every fragment of the capture as a packet in a list, and walks that list: time
and memory grow with the capture.  This store is bounded in both, and needs no more than the fragments' own bytes.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

DATAGRAM_BYTES_MOST = 65_535
DATAGRAMS_MOST = 4_096
STORED_BYTES_MOST = 32 << 20
DATAGRAM_COST, PIECE_COST = 1_000, 300
"""Bytes that Python needs for each, beside the data; else fragments of eight bytes would take forty times the bound."""
PIECES_MOST = 1_024
AGE_NS_MOST = 60_000_000_000


@dataclass(slots=True)
class _Datagram:
    """What has arrived of one datagram; `holes` are the [start, stop) that have not (RFC 815)."""

    time_ns: int
    header: bytes | None = None
    holes: list[tuple[int, int]] = field(default_factory=lambda: [(0, DATAGRAM_BYTES_MOST + 1)])
    pieces: dict[int, bytes] = field(default_factory=dict)
    size: int = DATAGRAM_COST

    def add(self, start: int, data: bytes, last: bool) -> None:
        """Fill the holes that `data` covers: of bytes that come twice, those that came first are kept."""
        stop = start + len(data)
        # The holes lie in order, so those that the data touch are neighbours.
        low = high = bisect_right(self.holes, start, key=lambda hole: hole[1])
        left = []
        while high < len(self.holes) and self.holes[high][0] < stop:
            first, end = self.holes[high]
            begin, done = max(first, start), min(end, stop)
            self.pieces[begin] = data[begin - start : done - start]
            self.size += done - begin + PIECE_COST
            if first < begin:
                left.append((first, begin))
            if done < end:
                left.append((done, end))
            high += 1
        self.holes[low:high] = left
        if last and self.holes and self.holes[-1][1] > DATAGRAM_BYTES_MOST:
            # Nothing follows the last fragment, so the hole that is open above ends with it.
            first, _ = self.holes.pop()
            if first < stop:
                self.holes.append((first, stop))

    def payload(self) -> bytes:
        return b"".join(self.pieces[start] for start in sorted(self.pieces))


class Fragments:
    """The fragments of datagrams that are not complete: bounded in number, bytes and age, the oldest go first."""

    def __init__(self) -> None:
        self._datagrams: dict[tuple[int, bytes], _Datagram] = {}
        self._bytes = 0

    def add(self, packet: bytes, fragment_at: int, whole: bool, time_ns: int) -> bytes | None:
        """Return the datagram, as one IP packet, that `packet` completes, else None.

        `packet` begins with its IP header, `fragment_at` is where IPv6's fragment header begins, and `whole` is
        False when the capture has cut the packet: then its place stays a hole.
        """
        if packet[0] >> 4 == 4:
            size, word = (packet[0] & 15) * 4, int.from_bytes(packet[6:8])
            start, more = (word & 0x1FFF) * 8, bool(word & 0x2000)
            header = packet[:size]
            key = (4, packet[12:20] + packet[9:10] + packet[4:6])
        else:
            size, word = fragment_at + 8, int.from_bytes(packet[fragment_at + 2 : fragment_at + 4])
            start, more = word & 0xFFF8, bool(word & 1)
            header = _without_fragment_header(packet, fragment_at)
            key = (6, packet[8:40] + packet[fragment_at + 4 : fragment_at + 8])
        data = packet[size:]
        if not whole or not data or (more and len(data) % 8) or start + len(data) > DATAGRAM_BYTES_MOST:
            return None
        datagram = self._datagrams.get(key)
        if datagram is None or abs(time_ns - datagram.time_ns) > AGE_NS_MOST:
            self._forget(key)
            self._make_room(time_ns)
            datagram = self._datagrams[key] = _Datagram(time_ns)
            self._bytes += datagram.size
        before = datagram.size
        if start == 0 and datagram.header is None:
            datagram.header = header
        datagram.add(start, data, not more)
        self._bytes += datagram.size - before
        if not datagram.holes and datagram.header is not None:
            self._forget(key)
            return _packet(datagram.header, datagram.payload())
        if len(datagram.pieces) > PIECES_MOST:
            self._forget(key)
        if self._bytes > STORED_BYTES_MOST:
            self._make_room(time_ns)
        return None

    def _forget(self, key: tuple[int, bytes]) -> None:
        gone = self._datagrams.pop(key, None)
        if gone is not None:
            self._bytes -= gone.size

    def _make_room(self, time_ns: int) -> None:
        while self._datagrams:
            oldest = next(iter(self._datagrams))
            if (
                len(self._datagrams) < DATAGRAMS_MOST
                and self._bytes < STORED_BYTES_MOST
                and time_ns - self._datagrams[oldest].time_ns <= AGE_NS_MOST
            ):
                return
            self._forget(oldest)


def _without_fragment_header(packet: bytes, fragment_at: int) -> bytes:
    """Return an IPv6 packet's headers before its fragment header, the last of them naming what follows that."""
    headers = bytearray(packet[:fragment_at])
    at, name = 40, 6
    while at < fragment_at:
        at, name = at + (headers[at + 1] + 1) * 8, at
    headers[name] = packet[fragment_at]
    return bytes(headers)


def _packet(header: bytes, payload: bytes) -> bytes:
    """Return the whole packet; a length that its field cannot hold is written as 0, as for a segment not yet cut."""
    if header[0] >> 4 == 4:
        total = len(header) + len(payload)
        length = (total if total <= 0xFFFF else 0).to_bytes(2)
        return header[:2] + length + header[4:6] + b"\0\0" + header[8:] + payload
    size = len(header) - 40 + len(payload)
    return header[:4] + (size if size <= 0xFFFF else 0).to_bytes(2) + header[6:] + payload
