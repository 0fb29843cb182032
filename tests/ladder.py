"""A conversation as a line of text: `SYN >; < SYN-ACK; ACK >; FIN >; < ACK`.

The client stands on the left, and an arrow points at the receiver.  Numbers are filled in as a correct TCP would, from
ISNs just below 2**32, so that a ladder crosses the wrap; a step says only what is wrong or special.

    SYN  SYN-ACK  ACK  DATA(10)  FIN  FIN(10)  RST  RST-ACK      a segment; a FIN and data carry an ACK
    ICMP(3,1)       an ICMP error that quotes the receiver's last segment
    ack+1  seq-1    the number that is sent is off; ack=0, seq=5: counted from the ISN of the number's owner
    isn+5000000     a SYN or SYN-ACK of a new incarnation, its ISN that far from the old one
    old             with the numbers from before the last new SYN
    again           the sender's last segment of this name is sent again
    ~               on its way: not received before the receiver has sent its next segment; ~2: its next two
    lost            captured, never received;  hidden: received, not captured;  late: captured after the next one
    ignored         the receiver does not take the data on the SYN
    x2              captured twice, 10 microseconds apart
    @2.5  @+2.5     seconds since the start, or since the step before; else 0.01 s after it
    win=0 mss=1460 ws=7 sack ts mptcp ecn fo fo=8 bad     header fields; fo=8: a cookie of 8 bytes; bad: wrong checksum

Steps that are no segment: `open`, `talk` and `close` are a handshake, 10 and 20 bytes, and four segments that close;
`mid` begins after a handshake; `quiet @70` lets the capture go on without TCP; `port 50000` starts another connection;
`all ts` puts timestamps on every segment that follows.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

FIN, SYN, RST, PSH, ACK, ECE, CWR = 1, 2, 4, 8, 16, 64, 128
FLAGS = {
    "SYN": SYN, "SYN-ACK": SYN | ACK, "ACK": ACK, "DATA": PSH | ACK, "FIN": FIN | ACK, "RST": RST, "RST-ACK": RST | ACK,
}  # fmt: skip
WORDS = {
    "open": "SYN >; < SYN-ACK; ACK >",
    "talk": "DATA(10) >; < ACK; < DATA(20); ACK >",
    "close": "FIN >; < ACK; < FIN; ACK >",
}
CLIENT_ISN, SERVER_ISN = 2**32 - 6, 2**32 - 11
STEP_NS = 10_000_000
COPY_NS = 10_000
# How an option is written, from the number that the step gives and the timestamps of both ends.
OPTIONS: dict[str, Callable[[int, int, int], bytes]] = {
    "mss": lambda number, mine, theirs: struct.pack(">BBH", 2, 4, number),
    "ws": lambda number, mine, theirs: struct.pack(">BBBB", 3, 3, number, 1),
    "sack": lambda number, mine, theirs: b"\4\2\1\1",
    "ts": lambda number, mine, theirs: struct.pack(">BBIIBB", 8, 10, mine, theirs, 1, 1),
    "mptcp": lambda number, mine, theirs: b"\x1e\4\0\1",
    "fo": lambda number, mine, theirs: struct.pack(">BB", 34, 2 + number) + bytes(number),
}

STEP = re.compile(r"(?P<left><)?\s*(?P<name>[A-Z-]+)(?:\((?P<numbers>[\d,]+)\))?(?P<rest>.*?)(?P<right>>)?")
OFF = re.compile(r"(?P<what>seq|ack|isn)(?P<how>[-+=])(?P<number>-?\d+)")


@dataclass
class Segment:
    """What was captured; `sender` is 0 for the client, `name` is as the step spells it."""

    sender: int
    name: str
    flags: int = 0
    seq: int = 0
    ack: int = 0
    length: int = 0
    window: int = 64240
    options: bytes = b""
    time_ns: int = 0
    number: int = 0
    port: int = 49152
    good: bool = True
    copies: int = 1
    icmp: tuple[int, int] | None = None
    quoted: Segment | None = None


@dataclass
class Numbers:
    """What one end knows of an incarnation: unwrapped sequence numbers, None before there are any."""

    isn: int
    next: int | None = None
    expected: int | None = None
    held: list[tuple[int, int]] = field(default_factory=list)

    def receive(self, start: int, end: int) -> None:
        """Take sequence numbers from `start` up to `end`, now or when the hole before them is filled."""
        self.held = sorted([*self.held, (start, end)])
        for first, last in self.held:
            if self.expected is not None and first <= self.expected < last:
                self.expected = last


@dataclass
class Peer:
    """One end: its numbers, those from before the last new SYN, what it sent, what is on its way to it."""

    now: Numbers
    before: Numbers | None = None
    sent: dict[str, tuple[int, int]] = field(default_factory=dict)
    last: Segment | None = None
    coming: list[list[Any]] = field(default_factory=list)
    stamp: int = 0


class Ladder:
    """The segments of a conversation, as they were captured."""

    def __init__(self, text: str, *, isns: tuple[int, int] = (CLIENT_ISN, SERVER_ISN)) -> None:
        self.segments: list[Segment] = []
        self.quiet_ns: int | None = None
        self._isns = isns
        self._port = 49152
        self._time_ns = -STEP_NS
        self._count = 0
        self._sticky: tuple[str, ...] = ()
        self._late: Segment | None = None
        self._begin()
        self._read(text)
        assert self._late is None, "nothing was captured after the late segment"

    def _begin(self) -> None:
        self.peers = [Peer(Numbers(isn)) for isn in self._isns]

    def _read(self, text: str) -> None:
        for step in (step.strip() for step in text.split(";")):
            word, *rest = step.split() or [""]
            if word in WORDS:
                assert not rest, f"{word} stands alone: {step!r}"
                self._read(WORDS[word])
            elif word == "mid":
                for peer, other in (self.peers, self.peers[::-1]):
                    peer.now.next, peer.now.expected = peer.now.isn + 1, other.now.isn + 1
            elif word == "quiet":
                self.quiet_ns = self._moment(rest[0])
            elif word == "port":
                self._port = int(rest[0])
                self._begin()
            elif word == "all":
                self._sticky = tuple(rest)
            elif step:
                self._step(step)

    def _moment(self, text: str) -> int:
        self._time_ns = round(float(text.lstrip("@+")) * 1e9) + (self._time_ns if text.startswith("@+") else 0)
        return self._time_ns

    def _step(self, step: str) -> None:
        match = STEP.fullmatch(step)
        assert match, f"not a step: {step!r}"
        assert bool(match["left"]) != bool(match["right"]), f"one arrow is needed: {step!r}"
        name = match["name"]
        assert name in FLAGS or name == "ICMP", f"no such segment: {step!r}"
        sender = 1 if match["left"] else 0
        words = [*self._sticky, *match["rest"].replace("~", " ~", 1).split()]
        self._count += 1
        self._time_ns += STEP_NS
        for word in words:
            if word.startswith("@"):
                self._time_ns -= STEP_NS
                self._moment(word)
        segment = Segment(sender, name, time_ns=self._time_ns, number=self._count, port=self._port)
        numbers = [int(number) for number in (match["numbers"] or "0").split(",")]
        if name == "ICMP":
            segment.icmp = (numbers[0], numbers[1])
            segment.quoted = self.peers[1 - sender].last
            self._capture(segment, words)
            return
        segment.flags, segment.length = FLAGS[name], numbers[0]
        self._fill(segment, words)
        self._capture(segment, words)
        self._deliver(segment, words)

    def _fill(self, segment: Segment, words: list[str]) -> None:
        """Give the segment the numbers that a correct TCP would send, then what the step changes."""
        me, name = self.peers[segment.sender], segment.name
        mine = me.before if "old" in words else me.now
        assert mine is not None, "no SYN of a new incarnation came before"
        offs = [match.groups() for match in map(OFF.fullmatch, words) if match]
        for _, how, number in (off for off in offs if off[0] == "isn"):
            if segment.flags & ACK:
                mine.isn += int(how + number)
                mine.next = None
            else:
                me.before = copy(mine)
                me.now = mine = Numbers(mine.isn + int(how + number))
            me.sent.clear()
        if segment.flags & SYN and "again" not in words:
            if mine.next is None or (segment.flags & ACK and name not in me.sent and mine.next == mine.isn + 1):
                mine.next = mine.isn
            else:
                raise AssertionError(f"frame {segment.number}: a second {name} needs `again` or `isn+N`")
        segment.seq = 0 if mine.next is None else mine.next
        if "again" in words:
            segment.seq, segment.length = me.sent[name]
        segment.ack = (mine.expected or 0) if segment.flags & ACK else 0
        theirs = self.peers[1 - segment.sender].now
        for what, how, number in offs:
            if what == "seq":
                segment.seq = mine.isn + int(number) if how == "=" else segment.seq + int(how + number)
            elif what == "ack":
                segment.ack = theirs.isn + int(number) if how == "=" else segment.ack + int(how + number)
        me.sent[name] = (segment.seq, segment.length)
        if not segment.flags & RST and mine.next is not None:
            mine.next = max(mine.next, segment.seq + segment.length + _consumed(segment))
        me.last = segment
        self._decorate(segment, words, me)

    def _decorate(self, segment: Segment, words: list[str], me: Peer) -> None:
        """Add the window, the options and the other fields that the step names."""
        values = dict(word.partition("=")[::2] for word in words)
        if "win" in values:
            segment.window = int(values["win"])
        elif segment.flags & RST:
            segment.window = 0
        if "ecn" in words:
            segment.flags |= ECE if segment.flags & ACK else ECE | CWR
        segment.good = "bad" not in words
        me.stamp += "ts" in values
        for word, option in OPTIONS.items():
            if word in values:
                segment.options += option(int(values[word] or 0), me.stamp, self.peers[1 - segment.sender].stamp)

    def _capture(self, segment: Segment, words: list[str]) -> None:
        segment.copies = 2 if "x2" in words else 1
        if "hidden" in words:
            return
        if "late" in words:
            self._late = segment
            return
        self.segments.append(segment)
        if self._late is not None:
            late, self._late = self._late, None
            late.time_ns, segment.time_ns = segment.time_ns, late.time_ns
            self.segments.append(late)

    def _deliver(self, segment: Segment, words: list[str]) -> None:
        """Let the segment reach its receiver, and the sender what waited for the sender to send."""
        if "lost" not in words:
            delay = next((int(word[1:] or 1) for word in words if word.startswith("~")), 0)
            self.peers[1 - segment.sender].coming.append([delay, segment, words])
        for side, used in ((segment.sender, 1), (1 - segment.sender, 0)):
            waiting, self.peers[side].coming = self.peers[side].coming, []
            for delay, coming, coming_words in waiting:
                # A segment that sets out now waits for the segments that its receiver sends from now on.
                left = delay - used
                if left <= 0:
                    self._receive(self.peers[side], coming, coming_words)
                else:
                    self.peers[side].coming.append([left, coming, coming_words])

    def _receive(self, peer: Peer, segment: Segment, words: list[str]) -> None:
        numbers = peer.before if "old" in words and peer.before else peer.now
        start = segment.seq
        end = start + segment.length + _consumed(segment)
        if segment.flags & RST:
            return
        if segment.flags & SYN:
            if numbers.expected is None or not start < numbers.expected <= end:
                if any(word.startswith("isn") for word in words) and not segment.flags & ACK:
                    peer.before = copy(numbers)
                numbers.held = []
                numbers.expected = start + 1 if "ignored" in words else end
            return
        numbers.receive(start, end)


def _consumed(segment: Segment) -> int:
    """Return how many sequence numbers the flags take."""
    return (segment.flags & SYN != 0) + (segment.flags & FIN != 0)


def wrapped(segment: Segment) -> Segment:
    """Return the segment with its numbers modulo 2**32."""
    return replace(segment, seq=segment.seq % 2**32, ack=segment.ack % 2**32)
