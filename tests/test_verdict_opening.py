"""How a connection opened: every kind, its certainty, its frames, times and attributes (RFC 9293 section 3.5)."""

import pytest

from handshake_inspect.verdict.words import CERTAINTIES, OPENINGS
from numbers_in_pxd import as_constants, numbers
from wrappings import ids, only, path

# fmt: off
CASES = {
    "three-way": [
        ("open", (1, 2, 3)), ("SYN >; < SYN-ACK; DATA(10) >", (1, 2, 3)), ("SYN >; < SYN-ACK; FIN >", (1, 2, 3)),
        ("SYN hidden >; < SYN-ACK; ACK >", (1, 2)), ("SYN >; < SYN-ACK hidden; ACK >; DATA(5) >", (1,)),
        ("SYN(10) fo=8 >; < SYN-ACK; < DATA(5); ACK >", (1, 2, 4)),
        ("SYN >; < SYN-ACK; ACK hidden >; < DATA(10); ACK >", (1, 2, 4)),
    ],
    "simultaneous": [("SYN~ >; < SYN; SYN-ACK~ >; < SYN-ACK", (1, 2, 4)),
                     ("SYN~ >; < SYN; < SYN-ACK; SYN-ACK >", (1, 3, 4))],
    "split": [("SYN >; < SYN; SYN-ACK >; < ACK", (1, 2, 3)), ("SYN >; < ACK; < SYN; SYN-ACK >; < ACK", (1, 3, 4))],
    "refused": [("SYN >; < RST-ACK", (1, 2)), ("SYN >; < RST-ACK; SYN again @1 >; < RST-ACK", (1, 2))],
    "unanswered": [("SYN >", (1,)), ("SYN >; SYN again @1 >", (1,))],
    "half-open": [("SYN >; < SYN-ACK", (1, 2)), ("SYN >; < SYN-ACK; < SYN-ACK again @1", (1, 2))],
    "reset": [("SYN >; < SYN-ACK; RST >", (1, 2, 3)), ("SYN >; < SYN-ACK; < RST-ACK", (1, 2, 3))],
    "mid-stream": [("mid; talk", ()), ("mid; FIN >", ())],
    "failed": [
        ("SYN >; < SYN-ACK; ACK ack+1 >", (1, 2)),
        ("SYN >; < SYN-ACK ack+1", (1, 2)), ("SYN >; < ACK ack-7", (1,)), ("SYN >; < ICMP(3,1)", (1,)),
        ("SYN >; < RST-ACK ack+1", (1,)), ("SYN >; < SYN", (1, 2)),
    ],
}
# fmt: on


@pytest.mark.parametrize(
    ("kind", "ladder", "frames"), [(kind, *case) for kind, cases in CASES.items() for case in cases]
)
def test_an_opening_is_called_by_what_was_seen(kind, ladder, frames):
    connection = only(ladder)
    assert (connection.opening.kind, connection.opening.frames) == (kind, frames)
    assert (connection.closing.kind == "none") is (kind not in ("three-way", "simultaneous", "split", "mid-stream"))


def test_every_opening_has_a_case_and_compiled_code_the_same_numbers():
    assert set(CASES) == set(OPENINGS)
    assert numbers("verdict/words.pxd", "OPENING_") == as_constants(OPENINGS) | {"COUNT": len(OPENINGS)}
    assert numbers("verdict/replay.pxd").items() >= as_constants(CERTAINTIES).items()


@pytest.mark.parametrize(
    ("ladder", "certainty"),
    [
        ("mid; talk", "assumed"),
        ("open", "inferred"),
        ("open; < DATA(10)", "confirmed"),
        ("open; DATA(10) >; < ACK", "confirmed"),
        ("SYN >; < SYN-ACK hidden; ACK >; DATA(5) >", "inferred"),
        ("SYN >", "observed"),
        ("SYN >; < RST-ACK", "inferred"),
    ],
)
def test_an_opening_is_as_certain_as_its_weakest_step(ladder, certainty):
    assert only(ladder).opening.certainty == certainty


@pytest.mark.parametrize(
    ("ladder", "states"),
    [
        ("SYN >; < SYN-ACK; < SYN-ACK again; < SYN-ACK again; < SYN-ACK again", "CLOSED SYN_SENT"),
        ("SYN >; < SYN-ACK; ACK >", "CLOSED SYN_SENT ESTABLISHED"),
        ("< ACK hidden; < SYN-ACK", "CLOSED SYN_SENT"),
    ],
)
def test_a_syn_ack_that_nothing_proves_received_leaves_the_client_in_syn_sent(ladder, states):
    assert path(only(ladder).client) == states


def test_the_two_sides_of_the_capture_point_share_the_round_trip():
    opening = only("SYN @0 >; < SYN-ACK @0.03; ACK @0.05 >").opening
    assert (opening.server_side_ns, opening.client_side_ns, opening.rtt_ns) == (30_000_000, 20_000_000, 50_000_000)


def test_a_syn_that_was_sent_again_is_listed_with_its_times_and_timetable():
    opening = only("SYN lost >; SYN again lost @1 >; SYN again @3 >; < SYN-ACK; ACK >").opening
    assert opening.frames == (3, 4, 5)
    assert opening.schedule is not None
    assert opening.schedule.gaps_ns == (1_000_000_000, 2_000_000_000)
    assert [name.split(",")[0] for name in opening.schedule.fits] == ["Linux before 6.5"]
    start = opening.syn_times_ns[0]
    assert [time - start for time in opening.syn_times_ns] == [0, 1_000_000_000, 3_000_000_000]


def test_an_attempt_that_is_refused_again_and_again_with_the_same_isn_is_one():
    connection = only("SYN >; < RST-ACK; SYN again @0.5 >; < RST-ACK; SYN again @1 >; < RST-ACK")
    assert (connection.opening.kind, connection.opening.refusals) == ("refused", 3)
    assert [finding.text for finding in connection.findings if finding.id == "refused"] == [
        "frame 2 refuses the connection (refused 3 times: one attempt)"
    ]


def test_the_options_of_each_syn_are_kept():
    connection = only("SYN mss=1460 ws=7 sack ts mptcp fo ecn >; < SYN-ACK mss=1400 ws=9 sack ecn; ACK >")
    offered, taken = connection.client.options, connection.server.options
    assert (offered.mss, offered.window_scale, offered.sack_permitted, offered.timestamps) == (1460, 7, True, True)
    assert (offered.mptcp, offered.fast_open, offered.ecn) == (True, "request", True)
    assert (taken.mss, taken.window_scale, taken.sack_permitted, taken.timestamps) == (1400, 9, True, False)
    assert (taken.mptcp, taken.fast_open, taken.ecn) == (False, None, True)
    assert only("mid; talk").client.options.mss is None


def test_a_window_scale_above_14_is_taken_for_14():
    assert only("SYN ws=20 >").client.options.window_scale == 14


@pytest.mark.parametrize(
    ("ladder", "text"),
    [
        ("SYN(10) fo=8 >; < SYN-ACK; ACK >", "with 10 bytes of data; the SYN-ACK takes 10"),
        ("SYN(10) fo=8 ignored >; < SYN-ACK; ACK >", "with 10 bytes of data; the SYN-ACK takes 0"),
        ("SYN fo >; < SYN-ACK fo=8; ACK >", "with 0 bytes of data; the SYN-ACK takes 0"),
    ],
)
def test_fast_open_tells_what_was_asked_and_what_was_taken(ladder, text):
    texts = [finding.text for finding in only(ladder).findings if finding.id == "fast-open"]
    assert texts == [f"the SYN of frame 1 asks for Fast Open {text}"]


def test_data_that_the_server_refused_on_the_syn_is_sent_again_and_counted_once():
    connection = only("SYN(10) fo=8 ignored >; < SYN-ACK; ACK seq-10 >; DATA(10) seq=1 >; < ACK")
    assert connection.client.bytes == 10


@pytest.mark.parametrize(
    ("ladder", "state", "hard"),
    [
        ("SYN >; < ICMP(3,3)", "CLOSED", True),
        ("SYN >; < ICMP(3,13)", "CLOSED", True),
        ("SYN >; < ICMP(3,1)", "SYN_SENT", False),
        ("SYN >; < ICMP(11,0)", "SYN_SENT", False),
        ("SYN >; < ICMP(3,3); SYN again @1 >", "SYN_SENT", True),
    ],
)
def test_a_hard_icmp_error_ends_the_attempt_and_a_soft_one_does_not(ladder, state, hard):
    connection = only(ladder)
    icmp = connection.opening.icmp
    assert icmp is not None
    assert (connection.client.state, icmp.hard, icmp.frame, icmp.reporter) == (state, hard, 2, "203.0.113.9")
    assert "icmp-unreachable" in ids(connection)
