"""How a connection closed: every kind, who was first, what was sent after the first FIN (RFC 9293 section 3.6)."""

import pytest

from handshake_inspect.verdict.words import CLOSINGS
from numbers_in_pxd import as_constants, numbers
from wrappings import only, path

# fmt: off
CASES = {
    "four-way": [
        ("open; close", "client", (4, 5, 6, 7)), ("open; < FIN; ACK >; FIN >; < ACK", "server", (4, 5, 6, 7)),
        ("open; FIN(10) >; < ACK; < FIN(5); ACK >", "client", (4, 5, 6, 7)),
        ("mid; FIN lost >; FIN again >; < ACK; < FIN; ACK >", "client", (1, 3, 4, 5)),
        ("open; close; < RST", "client", (4, 5, 6, 7)),
    ],
    "three-segment": [("open; FIN >; < FIN; ACK >", "client", (4, 5, 6)),
                      ("mid; < FIN; FIN >; < ACK", "server", (1, 2, 3))],
    "simultaneous": [
        ("open; FIN~ >; < FIN; ACK >; < ACK", "client", (4, 5, 6, 7)),
        ("mid; < FIN~; FIN >; < ACK; ACK >", "server", (1, 2, 3, 4)),
        ("mid; FIN~ >; < FIN; < ACK; ACK >", "client", (1, 2, 3, 4)),
    ],
    "half-closed": [("open; FIN >; < ACK", "client", (4, 5)),
                    ("open; < FIN; ACK >; DATA(10) >; < ACK", "server", (4, 5))],
    "reset": [("open; RST >", "client", (4,)), ("mid; DATA(5) >; < RST", "server", (2,))],
    "fin-then-reset": [
        ("open; FIN >; < RST", "client", (4, 5)), ("open; FIN >; < ACK; RST >", "client", (4, 5, 6)),
        ("mid; < FIN; < RST", "server", (1, 2)), ("mid; FIN >; < ACK; < DATA(4); RST >", "client", (1, 2, 4)),
    ],
    "unacknowledged": [
        ("open; FIN lost >", "client", (4,)), ("open; FIN >; < FIN", "client", (4, 5)),
        ("open; FIN~ >; < FIN", "client", (4, 5)), ("open; FIN >; < ACK ack-1", "client", (4,)),
    ],
    "open": [("open", None, ()), ("mid; talk", None, ())],
    "none": [("SYN >", None, ()), ("SYN >; < SYN-ACK; RST >", None, ()), ("SYN >; < RST-ACK", None, ())],
}
# fmt: on


@pytest.mark.parametrize(
    ("kind", "ladder", "first", "frames"), [(kind, *case) for kind, cases in CASES.items() for case in cases]
)
def test_a_closing_is_called_by_what_was_seen(kind, ladder, first, frames):
    closing = only(ladder).closing
    assert (closing.kind, closing.first, closing.frames) == (kind, first, frames)


def test_every_closing_has_a_case_and_compiled_code_the_same_numbers():
    assert set(CASES) == set(CLOSINGS)
    assert numbers("verdict/words.pxd", "CLOSING_") == as_constants(CLOSINGS) | {"COUNT": len(CLOSINGS)}


def test_data_after_the_first_fin_is_counted_for_each_side():
    sent = only(
        "mid; DATA(7) >; FIN >; < ACK; < DATA(100); < DATA(50); ACK >; < FIN; ACK >"
    ).closing.bytes_after_first_fin
    assert (sent.client, sent.server) == (0, 150)


def test_data_on_a_fin_is_not_data_after_the_fin():
    connection = only("mid; FIN(30) >; < FIN(20); ACK >")
    sent = connection.closing.bytes_after_first_fin
    assert (connection.client.bytes, connection.server.bytes, sent.client, sent.server) == (30, 20, 0, 20)


@pytest.mark.parametrize(
    ("ladder", "by", "state"),
    [
        ("open; < RST", "server", "ESTABLISHED"),
        ("open; FIN >; < RST", "server", "FIN_WAIT_1"),
        ("open; FIN >; < ACK; < RST", "server", "FIN_WAIT_2"),
        ("open; FIN >; < ACK; RST >", "client", "CLOSE_WAIT"),
        ("open; FIN >; < FIN; RST >", "client", "LAST_ACK"),
        ("open; FIN~ >; < FIN; < RST", "server", "CLOSING"),
        ("open; < FIN; < RST", "server", "CLOSE_WAIT"),
    ],
)
def test_a_reset_tells_who_sent_it_and_the_state_that_it_met(ladder, by, state):
    closing = only(ladder).closing
    assert (closing.reset_by, closing.reset_in_state) == (by, state)


def test_the_first_fin_is_the_one_that_the_other_acknowledges_when_the_capture_is_out_of_order():
    connection = only("mid; FIN late >; < FIN; ACK >")
    assert (connection.closing.kind, connection.closing.first) == ("three-segment", "client")
    assert path(connection.client) == "ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT"
