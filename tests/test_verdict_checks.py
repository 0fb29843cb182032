"""The SEQ + 1 checks: each name passing and failing (RFC 9293 section 3.4)."""

import pytest

from handshake_inspect.verdict.words import CHECK_NAMES
from numbers_in_pxd import numbers
from wrappings import only

SYN_ACK, ACK, CONTINUES, CLIENT_FIN, SERVER_FIN = CHECK_NAMES

# The check, a ladder, its frame, how far what was seen lies beyond what was expected, whether that is right.
# fmt: off
CASES = [
    (SYN_ACK, "open", 2, 0, True),
    (SYN_ACK, "SYN >; < SYN-ACK ack+1", 2, 1, False),
    (SYN_ACK, "SYN >; < SYN-ACK ack-1", 2, -1, False),
    (SYN_ACK, "SYN(10) fo=8 >; < SYN-ACK; ACK >", 2, 10, True),
    (SYN_ACK, "SYN(10) fo=8 ignored >; < SYN-ACK; ACK >", 2, 0, True),
    (SYN_ACK, "SYN(10) fo=8 >; < SYN-ACK ack+1", 2, 11, False),
    (ACK, "open", 3, 0, True),
    (ACK, "SYN >; < SYN-ACK; ACK ack-1 >", 3, -1, False),
    (ACK, "SYN >; < SYN-ACK; ACK ack+1 >", 3, 1, False),
    (CONTINUES, "open", 3, 0, True),
    (CONTINUES, "SYN >; < SYN-ACK; ACK seq-1 >", 3, -1, False),
    (CLIENT_FIN, "mid; FIN >; < ACK", 2, 0, True),
    (CLIENT_FIN, "mid; FIN(10) >; < ACK", 2, 0, True),
    (CLIENT_FIN, "mid; FIN >; < ACK hidden; < DATA(5)", 2, 0, True),
    (CLIENT_FIN, "mid; FIN >; < ACK ack+1", 2, 1, False),
    (SERVER_FIN, "mid; < FIN; ACK >", 2, 0, True),
    (SERVER_FIN, "mid; FIN >; < FIN; ACK >", 3, 0, True),
    (SERVER_FIN, "mid; < FIN; ACK ack+3 >", 2, 3, False),
]
# fmt: on


@pytest.mark.parametrize(("name", "ladder", "frame", "off", "ok"), CASES)
def test_a_check_names_its_frame_and_what_was_expected_and_seen(name, ladder, frame, off, ok):
    checks = [check for check in only(ladder).checks if check.name == name]
    assert [(check.frame, (check.seen - check.expected + 2**31) % 2**32 - 2**31, check.ok) for check in checks] == [
        (frame, off, ok)
    ]


def test_every_check_has_a_passing_and_a_failing_case_and_compiled_code_the_same_numbers():
    assert {(name, ok) for name, *_, ok in CASES} == {(name, ok) for name in CHECK_NAMES for ok in (True, False)}
    assert numbers("verdict/words.pxd", "CHECK_") == {
        "SYN_ACK": 0, "ACK": 1, "CONTINUES": 2, "CLIENT_FIN": 3, "SERVER_FIN": 4,
    }  # fmt: skip


def test_a_wrong_number_is_told_with_how_far_it_is_off():
    (text,) = [finding.text for finding in only("mid; FIN >; < ACK ack+1").findings if finding.id == "wrong-ack"]
    assert text == "the server's frame 2 acknowledges 4294967293, expected 4294967292: 1 too many"


def test_a_fin_that_was_never_acknowledged_is_not_checked():
    assert [check.name for check in only("open; FIN lost >").checks] == [SYN_ACK, ACK, CONTINUES]


def test_a_wrong_check_does_not_hide_the_right_one_that_follows():
    checks = [(check.frame, check.ok) for check in only("mid; FIN >; < ACK ack+1; < ACK").checks]
    assert checks == [(2, False), (3, True)]


def test_an_ack_beyond_the_data_seen_is_a_gap_and_no_wrong_number():
    connection = only("open; DATA(100) hidden >; < ACK; FIN >; < ACK")
    assert all(check.ok for check in connection.checks)
    assert connection.client.missing_bytes == 100
