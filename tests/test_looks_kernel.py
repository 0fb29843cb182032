"""The states that `ss` prints, at every millisecond, against the kernel's own record on the endpoint's own capture."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from handshake_inspect import analyse
from handshake_inspect.looks.timeline import at, spans
from kernel_record import POLL_NS, matches
from lab import Change, Socket, captures, sockets

MS = 1_000_000
NEAR_NS = 200_000
"""So near to a transition either side may be first: segment and change of state are not stamped at one instant."""


class Difference(NamedTuple):
    """Where ours and the kernel's state differ for a while, and why the wire cannot tell."""

    scenario: str
    side: str
    ours: str | None
    kernel: str | None
    reason: str


DROPPED = "the kernel dropped the orphan (tcp_fin_timeout); that sends nothing until late data or a FIN is answered"

# fmt: off
DIFFERENCES = (
    Difference("abort_in_syn_sent", "client", "SYN_SENT", "CLOSED",
               "connect was aborted; that sends nothing until the SYN-ACK comes"),
    Difference("fin_wait2_timeout", "client", "FIN_WAIT_2", "CLOSED", DROPPED),
    Difference("fin_wait2_timeout_late_fin", "client", "FIN_WAIT_2", "CLOSED", DROPPED),
    Difference("half_open_data", "server", "ESTABLISHED", "CLOSED",
               "the server lost its state without a word until data came"),
    Difference("syn_flood", "server", "SYN_RECEIVED", "LISTEN",
               "the requests ended, or gave way in a full SYN queue; that sends nothing"),
    Difference("tw_rst_rfc1337", "server", "CLOSED", "TIME_WAIT",
               "tcp_rfc1337 = 1: the kernel ignores what the standard obeys; that sends nothing"),
    Difference("zero_window", "client", "ESTABLISHED", "FIN_WAIT_1",
               "close was called while the window was 0; the FIN went out when it opened"),
)
# fmt: on


def zone(change: Change) -> tuple[int, int]:
    """The times at which this change can have happened."""
    slack = POLL_NS if change.polled else 0
    return change.earliest_ns - slack - NEAR_NS, change.latest_ns + slack + NEAR_NS


def kernel_at(life: Socket, time_ns: int) -> str | None:
    state = None
    for change in life.changes:
        if change.time_ns <= time_ns:
            state = change.state
    return state


def compared(life: Socket, end, first_ns: int, last_ns: int):
    """Yield (ours, the kernel's, how many milliseconds) for each stretch between transitions, away from them."""
    zones = [zone(change) for change in life.changes]
    for span in spans(end):
        if span.start_ns is not None:
            zones.append((span.start_ns - NEAR_NS, span.start_ns + NEAR_NS))
    free = first_ns
    for begin, stop in [*sorted(zones), (last_ns, last_ns)]:
        first_ms, end_ms = -(-free // MS), -(-min(begin, last_ns) // MS)
        if end_ms > first_ms:
            span = at(end, first_ms * MS)
            yield None if span is None else span.state, kernel_at(life, first_ms * MS), end_ms - first_ms
        free = max(free, stop)


NONE = (None, "CLOSED", "LISTEN")


@pytest.fixture(scope="module")
def stretches(shared):
    """Every stretch of every socket of the laboratory, on its own host's capture."""
    found = []
    for scenario, point, capture in captures(shared / "lab"):
        report = analyse(str(capture))
        (info,) = report.captures
        for life, end in matches(report, [life for life in sockets(scenario) if life.side == point]):
            for ours, kernel, ms in compared(life, end, info.first_time_ns, info.last_time_ns):
                found.append((scenario.name, point, ours, kernel, ms))
    return found


def same(ours: str | None, kernel: str | None) -> bool:
    """No socket, one that is closed, and the listener that a request came to are all no row of ours."""
    return ours == kernel or (ours in NONE and kernel in NONE)


def test_the_state_at_every_millisecond_is_the_kernels_where_a_segment_shows_it(stretches):
    found = {(name, side, ours, kernel) for name, side, ours, kernel, _ in stretches if not same(ours, kernel)}
    listed = {row[:4] for row in DIFFERENCES}
    assert found - listed == set(), "differences that nobody explained"
    assert listed - found == set(), "explained differences that are no more"


def test_many_milliseconds_are_compared(stretches):
    assert sum(ms for _, _, ours, kernel, ms in stretches if same(ours, kernel)) > 4_000_000
    # Of the sockets that both know, not only of those that neither has.
    assert sum(ms for _, _, ours, kernel, ms in stretches if ours == kernel and ours not in NONE) > 1_000_000
