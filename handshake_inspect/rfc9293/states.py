"""The connection state machine of RFC 9293, Figure 5, one arrow a row.

Rule 1: everything that a state may change to stands in this table; the analysis flattens it and adds nothing.
Rule 2: the machine does not know a client from a server; it is one endpoint.

Events are named after what must be true ("rcv ACK of FIN"), never after a flag, so the code that raises one has to
ask.  A segment may mean several: they come in the order of section 3.10.7.4 (RST, SYN, ACK of SYN, ACK of FIN, FIN),
which is how Figure 5's Note 2 (FIN_WAIT_1 straight to TIME_WAIT) is two rows taken in one frame.
"""

from enum import IntEnum
from typing import NamedTuple


class State(IntEnum):
    """The eleven states of section 3.3.2."""

    CLOSED = 0
    LISTEN = 1
    SYN_SENT = 2
    SYN_RECEIVED = 3
    ESTABLISHED = 4
    FIN_WAIT_1 = 5
    FIN_WAIT_2 = 6
    CLOSE_WAIT = 7
    CLOSING = 8
    LAST_ACK = 9
    TIME_WAIT = 10


class Event(IntEnum):
    """What can happen to an endpoint; `text` is how it is printed."""

    PASSIVE_OPEN = 0
    SND_SYN = 1
    DELETE_TCB = 2
    RCV_SYN = 3
    RCV_SYN_ACK = 4
    RCV_ACK_OF_SYN = 5
    SND_FIN = 6
    RCV_FIN = 7
    RCV_ACK_OF_FIN = 8
    RCV_RST = 9
    RCV_RST_OPENER = 10
    SND_RST = 11
    TIMEOUT_2MSL = 12
    NEW_SYN = 13
    RCV_ICMP = 14

    @property
    def text(self) -> str:
        """The event in the words of Figure 5."""
        return EVENT_TEXTS[self]


# fmt: off
EVENT_TEXTS = (
    "passive OPEN", "snd SYN", "delete TCB", "rcv SYN", "rcv SYN,ACK", "rcv ACK of SYN", "snd FIN", "rcv FIN",
    "rcv ACK of FIN", "rcv RST", "rcv RST", "snd RST", "2MSL timeout", "new SYN on the 4-tuple", "rcv ICMP error",
)
# fmt: on
assert len(EVENT_TEXTS) == len(Event)


class Arrow(NamedTuple):
    """One arrow: in `state`, `event` leads to `next_state`; `figure` is the arrow's label as it is drawn."""

    state: State
    event: Event
    figure: str
    next_state: State
    source: str


S, E, A = State, Event, Arrow

# fmt: off
TRANSITIONS = (
    # state           event               in the figure                       next state      source
    A(S.CLOSED,       E.PASSIVE_OPEN,     "passive OPEN; create TCB",         S.LISTEN,       "Figure 5"),
    A(S.CLOSED,       E.SND_SYN,          "active OPEN; create TCB, snd SYN", S.SYN_SENT,     "Figure 5"),
    A(S.LISTEN,       E.DELETE_TCB,       "CLOSE; delete TCB",                S.CLOSED,       "Figure 5"),
    A(S.LISTEN,       E.RCV_SYN,          "rcv SYN; snd SYN,ACK",             S.SYN_RECEIVED, "Figure 5"),
    A(S.LISTEN,       E.SND_SYN,          "SEND; snd SYN",                    S.SYN_SENT,     "Figure 5"),
    A(S.SYN_SENT,     E.DELETE_TCB,       "CLOSE; delete TCB",                S.CLOSED,       "Figure 5"),
    A(S.SYN_SENT,     E.RCV_SYN,          "rcv SYN; snd SYN,ACK",             S.SYN_RECEIVED, "Figure 5"),
    A(S.SYN_SENT,     E.RCV_SYN_ACK,      "rcv SYN,ACK; snd ACK",             S.ESTABLISHED,  "Figure 5"),
    A(S.SYN_RECEIVED, E.RCV_ACK_OF_SYN,   "rcv ACK of SYN; x",                S.ESTABLISHED,  "Figure 5"),
    A(S.SYN_RECEIVED, E.SND_FIN,          "CLOSE; snd FIN",                   S.FIN_WAIT_1,   "Figure 5"),
    A(S.ESTABLISHED,  E.SND_FIN,          "CLOSE; snd FIN",                   S.FIN_WAIT_1,   "Figure 5"),
    A(S.ESTABLISHED,  E.RCV_FIN,          "rcv FIN; snd ACK",                 S.CLOSE_WAIT,   "Figure 5"),
    A(S.FIN_WAIT_1,   E.RCV_ACK_OF_FIN,   "rcv ACK of FIN; x",                S.FIN_WAIT_2,   "Figure 5"),
    A(S.FIN_WAIT_1,   E.RCV_FIN,          "rcv FIN; snd ACK",                 S.CLOSING,      "Figure 5"),
    A(S.FIN_WAIT_2,   E.RCV_FIN,          "rcv FIN; snd ACK",                 S.TIME_WAIT,    "Figure 5"),
    A(S.CLOSING,      E.RCV_ACK_OF_FIN,   "rcv ACK of FIN; x",                S.TIME_WAIT,    "Figure 5"),
    A(S.TIME_WAIT,    E.TIMEOUT_2MSL,     "Timeout=2MSL; delete TCB",         S.CLOSED,       "Figure 5"),
    A(S.CLOSE_WAIT,   E.SND_FIN,          "CLOSE; snd FIN",                   S.LAST_ACK,     "Figure 5"),
    A(S.LAST_ACK,     E.RCV_ACK_OF_FIN,   "rcv ACK of FIN; x",                S.CLOSED,       "Figure 5"),

    A(S.SYN_RECEIVED, E.RCV_RST,          "rcv RST",                          S.LISTEN,       "Figure 5, Note 1"),
    A(S.SYN_RECEIVED, E.RCV_RST_OPENER,   "",                                 S.CLOSED,       "section 3.10.7.4"),
    A(S.SYN_RECEIVED, E.RCV_FIN,          "",                                 S.CLOSE_WAIT,   "section 3.10.7.4"),
    A(S.SYN_SENT,     E.RCV_RST,          "",                                 S.CLOSED,       "section 3.10.7.3"),
    A(S.ESTABLISHED,  E.RCV_RST,          "",                                 S.CLOSED,       "section 3.10.7.4"),
    A(S.FIN_WAIT_1,   E.RCV_RST,          "",                                 S.CLOSED,       "section 3.10.7.4"),
    A(S.FIN_WAIT_2,   E.RCV_RST,          "",                                 S.CLOSED,       "section 3.10.7.4"),
    A(S.CLOSE_WAIT,   E.RCV_RST,          "",                                 S.CLOSED,       "section 3.10.7.4"),
    A(S.CLOSING,      E.RCV_RST,          "",                                 S.CLOSED,       "section 3.10.7.4"),
    A(S.LAST_ACK,     E.RCV_RST,          "",                                 S.CLOSED,       "section 3.10.7.4"),
    A(S.TIME_WAIT,    E.RCV_RST,          "",                                 S.CLOSED,       "section 3.10.7.4"),

    A(S.SYN_SENT,     E.SND_RST,          "",                                 S.CLOSED,       "section 3.10.7.3"),
    A(S.SYN_RECEIVED, E.SND_RST,          "",                                 S.CLOSED,       "section 3.10.5"),
    A(S.ESTABLISHED,  E.SND_RST,          "",                                 S.CLOSED,       "section 3.10.5"),
    A(S.FIN_WAIT_1,   E.SND_RST,          "",                                 S.CLOSED,       "section 3.10.5"),
    A(S.FIN_WAIT_2,   E.SND_RST,          "",                                 S.CLOSED,       "section 3.10.5"),
    A(S.CLOSE_WAIT,   E.SND_RST,          "",                                 S.CLOSED,       "section 3.10.5"),
    A(S.CLOSING,      E.SND_RST,          "",                                 S.CLOSED,       "section 3.6.1"),
    A(S.LAST_ACK,     E.SND_RST,          "",                                 S.CLOSED,       "section 3.6.1"),

    A(S.TIME_WAIT,    E.NEW_SYN,          "",                                 S.CLOSED,       "section 3.6.1"),
    A(S.SYN_SENT,     E.RCV_ICMP,         "",                                 S.CLOSED,       "section 3.9.2.2"),
)
# fmt: on

NOWHERE = 255
"""What the flattened table holds where no arrow leaves."""


def flatten() -> bytes:
    """Return the table as len(State) rows of len(Event) bytes: the next state's number, or NOWHERE."""
    table = bytearray([NOWHERE]) * (len(State) * len(Event))
    for arrow in TRANSITIONS:
        place = arrow.state * len(Event) + arrow.event
        assert table[place] == NOWHERE, f"two arrows leave {arrow.state.name} on {arrow.event.text}"
        table[place] = arrow.next_state
    return bytes(table)
