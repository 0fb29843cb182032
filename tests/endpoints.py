"""Two RFC 9293 endpoints, the link between them, and a capture somewhere on it, in virtual time.

The endpoints follow section 3.10 and the arrows of `rfc9293.states`; nothing here looks at the analysis.  `converse`
lets an application drive both of them over a link that delays, loses, doubles and reorders, and returns what was
captured at one point of the link together with the truth: each endpoint's moves, with the segment that caused each.

Times are nanoseconds from the start, numbers are modulo 2**32.  The link reaches from A (0.0) to B (1.0); `point` says
where the capture is.  A capture at 0.0 or 1.0 is the endpoint's own.
"""

from __future__ import annotations

import heapq
import itertools
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from handshake_inspect.rfc9293.states import TRANSITIONS
from handshake_inspect.rfc9293.states import Event as E
from handshake_inspect.rfc9293.states import State as S

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
LETTERS = ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"))
MS, SECOND = 1_000_000, 1_000_000_000
WINDOW, MSS = 20_000, 1_000
RTO_NS, MOST_RETRIES = SECOND, 4
TWO_MSL_NS = 60 * SECOND
NEXT = {(arrow.state, arrow.event): arrow.next_state for arrow in TRANSITIONS}
ISNS = {"A": 4_294_967_290, "B": 2_147_483_640}
"""Close below the places where arithmetic breaks."""

DATA_STATES = (S.ESTABLISHED, S.CLOSE_WAIT)
ABORT_SENDS_RST = (S.SYN_RECEIVED, S.ESTABLISHED, S.FIN_WAIT_1, S.FIN_WAIT_2, S.CLOSE_WAIT)


def ahead(start: int, end: int) -> int:
    """Return how far `end` lies after `start`; negative if before."""
    return (end - start + 2**31) % 2**32 - 2**31


class Segment(NamedTuple):
    flags: int
    seq: int
    ack: int
    length: int = 0

    @property
    def space(self) -> int:
        """The sequence numbers it takes."""
        return self.length + bool(self.flags & SYN) + bool(self.flags & FIN)

    @property
    def end(self) -> int:
        return (self.seq + self.space) % 2**32

    def __str__(self) -> str:
        flags = ",".join(name for bit, name in LETTERS if self.flags & bit)
        text = f"{flags} seq={self.seq}" + (f" ack={self.ack}" if self.flags & ACK else "")
        return text + (f" len={self.length}" if self.length else "")


class Fate(NamedTuple):
    """What the link does to one segment; jitter in milliseconds, before and behind the capture."""

    slow_before: int = 0
    slow_behind: int = 0
    lost: str = ""  # "before" or "behind" the point
    doubled: str = ""  # "before" or "behind"


WELL = Fate()


@dataclass
class Sent:
    """One segment that an endpoint sent, and what became of it."""

    number: int
    sender: str
    time_ns: int
    segment: Segment
    lost: str = ""
    frames: list[int] = field(default_factory=list)
    captured_ns: list[int] = field(default_factory=list)
    arrived_ns: list[int] = field(default_factory=list)


class Move(NamedTuple):
    """One transition as it was; `event` is None for what no segment shows (a connect that gave up, a deleted TCB)."""

    time_ns: int
    before: S
    after: S
    event: E | None
    cause: Sent | None


class Captured(NamedTuple):
    frame: int
    time_ns: int
    sent: Sent


class Traits(NamedTuple):
    """What the standard leaves to an implementation."""

    holds: bool = True  # what comes out of order is held, else it must be sent again
    rst_acks: bool = True  # a RST of its own carries an ACK
    fin_rides: bool = False  # FIN goes on the last data when there is some
    early_close: bool = False  # CLOSE in SYN_RECEIVED sends FIN at once


class Endpoint:
    """One TCP endpoint: the variables of section 3.3.1, one retransmission timer, the 2MSL timer."""

    def __init__(self, name: str, world: World, traits: Traits) -> None:
        self.name, self.world, self.traits = name, world, traits
        self.state = S.CLOSED
        self.moves: list[Move] = []
        self.timer = itertools.count(1)
        self.isn = ISNS[name]
        self.clear()

    def clear(self) -> None:
        """Forget a connection, as deleting the TCB does."""
        self.iss = self.una = self.nxt = self.end = self.rcv = self.irs = 0
        self.passive = self.closing = self.fin_sent = False
        self.held: list[Sent] = []
        self.armed = self.waiting = 0
        self.retries = 0

    def move(self, event: E, cause: Sent | None) -> None:
        self._moved(NEXT[self.state, event], event, cause)

    def vanish(self) -> None:
        """Be CLOSED without a segment that shows it."""
        self._moved(S.CLOSED, None, None)

    def _moved(self, after: S, event: E | None, cause: Sent | None) -> None:
        self.moves.append(Move(self.world.now_ns, self.state, after, event, cause))
        self.state = after
        if after in (S.CLOSED, S.LISTEN):
            passive = after == S.LISTEN
            self.clear()
            self.passive = passive
        if after == S.TIME_WAIT:
            self.armed = 0
            self.wait()

    # What the application asks for (section 3.10.1 to 3.10.5).

    def listen(self) -> None:
        if self.state == S.CLOSED:
            self.move(E.PASSIVE_OPEN, None)

    def connect(self) -> None:
        if self.state == S.CLOSED:
            self._take_iss()
            self.move(E.SND_SYN, self.send(SYN, self.iss))
            self.nxt = self.iss + 1 & 0xFFFFFFFF

    def write(self, length: int) -> None:
        if not self.closing and self.state in (S.SYN_SENT, S.SYN_RECEIVED, *DATA_STATES):
            self.end = self.end + length & 0xFFFFFFFF
            self.flush()

    def close(self) -> None:
        if self.state == S.LISTEN:
            self.move(E.DELETE_TCB, None)
        elif self.state == S.SYN_SENT:
            self.vanish()
        elif self.state != S.CLOSED and not self.closing:
            self.closing = True
            self.flush()

    def abort(self) -> None:
        if self.state in ABORT_SENDS_RST:
            flags = RST | (ACK if self.traits.rst_acks else 0)
            self.move(E.SND_RST, self.send(flags, self.nxt))
        elif self.state == S.LISTEN:
            self.move(E.DELETE_TCB, None)
        elif self.state != S.CLOSED:
            self.vanish()

    # Sending.

    def _take_iss(self) -> None:
        self.iss = self.una = self.nxt = self.isn
        self.end = self.iss + 1 & 0xFFFFFFFF
        self.isn = self.isn + 1_000_003 & 0xFFFFFFFF

    def send(self, flags: int, seq: int, length: int = 0, ack: int | None = None) -> Sent:
        number = (self.rcv if ack is None else ack) if flags & ACK else 0
        if flags & (SYN | FIN) or length:
            self.arm()
        return self.world.link(self, Segment(flags, seq & 0xFFFFFFFF, number, length))

    def acknowledge(self) -> None:
        self.send(ACK, self.nxt)

    def flush(self) -> None:
        """Send the data that waits, then the FIN if one is wanted."""
        early = self.state == S.SYN_RECEIVED and self.traits.early_close and self.end == self.nxt and not self.fin_sent
        if self.state not in DATA_STATES and not (early and self.closing):
            return
        while ahead(self.nxt, self.end) > 0 and ahead(self.una, self.nxt) < WINDOW - MSS:
            length = min(MSS, ahead(self.nxt, self.end))
            last = self.closing and self.traits.fin_rides and length == ahead(self.nxt, self.end)
            self._emit(length, last)
        if self.closing and self.nxt == self.end and not self.fin_sent:
            self._emit(0, True)

    def _emit(self, length: int, fin: bool) -> None:
        sent = self.send(ACK | (PSH if length else 0) | (FIN if fin else 0), self.nxt, length)
        self.nxt = self.nxt + length + fin & 0xFFFFFFFF
        if fin:
            self.fin_sent = True
            self.move(E.SND_FIN, sent)

    def arm(self) -> None:
        """Start the retransmission timer unless it runs."""
        if not self.armed:
            self._start_timer()

    def _start_timer(self) -> None:
        self.armed = mine = next(self.timer)
        self.world.after(RTO_NS << self.retries, lambda: self._retransmit() if self.armed == mine else None)

    def _retransmit(self) -> None:
        self.armed = 0
        if self.una == self.nxt or self.state in (S.CLOSED, S.LISTEN, S.TIME_WAIT):
            return
        self.retries += 1
        if self.retries > MOST_RETRIES:
            self.vanish()
            return
        self._start_timer()
        if self.una == self.iss:
            self.send(SYN if self.state == S.SYN_SENT else SYN | ACK, self.iss)
            return
        length = min(MSS, ahead(self.una, self.end), ahead(self.una, self.nxt))
        fin = self.fin_sent and length == ahead(self.una, self.end)
        self.send(ACK | (PSH if length else 0) | (FIN if fin else 0), self.una, length)

    def wait(self) -> None:
        """Start the 2MSL timer, or start it again."""
        self.waiting = mine = next(self.timer)
        self.world.after(TWO_MSL_NS, lambda: self.move(E.TIMEOUT_2MSL, None) if self.waiting == mine else None)

    # Receiving (section 3.10.7).

    def receive(self, sent: Sent) -> None:
        if self.state == S.CLOSED:
            self._refuse(sent.segment)
        elif self.state == S.LISTEN:
            self._receive_in_listen(sent)
        elif self.state == S.SYN_SENT:
            self._receive_in_syn_sent(sent)
        else:
            self._receive_synchronised(sent)

    def _refuse(self, segment: Segment) -> None:
        if segment.flags & RST:
            return
        if segment.flags & ACK:
            self.send(RST, segment.ack)
        else:
            self.send(RST | ACK, 0, ack=segment.end)

    def _receive_in_listen(self, sent: Sent) -> None:
        segment = sent.segment
        if segment.flags & RST:
            return
        if segment.flags & ACK:
            self._refuse(segment)
        elif segment.flags & SYN:
            self._take_iss()
            self._take_syn(sent, E.RCV_SYN)

    def _take_syn(self, sent: Sent, event: E) -> None:
        self.irs = sent.segment.seq
        self.rcv = self.irs + 1 & 0xFFFFFFFF
        self.move(event, sent)
        if event == E.RCV_SYN:
            self.send(SYN | ACK, self.iss)
            self.nxt = self.iss + 1 & 0xFFFFFFFF
        else:
            self.una = sent.segment.ack
            self._acknowledged()
            self.acknowledge()
            self.flush()

    def _receive_in_syn_sent(self, sent: Sent) -> None:
        segment = sent.segment
        if segment.flags & ACK and segment.ack != self.nxt:
            self._refuse(segment)
        elif segment.flags & RST:
            if segment.flags & ACK:
                self.move(E.RCV_RST, sent)
        elif segment.flags & SYN:
            self._take_syn(sent, E.RCV_SYN_ACK if segment.flags & ACK else E.RCV_SYN)

    def _acceptable(self, segment: Segment) -> bool:
        first = ahead(self.rcv, segment.seq)
        last = first + segment.space - 1
        return 0 <= first < WINDOW or (segment.space > 0 and 0 <= last < WINDOW)

    def _receive_synchronised(self, sent: Sent) -> None:
        segment = sent.segment
        crossed = self.state == S.SYN_RECEIVED and segment.flags & (SYN | ACK) == SYN | ACK and segment.seq == self.irs
        if crossed:  # Figure 7, line 5: the SYN is old, its ACK is not.
            segment = segment._replace(flags=ACK, seq=self.rcv)
        if not self._acceptable(segment):
            if not segment.flags & RST:
                self.acknowledge()
            if self.state == S.TIME_WAIT and segment.flags & FIN:
                self.wait()
            return
        if segment.flags & RST:
            if segment.seq == self.rcv:
                active = self.state == S.SYN_RECEIVED and not self.passive
                self.move(E.RCV_RST_OPENER if active else E.RCV_RST, sent)
            else:
                self.acknowledge()
            return
        if segment.flags & SYN:
            self.acknowledge()
            return
        if ahead(self.rcv, segment.seq) > 0:
            # Section 3.10.7.4 lets all of it wait; every stack in use takes the ACK at once, and so does this one.
            if self._take_ack(segment, sent):
                if self.traits.holds:
                    self.held.append(sent)
                self.acknowledge()
                self.flush()
            return
        self._receive_in_order(segment, sent)
        for waiting in sorted(self.held, key=lambda late: ahead(self.rcv, late.segment.seq)):
            if waiting in self.held and ahead(self.rcv, waiting.segment.seq) <= 0 and self.state != S.CLOSED:
                self.held.remove(waiting)
                if ahead(self.rcv, waiting.segment.end) >= 0:
                    self._receive_in_order(waiting.segment, sent)

    def _take_ack(self, segment: Segment, cause: Sent) -> bool:
        """Take the ACK of a segment; say whether there is more to do with the segment."""
        if not segment.flags & ACK:
            return False
        if self.state == S.SYN_RECEIVED:
            if not 0 < ahead(self.una, segment.ack) <= ahead(self.una, self.nxt):
                self.send(RST, segment.ack)
                return False
            self.move(E.RCV_ACK_OF_SYN, cause)
        if ahead(self.nxt, segment.ack) > 0:
            self.acknowledge()
            return False
        if ahead(self.una, segment.ack) > 0:
            self.una = segment.ack
            self._acknowledged()
        if self.fin_sent and self.una == self.nxt and (self.state, E.RCV_ACK_OF_FIN) in NEXT:
            self.move(E.RCV_ACK_OF_FIN, cause)
        return self.state != S.CLOSED

    def _receive_in_order(self, segment: Segment, cause: Sent) -> None:
        if not self._take_ack(segment, cause):
            return
        if self.state in (S.ESTABLISHED, S.FIN_WAIT_1, S.FIN_WAIT_2):
            self._take_data(segment, cause)
        self.flush()

    def _acknowledged(self) -> None:
        self.retries = self.armed = 0
        if self.una != self.nxt:
            self.arm()

    def _take_data(self, segment: Segment, cause: Sent) -> None:
        new = ahead(self.rcv, segment.end)
        if new <= 0:
            return
        self.rcv = segment.end
        if segment.flags & FIN:
            self.move(E.RCV_FIN, cause)
        self.acknowledge()


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
"""Milliseconds to wait before it, endpoint, `listen`, `connect`, `write`, `close` or `abort`, and the bytes to write."""


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
