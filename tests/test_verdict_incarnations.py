"""Which segments are one connection: incarnations, roles, mirrored copies, a socket that connected to itself."""

import pytest

from handshake_inspect.report import Connection
from wrappings import Wrapping, ids, only, path, play

CLOSED = "open; talk; FIN >; < FIN; ACK >"
AGAIN = "SYN isn+900000 @10 >; < SYN-ACK isn+7000000; ACK >"


def spans(connections: list[Connection]) -> list[tuple[int, object, object]]:
    return [(one.incarnation, one.first_frame, one.last_frame) for one in connections]


def test_a_syn_with_another_isn_begins_the_next_incarnation():
    found = play(f"{CLOSED}; {AGAIN}; talk").connections[:]
    assert spans(found) == [(1, 1, 10), (2, 11, 17)]
    assert [(one.client.bytes, one.server.bytes) for one in found] == [(10, 20), (10, 20)]


@pytest.mark.parametrize("ladder", ["SYN >; SYN again @100 >", "SYN >; < RST-ACK; SYN again @100 >; < RST-ACK"])
def test_a_syn_with_the_same_isn_is_the_same_attempt_even_after_a_rst(ladder):
    assert only(ladder).client.retransmissions.syn == 1


def test_idle_time_never_splits_a_connection():
    assert only("open; talk; DATA(5) @86400 >; < ACK; FIN @172800 >").client.bytes == 15


def test_three_incarnations_are_counted_one_after_the_other():
    ladder = f"{CLOSED}; {AGAIN}; FIN >; < FIN; ACK >; SYN isn+900000 @20 >; < SYN-ACK isn+7000000; ACK >"
    found = play(ladder).connections[:]
    assert [one.incarnation for one in found] == [1, 2, 3]
    assert [finding.text for finding in found[2].findings if finding.id == "tuple-reused"] == [
        "connection 3 on this 4-tuple; the one before began at frame 11"
    ]


def test_while_the_new_syn_is_unanswered_the_old_connection_is_alive():
    ladder = "open; talk; SYN isn+900000 >; < DATA(30) old; DATA(40) old >; < ACK old"
    old, new = play(ladder).connections
    assert (old.client.bytes, old.server.bytes) == (50, 50)
    assert (new.client.segments, new.server.segments, new.opening.kind) == (1, 0, "unanswered")


def test_a_challenge_ack_with_the_old_numbers_belongs_to_the_old_one():
    old, new = play(
        "open; talk; SYN isn+900000 >; < ACK old; RST old >; SYN again @+1 >; < SYN-ACK isn+7; ACK >"
    ).connections
    assert (old.last_frame, new.first_frame) == (10, 8)
    assert (old.closing.kind, new.opening.kind, "syn-challenged" in ids(new)) == ("reset", "three-way", True)


def test_a_late_segment_goes_to_the_incarnation_that_it_fits():
    old, new = play(f"{CLOSED}; {AGAIN}; < DATA(20) old seq-21; DATA(5) >; < ACK").connections
    assert [finding.frames for finding in old.findings if finding.id == "late-segment"] == [(14,)]
    assert (new.server.bytes, new.client.bytes) == (0, 5)


def test_segments_after_the_end_are_counted_as_late_and_change_nothing():
    before, after = only("open; talk; close"), only("open; talk; close; DATA(10) again @5 >; < ACK")
    assert (path(before.client), path(before.server)) == (path(after.client), path(after.server))
    assert "late-segment" in ids(after)


@pytest.mark.parametrize(
    ("ladder", "client_port", "roles"),
    [
        ("SYN >", 49152, "seen"),
        ("SYN hidden >; < SYN-ACK", 49152, "seen"),
        ("SYN~ >; < SYN; SYN-ACK~ >; < SYN-ACK", 49152, "seen"),
        ("mid; DATA(5) >", 49152, "guessed"),
        ("mid; < DATA(5)", 49152, "guessed"),
        ("port 900; mid; DATA(5) >", 900, "guessed"),
        ("port 900; mid; < DATA(5)", 443, "guessed"),
    ],
)
def test_the_client_sent_the_first_syn_or_got_the_first_syn_ack_else_it_is_guessed(ladder, client_port, roles):
    connection = only(ladder)
    assert (connection.client.port, connection.roles) == (client_port, roles)
    assert ("roles-guessed" in ids(connection)) is (roles == "guessed")


@pytest.mark.parametrize("family", [4, 6])
def test_the_client_is_who_it_is_whichever_address_is_lower(family):
    below, above = (only("SYN >; < SYN-ACK", Wrapping(family=family, server_below=low)) for low in (True, False))
    assert (below.client.port, above.client.port) == (49152, 49152)
    assert (below.client.address, below.server.address) == (above.server.address, above.client.address)


def test_a_syn_ack_captured_before_its_syn_is_put_right_and_told():
    connection = only("SYN late >; < SYN-ACK; ACK >; talk")
    assert path(connection.client) == "CLOSED SYN_SENT ESTABLISHED"
    assert [finding.text for finding in connection.findings] == [
        "the SYN-ACK of frame 1 stands before its SYN, frame 2"
    ]


def test_a_clock_that_goes_back_is_told_and_times_stay_those_of_the_frames():
    connection = only("SYN @10 >; < SYN-ACK; ACK >; DATA(5) @3 >; < ACK @11")
    assert [finding.text for finding in connection.findings] == ["the clock goes back"]
    assert connection.last_time_ns - connection.first_time_ns == 8_000_000_000
    assert connection.client.bytes == 5


def test_a_socket_that_connected_to_itself_is_named_and_its_states_are_not_judged():
    connection = only("SYN >; SYN-ACK ack=1 >; ACK >; FIN >", Wrapping(one_socket=True))
    assert "self-connected" in ids(connection)
    assert (connection.client.state, connection.server.state) == (None, None)
    assert (connection.client.transitions, connection.server.transitions) == ((), ())
    assert (connection.client.address, connection.client.port) == (connection.server.address, connection.server.port)


@pytest.mark.parametrize("step", ["SYN", "DATA(10)", "FIN", "ACK", "RST"])
def test_the_same_segment_captured_twice_is_a_copy_and_no_retransmission(step):
    mid = "" if step == "SYN" else "mid; "
    for family, stamps in ((4, ""), (6, "all ts; ")):
        connection = only(f"{stamps}{mid}{step} x2 >", Wrapping(family=family))
        again = connection.client.retransmissions
        assert connection.client.duplicates == 1
        assert (again.syn, again.fin, again.data, connection.client.segments) == (0, 0, 0, 1)
        assert "mirrored" in ids(connection)


@pytest.mark.parametrize(
    ("ladder", "wrapping"),
    [
        ("SYN >; SYN again @+0.001 >", Wrapping()),
        ("mid; DATA(10) >; DATA(10) again @+0.001 >", Wrapping()),
        ("mid; ACK >; ACK @+0.001 >", Wrapping(family=6)),
    ],
    ids=["SYN with another IP identification", "data with another IP identification", "bare ACKs on IPv6"],
)
def test_a_retransmission_is_no_copy(ladder, wrapping):
    connection = only(ladder, wrapping)
    assert (connection.client.duplicates, connection.client.segments) == (0, 2)
