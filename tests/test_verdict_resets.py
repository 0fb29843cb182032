"""RSTs (RFC 9293 section 3.10.7.4, RFC 5961 section 3.2): taken, challenged, ignored, lost, forged."""

import pytest

from wrappings import ids, only, path

OPENED = "CLOSED SYN_SENT ESTABLISHED"
ACCEPTED = "LISTEN SYN_RECEIVED ESTABLISHED"

# The client's RCV.NXT is the server's ISN + 1 after `open`; its window is 64240, or that shifted by 2.
SCALED = "SYN ws=2 >; < SYN-ACK ws=0; ACK >"


@pytest.mark.parametrize(
    ("ladder", "client", "finding"),
    [
        ("open; < RST", OPENED + " CLOSED", None),
        ("open; < RST seq+1", OPENED, "rst-challenged"),
        ("open; < RST seq+64239", OPENED, "rst-challenged"),
        ("open; < RST seq+64240", OPENED, "rst-ignored"),
        ("open; < RST seq-1", OPENED, "rst-ignored"),
        ("open; < RST seq+10000000", OPENED, "rst-ignored"),
        (f"{SCALED}; < RST seq+64240", OPENED, "rst-challenged"),
        (f"{SCALED}; < RST seq+256959", OPENED, "rst-challenged"),
        (f"{SCALED}; < RST seq+256960", OPENED, "rst-ignored"),
        ("SYN ws=2 >; < SYN-ACK; ACK >; < RST seq+64240", OPENED, "rst-ignored"),
        ("open; ACK win=0 >; < RST", OPENED + " CLOSED", None),
        ("open; ACK win=0 >; < RST seq+1", OPENED, "rst-ignored"),
    ],
)
def test_a_rst_counts_by_its_place_in_the_window(ladder, client, finding):
    connection = only(ladder)
    assert path(connection.client) == client
    assert {name for name in ids(connection) if name.startswith("rst-")} == ({finding} if finding else set())


@pytest.mark.parametrize(
    ("ladder", "client", "opening"),
    [
        ("SYN >; < RST-ACK", "CLOSED SYN_SENT CLOSED", "refused"),
        ("SYN >; < RST", "CLOSED SYN_SENT", "failed"),
        ("SYN >; < RST-ACK ack-1", "CLOSED SYN_SENT", "failed"),
        ("SYN >; < RST-ACK ack+1", "CLOSED SYN_SENT", "failed"),
        ("SYN(10) fo=8 >; < RST-ACK", "CLOSED SYN_SENT CLOSED", "refused"),
        ("SYN(10) fo=8 >; < RST-ACK ack-10", "CLOSED SYN_SENT CLOSED", "refused"),
    ],
)
def test_in_syn_sent_a_rst_counts_only_if_it_acknowledges_the_syn(ladder, client, opening):
    connection = only(ladder)
    assert (path(connection.client), connection.opening.kind) == (client, opening)
    assert ("rst-ignored" in ids(connection)) is (opening == "failed")


def test_a_rst_that_does_not_acknowledge_the_syn_is_said_to():
    assert [finding.text for finding in only("SYN >; < RST-ACK ack+1").findings] == [
        "the RST of frame 2 (server) is ignored: it does not acknowledge the SYN"
    ]


@pytest.mark.parametrize("off", ["", " seq+5000", " seq-5"])
def test_mid_stream_the_window_is_not_known_and_a_rst_is_taken_as_inferred(off):
    connection = only(f"mid; DATA(10) >; < RST{off}")
    assert [(step.to, step.certainty, step.frame) for step in connection.client.transitions] == [
        ("CLOSED", "inferred", 2)
    ]


def test_a_rst_whose_receiver_goes_on_with_data_was_not_taken():
    connection = only("open; DATA(5) >; < RST lost; DATA(5) @1 >; RST @+1 >")
    assert "rst-not-delivered" in ids(connection)
    assert path(connection.server) == ACCEPTED + " CLOSED"
    assert path(connection.client).startswith(OPENED)


@pytest.mark.parametrize("off", ["", " seq+100", " seq+10000000"])
def test_a_rst_whose_named_sender_goes_on_with_data_closed_neither_end(off):
    connection = only(f"open; < RST{off} lost; DATA(4) >; < DATA(10); ACK >")
    assert (path(connection.client), path(connection.server)) == (OPENED, ACCEPTED)
    assert connection.closing.kind == "open"
    assert ids(connection) & {"rst-forged", "rst-challenged", "rst-ignored"}


def test_a_rst_whose_named_sender_then_closes_in_order_was_forged():
    connection = only("open; < RST lost; < FIN; ACK >; FIN >; < ACK")
    assert "rst-forged" in ids(connection)
    assert path(connection.server) == ACCEPTED + " FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT"


def test_the_sender_of_a_rst_is_closed_and_its_receiver_as_far_as_is_known():
    connection = only("open; talk; RST-ACK >")
    assert [step.certainty for step in connection.client.transitions][-1] == "observed"
    assert [step.certainty for step in connection.server.transitions][-1] == "inferred"
    assert (connection.closing.reset_by, connection.closing.reset_in_state) == ("client", "ESTABLISHED")


@pytest.mark.parametrize(
    ("ladder", "role", "states"),
    [
        ("SYN >; < RST-ACK", "server", "CLOSED"),
        ("open; FIN >; < FIN; ACK >; < DATA(5) seq-6; RST >", "client", OPENED + " FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT"),
        ("open; < FIN; FIN >; < ACK; < DATA(5) seq-6; RST >", "client", OPENED + " CLOSE_WAIT LAST_ACK CLOSED"),
    ],
    ids=["a listener refuses", "TIME_WAIT answers", "a closed endpoint answers"],
)
def test_who_only_answers_a_stray_segment_with_a_rst_stays_as_it_was(ladder, role, states):
    assert path(getattr(only(ladder), role)) == states


def test_syn_received_returns_to_listen_after_a_passive_open_and_is_closed_after_an_active_one():
    assert path(only("SYN >; < SYN-ACK; RST >").server) == "LISTEN SYN_RECEIVED LISTEN"
    crossed = only("SYN~ >; < SYN; < SYN-ACK; RST >")
    assert path(crossed.server) == "CLOSED SYN_SENT SYN_RECEIVED CLOSED"


def test_a_rst_past_a_fin_takes_the_fin_with_it():
    connection = only("open; talk; < FIN; < RST")
    assert path(connection.client) == OPENED + " CLOSE_WAIT CLOSED"
    assert path(connection.server) == ACCEPTED + " FIN_WAIT_1 CLOSED"
    assert [(step.frame, step.certainty) for step in connection.client.transitions][-2:] == [
        (8, "inferred"), (9, "inferred"),
    ]  # fmt: skip


def test_a_rst_after_a_complete_close_does_not_change_how_it_closed():
    connection = only("open; close; < RST")
    assert (connection.closing.kind, connection.closing.reset_by) == ("four-way", "server")
    assert [(stay.holder, stay.end, stay.end_frame) for stay in connection.time_wait] == [("client", "reset", 8)]
