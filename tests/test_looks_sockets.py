"""The sockets of each host at an instant: states, queues, timers, listeners."""

from __future__ import annotations

import pytest

from handshake_inspect.looks.sockets import Timer, find, sockets
from handshake_inspect.looks.timeline import at, spans
from handshake_inspect.looks.wire import read
from looking import MS, SECOND, moment, recorded
from wrappings import only

CLOSE = "open; talk; FIN @1 >; < ACK; < FIN @2; ACK >"


def table(folder, ladder, seconds, *, host=None, wire=True, two_msl_ns=60 * SECOND):
    path, report = recorded(folder, ladder)
    found, listeners = find(report.connections, moment(seconds), lambda end: host in (None, end.address))
    wires = read([path], [each.connection for each in found], until_ns=moment(seconds)) if wire else {}
    return sockets(found, listeners, moment(seconds), two_msl_ns, wires)


def rows(folder, ladder, seconds, **choices):
    """(role, state, send_q) of each socket that is no listener."""
    found = table(folder, ladder, seconds, **choices).sockets
    return sorted((row.role, row.state, row.send_q) for row in found if row.connection is not None)


@pytest.mark.parametrize(
    ("seconds", "client", "server"),
    [
        (0.005, ("SYN_SENT", 1), ("SYN_RECEIVED", 0)),
        (0.5, ("ESTABLISHED", 0), ("ESTABLISHED", 0)),
        (1.005, ("FIN_WAIT_1", 1), ("CLOSE_WAIT", 0)),
        (1.5, ("FIN_WAIT_2", 0), ("CLOSE_WAIT", 0)),
        (2.005, ("TIME_WAIT", 0), ("LAST_ACK", 1)),
    ],
)
def test_each_end_is_in_the_state_of_its_last_transition(tmp_path, seconds, client, server):
    ladder = "SYN @0 >; < SYN-ACK @0.01; ACK >; talk; FIN @1 >; < ACK; < FIN @2; ACK >"
    found = rows(tmp_path, ladder, seconds)
    expected = [("client", *client), ("server", *server)]
    if seconds == 0.005:
        # A SYN-ACK that proves the SYN's arrival has not been sent yet, so nothing of the server's is queued.
        assert [row[:2] for row in found] == [row[:2] for row in expected]
        assert found[0][2] == 1
    else:
        assert found == expected


def test_bytes_in_flight_are_in_send_q(tmp_path):
    assert rows(tmp_path, "open; DATA(700) @1 >; < ACK @2; quiet @3", 1.5)[0] == ("client", "ESTABLISHED", 700)
    assert rows(tmp_path, "open; DATA(700) @1 >; < ACK @2; quiet @3", 2.5)[0] == ("client", "ESTABLISHED", 0)


def test_send_q_is_unknown_without_a_second_pass(tmp_path):
    assert rows(tmp_path, "open; DATA(700) @1 >; quiet @3", 1.5, wire=False)[0] == ("client", "ESTABLISHED", None)


def test_a_closed_end_and_one_that_never_showed_are_no_sockets(tmp_path):
    assert rows(tmp_path, "SYN >; < RST-ACK; quiet @1", 0.5) == []
    assert rows(tmp_path, "SYN >; quiet @1", 0.5) == [("client", "SYN_SENT", 1)]


def test_time_wait_ends_after_two_msl(tmp_path):
    (row,) = table(tmp_path, f"{CLOSE}; quiet @100", 32.02, host="192.0.2.1").sockets
    assert row.state == "TIME_WAIT"
    assert row.timer == Timer(kind="2msl", left_ns=30 * SECOND + 10 * MS - 20 * MS, basis="profile", at_most=False)
    assert table(tmp_path, f"{CLOSE}; quiet @100", 63, host="192.0.2.1").sockets == ()


@pytest.mark.parametrize(
    ("ladder", "seconds", "timer"),
    [
        ("SYN @0 >; quiet @0.5", 0.25, ("syn", 0.75, "schedule")),
        ("SYN @0 >; SYN again @1 >; quiet @2", 0.25, ("syn", 0.75, "seen")),
        ("SYN @0 >; SYN again @1 >; SYN again @3 >; quiet @4", 3.5, ("syn", 3.5, "schedule")),
        ("SYN @0 >; < SYN-ACK lost @0.01; quiet @1", 0.51, ("syn-ack", 0.5, "schedule")),
        ("open; FIN @1 lost >; FIN again @1.2 >; FIN again @1.6 >; quiet @2", 1.7, ("fin", 0.7, "schedule")),
        ("open; FIN @1 lost >; quiet @2", 1.1, None),
        ("open; talk", 0.05, None),
    ],
)
def test_what_is_due_again_follows_the_copies_or_their_timetable(tmp_path, ladder, seconds, timer):
    found = [row.timer for row in table(tmp_path, ladder, seconds).sockets if row.timer is not None]
    expected = [] if timer is None else [(timer[0], round(timer[1] * SECOND), timer[2])]
    assert [
        (each.kind, each.left_ns, each.basis) for each in found if timer is None or each.kind == timer[0]
    ] == expected


def test_a_listener_is_assumed_from_the_first_accepted_syn_until_a_refusal(tmp_path):
    ladder = "open; close; port 50001; SYN @5 >; < RST-ACK; quiet @9"

    def listeners(seconds):
        return [(row.port, row.certainty) for row in table(tmp_path, ladder, seconds).sockets if row.state == "LISTEN"]

    assert listeners(1) == [(443, "assumed")]
    assert listeners(6) == []


def test_a_newer_incarnation_takes_the_place_of_one_that_nothing_ended(tmp_path):
    ladder = "open; FIN >; < ACK; SYN isn+300 @5 >; < SYN-ACK isn+500; ACK >; quiet @9"
    assert rows(tmp_path, ladder, 8, host="192.0.2.1")[0][:2] == ("client", "ESTABLISHED")
    assert len(rows(tmp_path, ladder, 8, host="192.0.2.1")) == 1


def test_what_a_newer_incarnation_replaced_does_not_come_back_when_that_ends(tmp_path):
    ladder = "open; FIN >; < ACK; SYN isn+300 @5 >; < SYN-ACK isn+500; ACK >; RST @6 >; quiet @9"
    assert rows(tmp_path, ladder, 4, host="192.0.2.1") == [("client", "FIN_WAIT_2", 0)]
    assert rows(tmp_path, ladder, 8) == []


def test_a_capture_that_starts_mid_stream_has_sockets_from_before_it(tmp_path):
    found = table(tmp_path, "mid; talk; quiet @9", 5).sockets
    assert [(row.state, row.since_ns, row.certainty) for row in found] == [("ESTABLISHED", None, "assumed")] * 2


def test_a_transition_before_its_predecessor_takes_effect_with_it():
    connection = only("SYN late @0 >; < SYN-ACK @1; ACK >; quiet @9")
    for end in (connection.client, connection.server):
        edges = [span.start_ns for span in spans(end) if span.start_ns is not None]
        assert edges == sorted(edges)
        assert at(end, moment(8)).state == "ESTABLISHED"
