"""What the connections of the benchmark say: each conversation is a list of segments, relative to its ISNs.

A conversation is written once and spoken by many connections.  Its sequence numbers count from the
sender's ISN, and its times are a number of round trips plus a number of microseconds after the
first segment, so that one conversation over many round-trip times gives many different timings.
The tap is beside the client.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

CLIENT: Final = 0
SERVER: Final = 1
Side = Literal[0, 1]
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
MSS = 1460
"""Bytes of TCP options and payload that fit a frame of 1514 bytes (RFC 9293 section 3.7.1)."""


@dataclass(frozen=True)
class OptionSet:
    """The option bytes of one operating system; `*_timestamps_at` is the place of TSval, None without timestamps."""

    syn: bytes
    syn_timestamps_at: int | None
    later: bytes
    later_timestamps_at: int | None


LINUX = OptionSet(
    syn=bytes([2, 4, MSS >> 8, MSS & 255, 4, 2, 8, 10, *bytes(8), 1, 3, 3, 7]),
    syn_timestamps_at=8,
    later=bytes([1, 1, 8, 10, *bytes(8)]),
    later_timestamps_at=4,
)
"""MSS, SACK permitted, timestamps, window scale 7; then timestamps on every segment."""

WINDOWS = OptionSet(
    syn=bytes([2, 4, MSS >> 8, MSS & 255, 1, 3, 3, 8, 1, 1, 4, 2]),
    syn_timestamps_at=None,
    later=b"",
    later_timestamps_at=None,
)
"""MSS, window scale 8, SACK permitted; no timestamps."""


@dataclass(frozen=True)
class Clock:
    """A time after the first segment: round trips of the connection, and microseconds."""

    round_trips: float = 0.0
    us: int = 0

    def later(self, round_trips: float, us: int) -> Clock:
        """This time and so much more."""
        return Clock(self.round_trips + round_trips, self.us + us)


@dataclass(frozen=True)
class Said:
    """One segment of a conversation; `seq` and `ack` count from the ISNs, `echo` is the time that TSecr repeats."""

    side: Side
    flags: int
    seq: int
    ack: int
    payload: bytes
    options: bytes
    timestamps_at: int | None
    at: Clock
    echo: Clock | None
    numbered: bool = True
    """False: `seq` is the number itself, as on the RST that refuses a SYN (RFC 9293 section 3.10.7.1)."""


class Conversation:
    """Writes the segments of one connection, in the order in which the tap sees them."""

    def __init__(self, options: OptionSet = LINUX) -> None:
        self.options = options
        self.segments: list[Said] = []
        self._next = [0, 0]
        self._clock = Clock()
        self._last_said: list[Clock | None] = [None, None]

    def say(
        self,
        side: Side,
        flags: int,
        payload: bytes = b"",
        *,
        round_trips: float = 0.0,
        us: int = 40,
        bare: bool = False,
    ) -> Conversation:
        """`side` sends the next segment, so long after the one before; `bare` is without options."""
        if self.segments:
            self._clock = self._clock.later(round_trips, us)
        peer: Side = SERVER if side == CLIENT else CLIENT
        on_syn = bool(flags & SYN)
        options = b"" if bare else self.options.syn if on_syn else self.options.later
        place = None if bare else self.options.syn_timestamps_at if on_syn else self.options.later_timestamps_at
        ack = self._next[peer] if flags & ACK else 0
        echo = self._last_said[peer] if flags & ACK else None
        self.segments.append(
            Said(side, flags, self._next[side], ack, payload, options, place, self._clock, echo, not bare)
        )
        self._next[side] += len(payload) + bool(flags & SYN) + bool(flags & FIN)
        self._last_said[side] = self._clock
        return self

    def again(self, *, us: int, back: int = 1) -> Conversation:
        """The segment `back` places ago is sent once more, `us` microseconds after the last one."""
        self._clock = self._clock.later(0, us)
        self.segments.append(replace(self.segments[-back], at=self._clock))
        return self

    def open(self) -> Conversation:
        """The three-way handshake (RFC 9293 section 3.5)."""
        self.say(CLIENT, SYN)
        return self.finish_opening()

    def finish_opening(self) -> Conversation:
        """The handshake after its SYN."""
        return self.say(SERVER, SYN | ACK, round_trips=1).say(CLIENT, ACK)

    def exchange(self, request: bytes, response: bytes) -> Conversation:
        """A request, its acknowledgment, the response, and an acknowledgment for every second full segment of it."""
        self.say(CLIENT, PSH | ACK, request, us=900).say(SERVER, ACK, round_trips=1)
        return self.respond(response)

    def respond(self, response: bytes, *, us: int = 1500, us_between: int = 12) -> Conversation:
        """The response in full-size segments, with delayed acknowledgments (RFC 9293 section 3.8.6.3)."""
        full = MSS - len(self.options.later)
        pieces = [response[start : start + full] for start in range(0, len(response), full)]
        for index, piece in enumerate(pieces):
            last = index == len(pieces) - 1
            self.say(SERVER, PSH | ACK if last else ACK, piece, us=us_between if index else us)
            if last or index % 2:
                self.say(CLIENT, ACK)
        return self

    def close(self, first: Side, *, segments: Literal[3, 4] = 4, round_trips: float = 1) -> Conversation:
        """FIN, ACK, FIN, ACK, or three segments where the peer's FIN carries its ACK (RFC 9293 section 3.6)."""
        peer: Side = SERVER if first == CLIENT else CLIENT
        there, back = (round_trips, 0.0) if first == CLIENT else (0.0, round_trips)
        self.say(first, FIN | ACK, us=2500)
        if segments == 4:
            self.say(peer, ACK, round_trips=there).say(peer, FIN | ACK, us=700)
        else:
            self.say(peer, FIN | ACK, round_trips=there)
        return self.say(first, ACK, round_trips=back)


def request(length: int) -> bytes:
    """An HTTP/1.1 request of `length` bytes, at least 80."""
    start = b"GET /item HTTP/1.1\r\nHost: bench.example\r\nCookie: "
    return start + b"c" * (length - len(start) - 4) + b"\r\n\r\n"


def response(length: int) -> bytes:
    """An HTTP/1.1 response of `length` bytes, at least 80, that says its own length."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %05d\r\n\r\n"
    body = length - len(head % 0)
    return head % body + (b"benchmark " * (body // 10 + 1))[:body]


def ordinary(
    exchanges: int, answer: int, close: Side, close_segments: Literal[3, 4], options: OptionSet = LINUX
) -> Conversation:
    """Opened, asked `exchanges` times and answered with `answer` bytes each, closed."""
    talk = Conversation(options).open()
    for _ in range(exchanges):
        talk.exchange(request(220), response(answer))
    return talk.close(close, segments=close_segments)


def refused() -> Conversation:
    """A SYN answered by RST, whose own sequence number is zero."""
    return Conversation().say(CLIENT, SYN).say(SERVER, RST | ACK, round_trips=1, bare=True)


def unanswered() -> Conversation:
    """A SYN sent four times in vain, on Linux's schedule."""
    return Conversation().say(CLIENT, SYN).again(us=1_000_000).again(us=2_000_000).again(us=4_000_000)


def reset() -> Conversation:
    """The client gives up after the first answer."""
    return Conversation().open().exchange(request(220), response(700)).say(CLIENT, RST | ACK, us=5000)


def syn_again() -> Conversation:
    """The first SYN is lost beyond the tap."""
    talk = Conversation().say(CLIENT, SYN).again(us=1_000_000).finish_opening()
    return talk.exchange(request(220), response(700)).close(CLIENT)


def request_again() -> Conversation:
    """The request is lost beyond the tap."""
    talk = Conversation().open().say(CLIENT, PSH | ACK, request(220), us=900).again(us=240_000)
    return talk.say(SERVER, ACK, round_trips=1).respond(response(700)).close(SERVER)


def fin_again() -> Conversation:
    """The client's FIN is lost beyond the tap."""
    talk = Conversation().open().exchange(request(220), response(700)).say(CLIENT, FIN | ACK, us=2500)
    return talk.again(us=220_000).say(SERVER, FIN | ACK, round_trips=1).say(CLIENT, ACK)


def only_a_syn() -> Conversation:
    """One frame of a SYN flood."""
    return Conversation().say(CLIENT, SYN)


def download(segments: int) -> Conversation:
    """A transfer of `segments` full-size segments from the server, at an even pace."""
    full = b"benchmark " * (MSS // 10)
    talk = Conversation().open().say(CLIENT, PSH | ACK, b"send\n", us=900)
    return talk.respond(full[: MSS - len(LINUX.later)] * segments, us_between=800).close(SERVER)


MIX = (
    # per thousand, conversation
    (3, refused()),
    (3, unanswered()),
    (4, reset()),
    (5, syn_again()),
    (10, request_again()),
    (5, fin_again()),
    (150, ordinary(2, 700, CLIENT, 4)),
    (185, ordinary(2, 900, SERVER, 3)),
    (150, ordinary(3, 500, CLIENT, 3)),
    (110, ordinary(2, 2300, SERVER, 4)),
    (180, ordinary(4, 600, CLIENT, 4)),
    (115, ordinary(2, 800, CLIENT, 4, WINDOWS)),
    (80, ordinary(3, 1100, SERVER, 3, WINDOWS)),
)
"""What a thousand connections of the handshake-heavy capture do: 17,000 segments."""
