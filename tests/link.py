"""Two endpoints on a link that delays, loses, doubles and reorders, and a capture somewhere on it, in virtual time.

`converse` lets an application drive both endpoints and returns what passed one point of the link together with the
truth.  The link reaches from A (0.0) to B (1.0); `point` says where the capture is.  A capture at 0.0 or 1.0 is the
endpoint's own: what passes it is sent, or received, at that instant.
"""

from __future__ import annotations

import heapq
import itertools
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from endpoints import ACK, MS, RST, SECOND, WINDOW, Endpoint, Segment, Sent, Traits


class Fate(NamedTuple):
    """What the link does to one segment; jitter in milliseconds, before and behind the capture."""

    slow_before: int = 0
    slow_behind: int = 0
    lost: str = ""  # "before" or "behind" the point
    doubled: str = ""  # "before" or "behind"


WELL = Fate()


class Captured(NamedTuple):
    frame: int
    time_ns: int
    sent: Sent


class World:
    """The clock, the link and the capture."""

    def __init__(
        self,
        *,
        point: float = 0.5,
        latency_ns: int = 40 * MS,
        in_order: bool = True,
        fates: Sequence[Fate] = (),
        traits: tuple[Traits, Traits] = (Traits(), Traits()),
    ) -> None:
        self.now_ns = 0
        self.point, self.latency_ns, self.in_order = point, latency_ns, in_order
        self.fates = iter(fates)
        self.queue: list[tuple[int, int, Callable[[], object]]] = []
        self.order = itertools.count()
        self.sent: list[Sent] = []
        self.captured: list[Captured] = []
        self.busy: dict[tuple[str, str], int] = {}
        self.ends = {name: Endpoint(name, self, each) for name, each in zip("AB", traits, strict=True)}

    def after(self, delay_ns: int, act: Callable[[], object]) -> None:
        heapq.heappush(self.queue, (self.now_ns + delay_ns, next(self.order), act))

    def run(self, until_ns: int | None = None) -> None:
        """Let everything happen that is due before `until_ns`; without it, everything."""
        while self.queue and (until_ns is None or self.queue[0][0] <= until_ns):
            self.now_ns, _, act = heapq.heappop(self.queue)
            act()
        if until_ns is not None:
            self.now_ns = max(self.now_ns, until_ns)

    def link(self, sender: Endpoint, segment: Segment) -> Sent:
        """Take one segment of an endpoint on its way."""
        sent = Sent(len(self.sent), sender.name, self.now_ns, segment)
        self.sent.append(sent)
        fate = next(self.fates, WELL)
        near = self.point if sender.name == "A" else 1 - self.point
        sent.lost = fate.lost if (fate.lost == "before" and near > 0) or (fate.lost == "behind" and near < 1) else ""
        if sent.lost == "before":
            return sent
        for _ in range(1 + (fate.doubled == "before" and near > 0)):
            self._leg(sent, "before", near, fate.slow_before, lambda: self._pass_point(sent, near, fate))
        return sent

    def _pass_point(self, sent: Sent, near: float, fate: Fate) -> None:
        self.captured.append(Captured(len(self.captured) + 1, self.now_ns, sent))
        sent.frames.append(len(self.captured))
        sent.captured_ns.append(self.now_ns)
        if sent.lost == "behind":
            return
        for _ in range(1 + (fate.doubled == "behind" and near < 1)):
            self._leg(sent, "behind", 1 - near, fate.slow_behind, lambda: self._arrive(sent))

    def _arrive(self, sent: Sent) -> None:
        sent.arrived_ns.append(self.now_ns)
        self.ends["B" if sent.sender == "A" else "A"].receive(sent)

    def _leg(self, sent: Sent, leg: str, part: float, slow_ms: int, then: Callable[[], object]) -> None:
        """Cross `part` of the link; nothing is slow, lost or out of order on a leg of no length."""
        if part == 0:
            # At the endpoint itself; after what it does now, so that a segment is captured as sent and then answered.
            then()
            return
        arrival = self.now_ns + int(self.latency_ns * part) + slow_ms * MS
        if self.in_order:
            arrival = max(arrival, self.busy.get((sent.sender, leg), 0))
            self.busy[sent.sender, leg] = arrival
        self.after(arrival - self.now_ns, then)

    def __repr__(self) -> str:
        return f"\n{self.ladder()}\n"

    def ladder(self) -> str:
        """Return the conversation, one segment a line, then each endpoint's moves."""
        lines = [f"capture at {self.point} of a link of {self.latency_ns / MS:g} ms; A {self.ends['A'].traits}"]
        lines[0] += f"; B {self.ends['B'].traits}"
        for sent in self.sent:
            arrow = "A -->  " if sent.sender == "A" else "  <-- B"
            frames = ",".join(map(str, sent.frames)) or "-"
            there = ", ".join(f"{time / MS:g}" for time in sent.arrived_ns) or "never"
            seen = ", ".join(f"{time / MS:g}" for time in sent.captured_ns) or "never"
            lost = f"  LOST {sent.lost}" if sent.lost else ""
            lines.append(
                f"{sent.time_ns / MS:>9g} ms {arrow} {sent.segment!s:<48} frame {frames:<5} passed {seen}"
                f" arrived {there}{lost}"
            )
        for name, end in self.ends.items():
            lines.append(f"{name}: " + "; ".join(
                f"{move.before.name}>{move.after.name} {move.event.text if move.event is not None else 'unseen'}"
                f" @{move.time_ns / MS:g}" for move in end.moves))  # fmt: skip
        return "\n".join(lines)


Action = tuple[int, str, str, int]
"""Milliseconds to wait, endpoint, `listen`, `connect`, `write`, `close` or `abort`, and the bytes to write."""


def converse(script: Iterable[Action], **world: object) -> World:
    """Run a script to the end, when nothing more will happen, and return the world."""
    here = World(**world)  # type: ignore[arg-type]
    at_ns = 0
    for wait_ms, name, action, length in script:
        at_ns += wait_ms * MS
        here.run(at_ns)
        end = here.ends[name]
        if action == "write":
            end.write(length)
        else:
            getattr(end, action)()
    here.run()
    return here


ADDRESSES = {"A": (0x0A000001, 40000), "B": (0x0A000002, 80)}
START_NS = 1_700_000_000 * SECOND


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


Ends = dict[str, tuple[int, int]]
"""Address and port of A and of B."""


def packet(sent: Sent, addresses: Ends = ADDRESSES, shift: int = 0, family: int = 4) -> bytes:
    """Return the IP packet of a segment, its numbers shifted, the same for every copy of it."""
    peer = "B" if sent.sender == "A" else "A"
    (source, port), (destination, peer_port) = addresses[sent.sender], addresses[peer]
    segment = sent.segment
    ack = segment.ack + shift & 0xFFFFFFFF if segment.flags & ACK else 0
    # The RST that answers a segment without ACK has SEQ 0 whatever the numbers are (section 3.5.2).
    seq = segment.seq if segment.flags & (RST | ACK) == RST | ACK and segment.seq == 0 else segment.seq + shift
    head = struct.pack("!HHIIBBHHH", port, peer_port, seq & 0xFFFFFFFF, ack, 5 << 4, segment.flags, WINDOW, 0, 0)
    tcp = head + bytes(segment.length)
    if family == 4:
        ends = struct.pack("!II", source, destination)
        pseudo = ends + struct.pack("!BBH", 0, 6, len(tcp))
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), sent.number + 1, 0x4000, 64, 6, 0) + ends
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    else:
        ends = source.to_bytes(16, "big") + destination.to_bytes(16, "big")
        pseudo = ends + struct.pack("!II", len(tcp), 6)
        ip = struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + ends
    return ip + tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]


def frames(world: World, first: int = 1, last: int | None = None) -> list[tuple[int, bytes]]:
    """Return frames `first` to `last` of the capture as `captures.write_pcap` takes them, with link type RAW (101)."""
    return [(START_NS + seen.time_ns, packet(seen.sent)) for seen in world.captured[first - 1 : last]]
