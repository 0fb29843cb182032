"""What must come of each scene: one row in LIFECYCLES, and every difference from the kernel with its reason."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import scenes_closing as closing
import scenes_opening as opening
from kernel_record import POINTS, Difference
from netns import ONE_WAY, Place, Side
from scenes_closing import lost
from stage import Stage


@dataclass(frozen=True)
class Outcome:
    """What one connection was designed to be: kinds of opening and closing, first closer, who is left in TIME_WAIT."""

    opening: str
    closing: str
    first: Side | None = None
    time_wait: tuple[Side, ...] = ()


@dataclass(frozen=True)
class Lifecycle:
    """A scene, and what must come of it: one outcome for each connection, in the order of their first frames."""

    name: str
    scene: Callable[[Stage], None]
    outcomes: tuple[Outcome, ...]
    seen_by: dict[Place, tuple[Outcome, ...]] = field(default_factory=dict)
    """The outcomes as a capture point sees them, where that is another."""
    findings: frozenset[str] = frozenset()
    """Findings that the client's capture must show."""
    clients: int = 1
    one_way: float = ONE_WAY
    family: socket.AddressFamily = socket.AF_INET
    seconds: int = 1
    """About how long it takes."""

    def at(self, point: Place) -> tuple[Outcome, ...]:
        return self.seen_by.get(point, self.outcomes)


FAR = 0.2
"""Seconds one way that leave a busy machine time to do two things before either arrives."""

BY_CLIENT = Outcome("three-way", "four-way", "client", ("client",))
BY_SERVER = Outcome("three-way", "four-way", "server", ("server",))
REFUSED = Outcome("refused", "none")
UNANSWERED = Outcome("unanswered", "none")
OPEN = Outcome("three-way", "open")
HALF_OPEN = Outcome("half-open", "none")
HALF_CLOSED = Outcome("three-way", "half-closed", "client")
RESET_BY_CLIENT = Outcome("three-way", "reset", "client")
RESET_BY_SERVER = Outcome("three-way", "reset", "server")
FIN_THEN_RESET = Outcome("three-way", "fin-then-reset", "client")
UNREACHABLE = Outcome("failed", "none")
BOTH = Outcome("three-way", "simultaneous", "client", ("client", "server"))


def row(scene: Callable[[Stage], None], *outcomes: Outcome, name: str = "", **more: object) -> Lifecycle:
    return Lifecycle(name or scene.__name__, scene, outcomes, **more)


MAIN = (
    row(closing.close_by_client, BY_CLIENT),
    row(closing.close_by_server, BY_SERVER),
    row(closing.three_segment_close, Outcome("three-way", "three-segment", "client", ("client",))),
    row(closing.simultaneous_close, BOTH, seen_by={"server": (replace(BOTH, first="server"),)},
        findings={"simultaneous-close"}, one_way=FAR),
    row(opening.simultaneous_open, Outcome("simultaneous", "four-way", "client", ("client",)),
        findings={"simultaneous-open"}, one_way=FAR),
    row(closing.half_close_with_data, BY_CLIENT),
    row(opening.refused, REFUSED, findings={"refused"}),
    row(opening.filtered_at_the_host, UNANSWERED, findings={"unanswered", "syn-retransmitted"}, seconds=3),
    row(closing.reset_by_client, RESET_BY_CLIENT),
    row(closing.reset_by_server, RESET_BY_SERVER),
    row(closing.close_wait_leak, HALF_CLOSED, findings={"half-closed"}),
    row(opening.port_unreachable, UNREACHABLE, findings={"icmp-unreachable"}),
    row(opening.admin_prohibited, UNREACHABLE, findings={"icmp-unreachable"}),
    row(opening.tuple_accepted_in_time_wait, BY_SERVER, OPEN, findings={"time-wait-reused", "tuple-reused"}),
)  # fmt: skip

LOST = tuple(
    row(lost(to, flags, place, which=which), BY_CLIENT, name=f"{name}_lost_{where}", findings={finding}, seconds=2)
    for name, to, flags, which, place, where, finding in (
        ("syn", "server", "SYN", 1, "nft", "at_the_host", "syn-retransmitted"),
        ("syn", "server", "SYN", 1, "middle", "on_the_way", "syn-retransmitted"),
        ("syn_ack", "client", "SYN,ACK", 1, "nft", "at_the_host", "syn-ack-retransmitted"),
        ("syn_ack", "client", "SYN,ACK", 1, "middle", "on_the_way", "syn-retransmitted"),
        ("third_ack", "server", "ACK", 1, "nft", "at_the_host", "syn-ack-retransmitted"),
        ("third_ack", "server", "ACK", 1, "middle", "on_the_way", "syn-ack-retransmitted"),
        ("fin", "server", "FIN,ACK", 2, "nft", "at_the_host", "fin-retransmitted"),
        ("fin", "server", "FIN,ACK", 2, "middle", "on_the_way", "fin-retransmitted"),
        ("ack_of_fin", "client", "ACK", 2, "nft", "at_the_host", "fin-retransmitted"),
        ("ack_of_fin", "client", "ACK", 2, "middle", "on_the_way", "fin-retransmitted"),
        ("last_ack", "server", "ACK", 3, "nft", "at_the_host", "fin-retransmitted"),
        ("last_ack", "server", "ACK", 3, "middle", "on_the_way", "fin-retransmitted"),
    )
)
"""At the host means behind its capture, which has seen it; on the way, only the sender and the middle have."""

OTHERS = (
    row(opening.filtered_on_the_way, UNANSWERED, seen_by={"server": ()}, seconds=3),
    row(opening.reset_by_firewall, REFUSED),
    row(opening.half_open, HALF_OPEN, seen_by={"client": (UNANSWERED,)}, seconds=4),
    row(opening.abort_in_syn_sent, Outcome("reset", "none")),
    row(closing.reset_after_own_fin, FIN_THEN_RESET),
    row(closing.reset_for_unread_data, RESET_BY_SERVER),
    row(closing.data_to_a_closed_socket, FIN_THEN_RESET, findings={"data-after-close"}),
    row(closing.orphan_forgotten, HALF_CLOSED, seconds=2),
    row(opening.tuple_reused_by_client, BY_CLIENT, OPEN, findings={"time-wait-reused", "tuple-reused"}, seconds=2),
    row(opening.syn_challenged_in_time_wait, BY_SERVER, OPEN, findings={"syn-challenged", "time-wait-reset"},
        seconds=2),
    row(opening.sequence_numbers_wrap, BY_CLIENT),
    row(opening.syn_wraps, BY_SERVER),
    row(opening.both_wrap, Outcome("simultaneous", "four-way", "client", ("client",)), one_way=FAR),
    row(opening.fast_open, OPEN, OPEN, findings={"fast-open"}, clients=2),
    row(opening.syn_cookies, OPEN, OPEN, OPEN, findings={"accept-queue-full"}, clients=3, seconds=2),
    row(opening.accept_queue_full, OPEN, OPEN, OPEN, OPEN, findings={"accept-queue-full"}, clients=4, one_way=FAR,
        seconds=3),
    row(closing.keep_alive, BY_CLIENT, findings={"keep-alive"}, seconds=3),
    row(closing.keep_alive_gives_up, RESET_BY_CLIENT, findings={"keep-alive"}, seconds=3),
    row(closing.zero_window, BY_CLIENT, findings={"zero-window"}, seconds=2),
)  # fmt: skip

LIFECYCLES = (
    *MAIN,
    *(replace(each, name=f"{each.name}_ipv6", family=socket.AF_INET6) for each in MAIN),
    *LOST,
    *OTHERS,
)

ALL = POINTS
GAVE_UP = "the connect gave up; that sends nothing"
ABORTED = "the program gave the connect up; that sends nothing before a SYN-ACK comes"
ORPHAN = "the kernel dropped an orphan in FIN_WAIT_2 (tcp_fin_timeout); that sends nothing"
REQUEST_ENDS = "the SYN-ACK's last copy was not answered and the request ended; that sends nothing"
UNSEEN = "no segment from there came to this capture point"

# fmt: off
DIFFERENCES = (
    *(Difference(f"filtered_{where}", points, "client", "", "CLOSED", GAVE_UP)
      for where, points in (("at_the_host", ALL), ("at_the_host_ipv6", ALL), ("on_the_way", ("client", "middle")))),
    Difference("filtered_on_the_way", ("server",), "client", "", "SYN_SENT CLOSED", UNSEEN),
    Difference("half_open", ALL, "client", "", "CLOSED", ABORTED),
    Difference("half_open", ("client",), "server", "", "SYN_RECEIVED LISTEN", UNSEEN),
    Difference("half_open", ("middle", "server"), "server", "", "LISTEN", REQUEST_ENDS),
    Difference("syn_cookies", ALL, "server", "ESTABLISHED", "",
               "nft dropped the ACK of the repeated SYN-ACK too, and nothing has come since that shows it"),
    Difference("orphan_forgotten", ALL, "client", "", "CLOSED", ORPHAN),
)
# fmt: on

SHOWN_LATER = {
    ("abort_in_syn_sent", "client", "CLOSED"): "connect was aborted before the SYN-ACK came; the RST answers it",
}
"""Where the segment that shows a change is not the one that made it: the wire shows it later than it was."""
