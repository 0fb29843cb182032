"""What is recorded: one row in RECIPES for each sample.

A scene is what the two programs do (scenes.py).  Its frames are what must come of it, in order, each with what it
proves; "SYN >" travels to the server, "< SYN,ACK" to the client, "data" is a segment with payload.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from netns import Lane, Listener, Place, Wire
from scenes import (
    close_wait_leak,
    filtered,
    fin_into_time_wait,
    half_close,
    half_open,
    http_walkthrough,
    ipv6,
    mid_stream,
    normal_close_by_client,
    normal_close_by_server,
    refused,
    reset,
    simultaneous_close,
    simultaneous_open,
    syn_lost,
    three_segment_close,
)


class LaneOf(NamedTuple):
    """One connection of a sample that has many: when it begins, its ports, and the recipe whose frames it must show."""

    begins: float
    client_port: int
    server_port: int
    recipe: Recipe


@dataclass(frozen=True)
class Recipe:
    """One sample: its folder is named after its scene.  It has `frames`, or `lanes` where it holds many connections."""

    scene: Callable[[Wire], None]
    shows: str
    frames: tuple[tuple[str, str], ...] = ()
    place: Place = "client"
    lanes: tuple[LaneOf, ...] = ()

    @property
    def name(self) -> str:
        return self.scene.__name__


def busy_server(wire: Wire) -> None:
    listener = Listener(wire.server.listen(wire.ports["server"], backlog=64))
    lanes = {
        lane.client_port: Lane(wire, lane.client_port, lane.server_port,
                               listener if lane.server_port == wire.ports["server"] else None)
        for lane in BUSY
    }  # fmt: skip
    wire.drop = lambda segment: lanes[segment.client_port].drop(segment)
    start = time.monotonic()

    def play(lane: LaneOf) -> None:
        time.sleep(max(0.0, start + lane.begins - time.monotonic()))
        lane.recipe.scene(lanes[lane.client_port])

    with ThreadPoolExecutor(len(BUSY)) as players:
        for done in [players.submit(play, lane) for lane in BUSY]:
            done.result()


OPENING = (
    ("SYN >", "The client asks: it is in SYN_SENT. Its SYN takes one sequence number."),
    ("< SYN,ACK", "The server is in SYN_RECEIVED. Its ACK is the client's ISN + 1: it has taken the SYN."),
    (
        "ACK >",
        "The client is ESTABLISHED. Its ACK is the server's ISN + 1, and makes the server ESTABLISHED on arrival.",
    ),
)
EXCHANGE = (
    ("data >", "The question. A byte of data takes one sequence number."),
    ("< ACK", "The server has taken the question: its ACK is the question's SEQ + its bytes."),
    ("< data", "The answer."),
    ("ACK >", "The client has taken the answer."),
)
CLIENT_CLOSES = (
    ("FIN,ACK >", "The client closes first: FIN_WAIT_1. Its FIN takes one sequence number, as the SYN did."),
    ("< ACK", "ACK = the FIN's SEQ + 1. The server is in CLOSE_WAIT, the client in FIN_WAIT_2."),
    ("< FIN,ACK", "The server closes too: LAST_ACK. The client is in TIME_WAIT from here on."),
    ("ACK >", "ACK = the server's FIN + 1. The server is CLOSED on arrival; the client waits in TIME_WAIT for 2MSL."),
)
SERVER_CLOSES = (
    ("< FIN,ACK", "The server closes first: FIN_WAIT_1. Its FIN takes one sequence number, as the SYN did."),
    ("ACK >", "ACK = the FIN's SEQ + 1. The client is in CLOSE_WAIT, and the server in FIN_WAIT_2 on arrival."),
    ("FIN,ACK >", "The client closes too: LAST_ACK. The server is in TIME_WAIT when this arrives."),
    ("< ACK", "ACK = the client's FIN + 1. The client is CLOSED; the server waits in TIME_WAIT for 2MSL."),
)

ALONE = (
    Recipe(
        normal_close_by_client,
        "The everyday life of a connection: three segments open it, four close it, and the client, which closes first, "
        "is left in TIME_WAIT.",
        OPENING + EXCHANGE + CLIENT_CLOSES,
    ),
    Recipe(
        normal_close_by_server,
        "The server closes first, so TIME_WAIT is on the server's side.",
        OPENING + EXCHANGE + SERVER_CLOSES,
    ),
    Recipe(
        three_segment_close,
        "The server closes as soon as it sees the client's FIN, so that its ACK and its FIN are one segment.",
        (
            *OPENING,
            *EXCHANGE,
            ("FIN,ACK >", "The client closes first: FIN_WAIT_1."),
            (
                "< FIN,ACK",
                "ACK = the client's FIN + 1, and a FIN: the server went through CLOSE_WAIT to LAST_ACK in one go.",
            ),
            ("ACK >", "The client is in TIME_WAIT, straight from FIN_WAIT_1 (Note 2 of RFC 9293's Figure 5)."),
        ),
    ),
    Recipe(
        simultaneous_open,
        "Each side connects to the other before the other's SYN has arrived (RFC 9293, Figure 7). Nobody listens.",
        (
            ("SYN >", "The client is in SYN_SENT."),
            (
                "< SYN",
                "A SYN without ACK: it was sent before the client's arrived. The server was in SYN_SENT as well.",
            ),
            ("SYN,ACK >", "The client took the server's SYN: SYN_RECEIVED. This is its own SYN again, with an ACK."),
            (
                "< SYN,ACK",
                "The server took the client's SYN: SYN_RECEIVED. The client is ESTABLISHED when this arrives.",
            ),
            (
                "ACK >",
                "The client's ISN + 1 is now beyond doubt for both; the server is ESTABLISHED at the latest here.",
            ),
            ("< ACK", "The same from the server."),
        ),
    ),
    Recipe(
        simultaneous_close,
        "Both sides close before the other's FIN has arrived (RFC 9293, Figure 13). Both end in TIME_WAIT.",
        (
            *OPENING,
            ("FIN,ACK >", "The client closes: FIN_WAIT_1."),
            (
                "< FIN,ACK",
                "Its ACK does not cover the client's FIN: the server closed before that arrived. FIN_WAIT_1 there too.",
            ),
            ("ACK >", "The client took the server's FIN, and its own is not yet acknowledged: CLOSING."),
            ("< ACK", "The client's FIN is acknowledged: CLOSING ends in TIME_WAIT. The server went the same way."),
        ),
    ),
    Recipe(
        half_close,
        "The client closes its half first (shutdown), and the server goes on to send 2,000 bytes.",
        (
            *OPENING,
            ("data >", "The question."),
            ("FIN,ACK >", "The client has nothing more to say: FIN_WAIT_1. It can still receive."),
            ("< ACK", "The question is acknowledged; the FIN behind it is not yet."),
            ("< ACK", "The FIN is acknowledged: the server is in CLOSE_WAIT, the client in FIN_WAIT_2."),
            ("< data", "Data in CLOSE_WAIT: legal, and it may go on for as long as the server likes."),
            ("< data", "The rest of it."),
            ("ACK >", "The client, in FIN_WAIT_2, acknowledges data as ever."),
            ("ACK >", "All 2,000 bytes have arrived."),
            ("< FIN,ACK", "The server closes: LAST_ACK. The client is in TIME_WAIT."),
            ("ACK >", "The server is CLOSED when this arrives."),
        ),
    ),
    Recipe(
        refused,
        "Nobody listens on the port: connect fails with ECONNREFUSED.",
        (
            ("SYN >", "The client is in SYN_SENT."),
            ("< RST,ACK", "ACK = the client's ISN + 1, so this RST is meant for that SYN: the client is CLOSED."),
        ),
    ),
    Recipe(
        filtered,
        "Something drops the SYNs: there is no answer, not even a refusal. The client tries at 0, 1 and 3 s, and gives "
        "up at 7 s with ETIMEDOUT (net.ipv4.tcp_syn_retries=2), which no segment shows.",
        (
            ("SYN >", "The client is in SYN_SENT."),
            ("SYN >", "The same SEQ: the same attempt, sent again a second later."),
            ("SYN >", "Again, two seconds later. An unanswered SYN proves nothing about the server."),
        ),
    ),
    Recipe(
        half_open,
        "A SYN from a client that then says nothing more, as a port scan or a SYN flood does. The server repeats its "
        "SYN-ACK at 1 and 3 s (net.ipv4.tcp_synack_retries=2).",
        (
            ("SYN >", "The client is in SYN_SENT."),
            ("< SYN,ACK", "The server is in SYN_RECEIVED, and holds memory for this connection."),
            ("< SYN,ACK", "The same SEQ: no ACK has come, so the server sends it again."),
            ("< SYN,ACK", "And again. Nothing proves that the client ever took one, so it stays in SYN_SENT."),
        ),
    ),
    Recipe(
        syn_lost,
        "The first SYN is lost: connect takes a second longer.",
        (
            ("SYN >", "The client is in SYN_SENT. This copy never arrives."),
            ("SYN >", "The same SEQ a second later: a retransmission, not a second connection."),
            *OPENING[1:],
        ),
    ),
    Recipe(
        reset,
        "The client aborts (SO_LINGER with 0 seconds): no FIN, no TIME_WAIT.",
        (
            *OPENING,
            *EXCHANGE,
            ("RST,ACK >", "SEQ is just what the server expects next, so the RST counts: both are CLOSED at once."),
        ),
    ),
    Recipe(
        close_wait_leak,
        "The server's program never closes its socket: the server stays in CLOSE_WAIT. This is the leak that `ss` "
        "shows by the hundred.",
        (
            *OPENING,
            *EXCHANGE,
            ("FIN,ACK >", "The client closes: FIN_WAIT_1."),
            ("< ACK", "CLOSE_WAIT, and FIN_WAIT_2 at the client. The program should close now; no FIN follows."),
        ),
    ),
    Recipe(
        fin_into_time_wait,
        "The last ACK is lost, so the server's FIN comes again to a client that is in TIME_WAIT: this is what "
        "TIME_WAIT is for.",
        (
            *OPENING,
            *CLIENT_CLOSES[:3],
            ("ACK >", "The ACK of the server's FIN. It is lost behind the capture, so the server stays in LAST_ACK."),
            ("< FIN,ACK", "The same FIN again. The client, in TIME_WAIT, starts its 2MSL anew."),
            ("ACK >", "The ACK again. The server is CLOSED when it arrives."),
        ),
    ),
    Recipe(
        mid_stream,
        "The capture was started too late: no handshake. Who the client was is a guess from the ports.",
        (
            ("data >", "Both are assumed to be ESTABLISHED before this."),
            *EXCHANGE[1:],
            *CLIENT_CLOSES,
        ),
    ),
    Recipe(
        ipv6,
        "The same as normal_close_by_client, over IPv6. TCP does not change.",
        OPENING + EXCHANGE + CLIENT_CLOSES,
    ),
    Recipe(
        http_walkthrough,
        "One small page over HTTP/1.0: the capture to open in Wireshark and to follow by hand. With HTTP/1.0 the "
        "server closes first, which tells the client that the page is complete.",
        (
            *OPENING,
            ("data >", "GET /page.html. In Wireshark: right-click, Follow, TCP Stream."),
            ("< ACK", "The server has taken the request: its ACK is the request's SEQ + its bytes."),
            ("< data", "200 OK, the headers and the whole page in one segment."),
            ("ACK >", "The client has taken the page."),
            *SERVER_CLOSES,
        ),
    ),
)
BY_NAME = {recipe.name: recipe for recipe in ALONE}
# A page every eighth of a second, and among them what goes wrong.
TROUBLE = {
    3: ("refused", 81), 9: ("reset", 80), 12: ("close_wait_leak", 80), 14: ("half_open", 8001), 17: ("filtered", 443),
    20: ("syn_lost", 80), 22: ("close_wait_leak", 80), 25: ("refused", 81), 27: ("fin_into_time_wait", 80),
    30: ("half_close", 80), 33: ("reset", 80), 36: ("close_wait_leak", 80), 38: ("simultaneous_close", 80),
    41: ("close_wait_leak", 80), 44: ("half_open", 8002), 46: ("refused", 81),
}  # fmt: skip
USUAL = ("normal_close_by_client", "http_walkthrough", "three_segment_close", "normal_close_by_client")
BUSY = tuple(
    LaneOf(number / 8, 40001 + number, port, BY_NAME[name])
    for number in range(48)
    for name, port in [TROUBLE.get(number, (USUAL[number % len(USUAL)], 80))]
)
RECIPES = (
    *ALONE,
    Recipe(
        busy_server,
        "48 connections to one server in ten seconds, each of them one of the samples above: what a capture looks like "
        "that nobody can read frame by frame.",
        lanes=BUSY,
    ),
)
"""Every sample, in the order in which a reader should look at them."""
