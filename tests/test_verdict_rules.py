"""Which of two things happened first: acknowledgment numbers decide, not the capture's order; and how sure we are."""

from typing import Any

import pytest

from handshake_inspect.report import Endpoint
from wrappings import only, path

OPENED = "CLOSED SYN_SENT ESTABLISHED"
ACCEPTED = "LISTEN SYN_RECEIVED ESTABLISHED"


def steps(end: Endpoint) -> list[tuple[Any, ...]]:
    """Return state reached, frame, first copy's frame, certainty and the frame that confirms it."""
    return [(step.to, step.frame, step.earliest_frame, step.certainty, step.confirmed_by) for step in end.transitions]


def test_what_a_segment_proves_received_is_delivered_before_it_is_sent():
    connection = only("open; < FIN; FIN >; < ACK")
    assert steps(connection.client)[2:] == [
        ("CLOSE_WAIT", 4, None, "confirmed", 5),
        ("LAST_ACK", 5, None, "observed", None),
        ("CLOSED", 6, None, "inferred", None),
    ]


@pytest.mark.parametrize(
    "ladder",
    [
        "open; FIN~ >; < FIN; ACK >; < ACK",
        "open; FIN~ >; < FIN; < ACK; ACK >",
        "open; < FIN~; FIN >; ACK >; < ACK",
        "open; < FIN~; FIN >; < ACK; ACK >",
    ],
)
def test_fins_that_do_not_acknowledge_each_other_crossed_wherever_they_were_captured(ladder):
    connection = only(ladder)
    assert path(connection.client) == OPENED + " FIN_WAIT_1 CLOSING TIME_WAIT"
    assert path(connection.server) == ACCEPTED + " FIN_WAIT_1 CLOSING TIME_WAIT"


def test_a_fin_that_nothing_proves_received_moves_nobody():
    assert path(only("open; FIN lost >").server) == ACCEPTED
    assert path(only("open; FIN lost >; < DATA(10)").server) == ACCEPTED


def test_a_syn_that_nothing_proves_received_moves_nobody():
    assert path(only("SYN >").server) == ""
    assert path(only("SYN >; < SYN").client) == "CLOSED SYN_SENT"


def test_an_ack_of_our_fin_is_inferred_until_the_fin_is_sent_again():
    once = only("open; FIN >; < ACK")
    assert steps(once.client)[-1] == ("FIN_WAIT_2", 5, None, "inferred", None)
    again = only("open; FIN >; < ACK lost; FIN again @1 >; < ACK")
    assert steps(again.client)[-1] == ("FIN_WAIT_2", 7, None, "inferred", None)


def test_an_ack_of_our_syn_ack_is_inferred_until_the_syn_ack_is_sent_again():
    once = only("open")
    assert steps(once.server)[-1] == ("ESTABLISHED", 3, None, "inferred", None)
    again = only("SYN >; < SYN-ACK; ACK lost >; < SYN-ACK again @1; ACK >")
    assert steps(again.server)[-1] == ("ESTABLISHED", 5, None, "inferred", None)


def test_data_of_the_server_confirms_that_it_was_established():
    assert steps(only("open; < DATA(10)").server)[-1] == ("ESTABLISHED", 3, None, "confirmed", 4)


def test_where_the_ack_was_not_captured_the_proof_stands_for_it_and_stays_inferred():
    connection = only("SYN >; < SYN-ACK; ACK hidden >; < DATA(10); < DATA(10); ACK >")
    assert steps(connection.server)[-1] == ("ESTABLISHED", 3, None, "inferred", None)


def test_a_fin_that_is_proved_later_was_received_before_the_ack_that_followed_it():
    # The server's FIN and then its ACK of the client's FIN pass before the client acknowledges either.
    connection = only("open; FIN~ >; < FIN; < ACK; ACK >")
    assert steps(connection.client)[2:] == [
        ("FIN_WAIT_1", 4, None, "observed", None),
        ("CLOSING", 5, None, "confirmed", 7),
        ("TIME_WAIT", 6, None, "inferred", None),
    ]


def test_a_fin_that_a_rst_takes_with_it_was_received_before_the_ack_that_followed_it():
    connection = only("open; FIN~ >; < FIN; ACK >; RST >")
    assert path(connection.server) == ACCEPTED + " FIN_WAIT_1 CLOSING TIME_WAIT CLOSED"


def test_a_simultaneous_open_passes_syn_received_on_both_sides_at_every_capture_point():
    for ladder in (
        "SYN~ >; < SYN; SYN-ACK~ >; < SYN-ACK",
        "SYN~ >; < SYN; < SYN-ACK; SYN-ACK >",
        "SYN~ >; < SYN; SYN-ACK >; < SYN-ACK; ACK >; < ACK",
    ):
        connection = only(ladder)
        states = "CLOSED SYN_SENT SYN_RECEIVED ESTABLISHED"
        assert (path(connection.client), path(connection.server)) == (states, states), ladder


def test_an_endpoint_that_sent_a_bare_syn_and_never_a_syn_ack_was_never_in_syn_received():
    assert path(only("SYN >; < SYN; SYN-ACK >; < ACK").server) == "CLOSED SYN_SENT ESTABLISHED"


def test_the_last_copy_before_the_proof_is_named_and_the_first_beside_it():
    connection = only("SYN lost >; SYN again @1 >; < SYN-ACK; ACK >; FIN lost >; FIN again @2 >; < ACK")
    assert steps(connection.server) == [
        ("SYN_RECEIVED", 2, 1, "confirmed", 3),
        ("ESTABLISHED", 4, None, "confirmed", 7),
        ("CLOSE_WAIT", 6, 5, "confirmed", 7),
    ]
    assert steps(connection.client)[1] == ("ESTABLISHED", 3, None, "confirmed", 4)


def test_a_fin_beyond_a_hole_moves_nothing_until_the_hole_is_filled():
    waiting = only("open; DATA(10) lost >; FIN >; < ACK")
    assert path(waiting.server) == ACCEPTED
    filled = only("open; DATA(10) late >; FIN >; < ACK")
    assert steps(filled.server)[-1] == ("CLOSE_WAIT", 5, None, "confirmed", 6)


def test_events_of_one_segment_come_in_the_order_of_the_rfc():
    connection = only("SYN >; < SYN-ACK; FIN >; < FIN; ACK >")
    assert [step.event for step in connection.server.transitions if step.frame == 3] == ["rcv ACK of SYN", "rcv FIN"]
    assert [step.event for step in connection.client.transitions if step.frame == 4] == ["rcv ACK of FIN", "rcv FIN"]


@pytest.mark.parametrize(
    ("ladder", "client", "server"),
    [
        ("SYN >; SYN again @1 >; SYN again @3 >; quiet @600", "SYN_SENT", None),
        ("SYN >; < SYN-ACK; quiet @600", "SYN_SENT", "SYN_RECEIVED"),
        ("open; FIN >; quiet @600", "FIN_WAIT_1", "ESTABLISHED"),
        ("open; FIN >; < ACK; quiet @600", "FIN_WAIT_2", "CLOSE_WAIT"),
        ("open; FIN >; < FIN; quiet @600", "FIN_WAIT_2", "LAST_ACK"),
    ],
)
def test_what_no_segment_shows_stays_unsaid_however_long_the_capture_goes_on(ladder, client, server):
    connection = only(ladder)
    assert (connection.client.state, connection.server.state) == (client, server)


def test_the_age_of_the_last_state_runs_to_the_end_of_the_capture():
    connection = only("open; FIN @2 >; < ACK; quiet @100")
    assert connection.client.time_in_state_ns["FIN_WAIT_2"] == 97_990_000_000


def test_mid_stream_both_ends_are_assumed_established():
    connection = only("mid; DATA(10) >; < ACK")
    assert (connection.client.state, connection.server.state) == ("ESTABLISHED", "ESTABLISHED")
    assert (connection.opening.kind, connection.opening.certainty) == ("mid-stream", "assumed")
