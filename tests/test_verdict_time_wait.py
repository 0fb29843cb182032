"""How long TIME_WAIT lasted: who holds it, how it ended, within which bounds (RFC 9293 section 3.6.1)."""

import pytest

from handshake_inspect.report import Connection, TimeWait
from handshake_inspect.verdict.words import TIME_WAIT_ENDS, TWO_MSL_NS
from numbers_in_pxd import numbers
from wrappings import START_NS, ids, only, path, play

S = 1_000_000_000
CLOSED = "open; FIN @1 >; < FIN; ACK @2 >"


def stay(ladder: str, **choices: str) -> TimeWait:
    (found,) = play(ladder, **choices).connections[0].time_wait
    return found


def bounds(found: TimeWait) -> tuple[str, int | None, int | None]:
    return found.end, found.at_least_ns, found.at_most_ns


def last(connection: Connection, role: str = "client") -> tuple[str, str, str, object, int]:
    step = getattr(connection, role).transitions[-1]
    return step.to, step.event, step.certainty, step.frame, step.time_ns - START_NS


def test_it_begins_with_the_holders_last_ack():
    found = stay(CLOSED)
    assert (found.holder, found.frame, found.start_ns - START_NS) == ("client", 5, 2 * S)


def test_a_new_syn_of_the_holder_ends_it_observed():
    connection = play(f"{CLOSED}; SYN isn+300 @12 >").connections[0]
    assert bounds(connection.time_wait[0]) == ("reuse", 0, 10 * S)
    assert last(connection) == ("CLOSED", "new SYN on the 4-tuple", "observed", 7, 12 * S)


def test_a_new_syn_that_the_holder_accepts_ends_it_inferred():
    connection = play("open; < FIN @1; FIN >; < ACK @2; SYN isn+300 @12 >; < SYN-ACK isn+500; ACK >").connections[0]
    assert bounds(connection.time_wait[0]) == ("reuse", 0, 10 * S)
    assert last(connection, "server") == ("CLOSED", "new SYN on the 4-tuple", "inferred", 7, 12 * S)


def test_a_new_syn_that_the_holder_does_not_answer_ends_nothing():
    connection = play("open; < FIN @1; FIN >; < ACK @2; SYN isn+300 @12 >").connections[0]
    assert bounds(connection.time_wait[0]) == ("capture-end", 10 * S, 60 * S)
    assert path(connection.server).endswith("TIME_WAIT")


def test_the_last_sign_of_life_is_the_least_that_a_reused_one_lasted():
    found = stay(f"{CLOSED}; < FIN again @5; ACK @6 >; SYN isn+300 @12 >")
    assert bounds(found) == ("reuse", 4 * S, 10 * S)


def test_a_rst_ends_it_without_a_least_bound():
    connection = only(f"{CLOSED}; < RST @5")
    assert bounds(connection.time_wait[0]) == ("reset", None, 3 * S)
    assert connection.time_wait[0].end_frame == 7
    assert last(connection) == ("CLOSED", "rcv RST", "inferred", 7, 5 * S)


def test_a_capture_that_goes_on_for_2msl_shows_nothing_and_it_expired():
    connection = only(f"{CLOSED}; quiet @62")
    assert bounds(connection.time_wait[0]) == ("expired", None, 60 * S)
    assert connection.time_wait[0].end_frame is None
    assert last(connection) == ("CLOSED", "2MSL timeout", "assumed", None, 62 * S)


def test_a_capture_that_ends_before_leaves_it_in_time_wait():
    connection = only(f"{CLOSED}; quiet @61.99")
    assert bounds(connection.time_wait[0]) == ("capture-end", 59_990_000_000, 60 * S)
    assert connection.client.state == "TIME_WAIT"


def test_it_begins_again_with_each_fin_that_is_answered_again():
    connection = only(f"{CLOSED}; < FIN again @10; ACK @11 >; < FIN again @20; ACK @21 >; quiet @70")
    found = connection.time_wait[0]
    assert found.restarts == (8, 10)
    assert bounds(found) == ("capture-end", 68 * S, 79 * S)
    assert bounds(stay(f"{CLOSED}; < FIN again @10; ACK @11 >; quiet @71")) == ("expired", None, 69 * S)


def test_a_fin_that_comes_again_unanswered_does_not_begin_it_again():
    assert stay(f"{CLOSED}; < FIN again @10").restarts == ()


def test_in_a_simultaneous_close_both_ends_hold_it():
    connection = only("open; FIN~ >; < FIN; ACK @1 >; < ACK @2")
    assert {found.holder for found in connection.time_wait} == {"client", "server"}


def test_nobody_holds_it_after_a_reset_or_a_half_close():
    assert only("open; RST >").time_wait == ()
    assert only("open; FIN >; < ACK").time_wait == ()


@pytest.mark.parametrize(
    ("profile", "seconds"),
    [("linux", 60), ("macos", 30), ("freebsd", 60), ("windows", 120), ("rfc", 240), ("45s", 45),
     ("1.5 min", 90), ("250ms", 0.25)],
)  # fmt: skip
def test_each_profile_and_any_duration_predicts_its_end(profile, seconds):
    found = stay(CLOSED, two_msl=profile)
    assert (found.profile, found.at_most_ns) == (profile, round(seconds * S))
    assert stay(f"{CLOSED}; quiet @{2 + seconds}", two_msl=profile).end == "expired"
    assert set(TWO_MSL_NS) == {"linux", "macos", "freebsd", "windows", "rfc"}


@pytest.mark.parametrize(("jump", "proof"), [(65537, True), (65536, False), (300, False)])
def test_linux_shows_that_it_reopened_a_time_wait_socket(jump, proof):
    # The server's old SND.NXT is its ISN + 2: SYN and FIN.
    ladder = f"open; < FIN; FIN >; < ACK; SYN isn+300 @5 >; < SYN-ACK isn+{jump + 2}; ACK >"
    texts = [finding.text for finding in play(ladder).connections[0].findings if finding.id == "time-wait-reused"]
    more = "; the new ISN is the old SND.NXT + 65537: Linux reopened it from TIME_WAIT" if proof else ""
    assert texts == [f"the SYN of frame 7 ends the server's TIME_WAIT{more}"]


def test_a_syn_after_2msl_is_no_reuse_of_a_time_wait():
    old = play(f"{CLOSED}; SYN isn+300 @63 >").connections[0]
    assert bounds(old.time_wait[0]) == ("expired", None, 60 * S)
    assert "time-wait-reused" not in ids(old)


def test_every_end_has_its_number_in_compiled_code():
    assert numbers("verdict/words.pxd", "END_") == {
        "REUSE": 0, "RESET": 1, "EXPIRED": 2, "CAPTURE": 3,
    }  # fmt: skip
    assert TIME_WAIT_ENDS == ("reuse", "reset", "expired", "capture-end")
