"""A pair of RFC 9293 endpoints, to be believed: small, and with nothing of the analysis in them.

They follow section 3.10 and the arrows of `rfc9293.states`; tests/link.py puts them on a link.  Each remembers its
moves, with the segment that caused each.  Times are nanoseconds from the start, numbers are modulo 2**32.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from handshake_inspect.rfc9293.states import TRANSITIONS
from handshake_inspect.rfc9293.states import Event as E
from handshake_inspect.rfc9293.states import State as S

if TYPE_CHECKING:
    from link import World

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
