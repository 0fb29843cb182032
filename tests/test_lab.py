"""Real Linux sockets, captured at three points of the same run: our states against the kernel's own record."""

from __future__ import annotations

from collections import Counter

import pytest

from handshake_inspect import analyse
from kernel_record import POINTS, Difference, after_the_common_part, at_the_same_step, matches, path_of
from lab import captures, sockets

TIME_WAIT_ENDS = "2MSL ends after the capture does, and sends nothing"
GAVE_UP = "the connect gave up; that sends nothing"
ORPHAN = "the kernel dropped an orphan in FIN_WAIT_2 (tcp_fin_timeout); that sends nothing"
FIN_GIVEN_UP = "retransmission of the FIN gave up; that sends nothing"
REQUEST_ENDS = "the SYN-ACK's last copy was not answered and the request ended; that sends nothing"
BEFORE = "the handshake was before the capture"
UNSEEN_RST = "the forged RST did not pass this capture point"
ALL = POINTS

# fmt: off
DIFFERENCES = (
    Difference("accept_overflow_rst", ALL, "server", "ESTABLISHED CLOSED", "LISTEN",
               "tcp_abort_on_overflow: the ACK reached a full queue; the wire shows a handshake and a RST"),
    Difference("close_wait_leak", ALL, "client", "", "CLOSED", ORPHAN),
    Difference("fin_timeout_long", ALL, "client", "", "CLOSED", ORPHAN),
    Difference("fin_wait1_timeout", ("client", "middle"), "client", "", "CLOSED", FIN_GIVEN_UP),
    Difference("fin_wait1_timeout", ("server",), "client", "", "FIN_WAIT_1 CLOSED",
               "the client's FINs were dropped before this capture point"),
    Difference("last_ack_lost", ALL, "client", "", "CLOSED", TIME_WAIT_ENDS),
    Difference("last_ack_timeout", ("server",), "client", "", "TIME_WAIT",
               "the client's last ACKs were dropped before this capture point"),
    Difference("last_ack_timeout", ("server",), "server", "", "CLOSED", FIN_GIVEN_UP),
    Difference("midstream", ALL, "client", "CLOSE_WAIT LAST_ACK CLOSED",
               "SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED", BEFORE),
    Difference("midstream", ALL, "server", "FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
               "SYN_RECEIVED ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT", BEFORE),
    Difference("self_connect", ("client",), "client", "",
               "SYN_SENT SYN_RECEIVED ESTABLISHED FIN_WAIT_1 CLOSING TIME_WAIT",
               "one socket is both ends: which way a segment went is not on the wire"),
    Difference("simultaneous_close", ALL, "client", "", "CLOSED", TIME_WAIT_ENDS),
    Difference("simultaneous_close", ALL, "server", "", "CLOSED", TIME_WAIT_ENDS),
    Difference("syn_filtered", ALL, "client", "", "CLOSED", GAVE_UP),
    Difference("syn_filtered_linear", ALL, "client", "", "CLOSED", GAVE_UP),
    Difference("syn_flood", ALL, "server", "", "LISTEN", REQUEST_ENDS),
    Difference("syncookies_overflow", ALL, "server", "", "LISTEN", REQUEST_ENDS),
    Difference("synrecv_timeout", ALL, "server", "", "LISTEN", REQUEST_ENDS),
    Difference("tw_buckets_zero", ALL, "client", "TIME_WAIT", "CLOSED",
               "tcp_max_tw_buckets = 0: the kernel skips TIME_WAIT and sends the same segments"),
    Difference("tw_distribution", ALL, "client", "", "CLOSED", TIME_WAIT_ENDS),
    Difference("tw_distribution", ALL, "server", "", "CLOSED", TIME_WAIT_ENDS),
    Difference("tw_lifetime", ALL, "client", "", "CLOSED", TIME_WAIT_ENDS),
    Difference("tw_lifetime", ALL, "server", "", "CLOSED", TIME_WAIT_ENDS),
    Difference("tw_lifetime_captured", ALL, "client", "", "CLOSED",
               "the kernel's 2MSL ends 60.0 to 62.1 s after; the report assumes it, as an assumed transition"),
    Difference("tw_rst_exact", ("client",), "server", "", "CLOSED", UNSEEN_RST),
    Difference("tw_rst_rfc1337", ("middle", "server"), "server", "CLOSED", "",
               "tcp_rfc1337 = 1: the kernel ignores what the standard obeys; that sends nothing"),
    Difference("vanish_user_timeout", ALL, "client", "", "CLOSED",
               "TCP_USER_TIMEOUT ended the connection; that sends nothing"),
)

# The segment that shows a change is not the one that made it: the wire shows the end later than it was.
SHOWN_LATER = {
    ("abort_in_syn_sent", "client", "CLOSED"): "connect was aborted before the SYN-ACK came; the RST answers it",
    ("fin_wait2_timeout", "client", "CLOSED"): "the orphan was dropped before; the RST answers late data",
    ("fin_wait2_timeout_late_fin", "client", "CLOSED"): "the orphan was dropped before; the RST answers a late FIN",
    ("half_open_data", "server", "CLOSED"): "the server lost its state before; the RST answers data",
    ("zero_window", "client", "FIN_WAIT_1"): "close was called while the window was 0; the FIN went out when it opened",
}
# fmt: on


@pytest.fixture(scope="session")
def lab(shared):
    """Every capture of the laboratory with its report and the kernel's record, made once."""
    return [
        (scenario.name, point, analyse(str(capture)), sockets(scenario))
        for scenario, point, capture in captures(shared / "lab")
    ]


def test_every_endpoint_goes_through_the_kernels_states_wherever_a_segment_shows_them(lab):
    found = {
        (name, point, life.side, *after_the_common_part(path_of(end), life.path))
        for name, point, report, lives in lab
        for life, end in matches(report, lives)
        if path_of(end) != life.path
    }
    listed = {told for row in DIFFERENCES for told in row.at_each_point()}
    assert found - listed == set(), "differences that nobody explained"
    assert listed - found == set(), "explained differences that are no more"


def test_most_endpoints_are_compared_and_agree(lab):
    counts = Counter(path_of(end) == life.path for _, _, report, lives in lab for life, end in matches(report, lives))
    assert counts.total() > 4400
    assert counts[True] > 800


def test_transitions_lie_within_a_tenth_of_a_millisecond_of_the_kernels_on_the_endpoints_own_capture(lab):
    late = {
        (name, life.side, step.to)
        for name, point, report, lives in lab
        for life, end in matches(report, lives)
        if point == life.side
        for step, change in at_the_same_step(end, life)
        if not change.includes(step.time_ns)
    }
    assert late == set(SHOWN_LATER)


OPENED = {
    "normal_client_close": {"three-way"},
    "simultaneous_open": {"simultaneous"},
    "refused": {"refused"},
    "syn_filtered": {"unanswered"},
    "midstream": {"mid-stream"},
    "syn_scan": {"reset", "refused", "unanswered"},
}


def test_openings_are_what_the_recorder_made(lab):
    wrong = [
        (name, point, connection.opening.kind)
        for name, point, report, _ in lab
        if name in ("normal_client_close", "simultaneous_open", "refused", "syn_filtered", "midstream", "syn_scan")
        for connection in report.connections
        if connection.opening.kind not in OPENED[name]
    ]
    assert wrong == []
