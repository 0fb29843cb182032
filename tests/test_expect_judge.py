"""Every rule holds, is broken, and cannot be judged; what is broken whatever the capture lacks is broken."""

from __future__ import annotations

import pytest

from handshake_inspect.expect.judge import judge
from handshake_inspect.expect.load import loads
from handshake_inspect.expect.result import CASES_MAX, Verdict
from handshake_inspect.expect.rules import RULES
from wrappings import PLAIN, capture_bytes, frames, play

GOOD = "open; talk; close"
LOST = "open; DATA(10) hidden >; < ACK; talk"
HALF = "open; talk; FIN >; < ACK; quiet @9"
MID = "mid; talk; close"
ONE_SIDED = "SYN >; < SYN-ACK hidden; ACK >; DATA(10) >"


def verdict(ladder: str, keys: str, **choices) -> Verdict:
    return judge(play(ladder, **choices), loads(f"[[expect]]\n{keys}"), capture="x.pcap")


def outcomes(found: Verdict) -> dict[str, str]:
    return {result.key: result.outcome for result in found.results}


# fmt: off
JUDGED = {
    # key: it holds of, is broken by, cannot be judged of
    'opening = "three-way"': (GOOD, "SYN >; < RST-ACK", MID),
    'opening = "mid-stream"': (MID, GOOD, None),
    'opening = ["refused", "unanswered"]': ("SYN >; < RST-ACK", GOOD, ONE_SIDED),
    'closing = "four-way"': (GOOD, "open; talk; < RST", LOST),
    'closing = ["reset", "open"]': ("open; talk", GOOD, LOST),
    'closed_by = "client"': (GOOD, "open; talk; < RST", MID),
    'closed_by = "nobody"': ("open; talk", GOOD, ONE_SIDED),
    'reset_by = "server"': ("open; talk; < RST", "open; talk; RST >", LOST),
    'reset_by = "nobody"': (GOOD, "open; talk; RST >", LOST),
    'state.client = "TIME_WAIT"': (GOOD, HALF, MID),
    'state.server = ["CLOSE_WAIT", "CLOSED"]': (HALF, "open; talk", LOST),
    'state.server = "ESTABLISHED"': ("open; talk", HALF, "open"),
    'state.client = "ESTABLISHED"': ("open", HALF, ONE_SIDED),
    'state.server = "unknown"': ("SYN >; quiet @5", GOOD, "SYN >"),
    'path.client = ["CLOSED", "SYN_SENT", "CLOSED"]': ("SYN >; < RST-ACK", GOOD, MID),
    'path.server = [["LISTEN", "SYN_RECEIVED", "ESTABLISHED"], ["CLOSED"]]': ("open; talk", GOOD, "open"),
    'forbid = ["half-closed", "wrong-ack"]': (GOOD, HALF, LOST),
    'forbid = "syn-retransmitted"': (GOOD, "SYN >; SYN again @1 >; < SYN-ACK; ACK >; talk", MID),
    'require = "half-closed"': (HALF, GOOD, "open; DATA(10) hidden >; < ACK; FIN >; < ACK"),
    'require = ["fin-retransmitted"]': ("open; talk; FIN lost >; FIN again @2 >; < ACK; < FIN; ACK >", GOOD, LOST),
    'allow = ["half-closed"]': (HALF, LOST, None),
    'max.handshake = "20 ms"': (GOOD, "SYN >; < SYN-ACK; ACK @1 >; talk", MID),
    'min.handshake = "1 ms"': (GOOD, "SYN >; < RST-ACK", MID),
    'max.client_side = "10 ms"': (GOOD, "SYN >; < SYN-ACK; ACK @1 >; talk", ONE_SIDED),
    'max.bytes = 30': (GOOD, "open; talk; DATA(1) >", LOST),
    'min.bytes.client = "10 B"': (GOOD, "open", ONE_SIDED.replace("DATA(10)", "DATA(1)")),
    'max.duration = "1 s"': (GOOD, "open; talk; close; < RST @9", MID),
    'max.syn_retransmissions = 0': (GOOD, "SYN >; SYN again @1 >", MID),
    'max.retransmissions.server = 0': (GOOD, "SYN >; < SYN-ACK lost; < SYN-ACK again @1; ACK >; talk", MID),
    'max.refusals = 0': (GOOD, "SYN >; < RST-ACK", MID),
    'max.time_wait = "1 min"': (GOOD, None, None),
    'max.time_wait = "30 s"': ("open; talk; < RST", None, GOOD),
    'max.time_in.CLOSE_WAIT = "5 s"': (GOOD, HALF, HALF.replace("@9", "@2")),
    'max.handshake.p50 = "20 ms"': (GOOD, "SYN >; < RST-ACK", MID),
    'max.time_wait_peak = 0': ("open; talk; < RST", GOOD, LOST),
    'count = 1': (GOOD, f"{GOOD}; port 50000; {GOOD}", None),
}
# fmt: on


@pytest.mark.parametrize("keys", JUDGED)
@pytest.mark.parametrize(("place", "outcome"), [(0, "held"), (1, "broken"), (2, "unjudged")])
def test_a_key_holds_is_broken_or_cannot_be_judged(keys, place, outcome):
    ladder = JUDGED[keys][place]
    if ladder is not None:
        found = verdict(ladder, keys)
        assert outcomes(found) == {keys.partition(" = ")[0]: outcome}
        assert found.outcome == outcome


def test_each_rule_is_judged_all_three_ways():
    three_ways = {keys.partition(" = ")[0] for keys, ladders in JUDGED.items() if None not in ladders}
    # What a report shows it shows: nothing puts `allow` in doubt.
    assert set(RULES) - three_ways == {"allow"}


# fmt: off
REGARDLESS = {
    # A capture that lacks segments breaks what they could not mend.
    'max.data_retransmissions = 0': LOST + "; DATA(10) >; DATA(10) again @1 >",
    'forbid = "rst-ignored"':       LOST + "; < RST seq+100000000",
    'max.bytes = 5':                LOST,
    'max.time_in.CLOSE_WAIT = "5 s"': HALF,
}
# fmt: on


@pytest.mark.parametrize("keys", REGARDLESS)
def test_what_is_broken_whatever_the_capture_lacks_is_broken(keys):
    assert verdict(REGARDLESS[keys], keys).outcome == "broken"


def test_a_weak_verdict_is_judged_only_when_it_is_asked_for():
    keys = 'state.server = "ESTABLISHED"'
    (result,) = verdict("open", keys).results
    (case,) = result.cases
    assert (case.seen, case.because) == ("ESTABLISHED", "nothing proves that the handshake's last ACK arrived")
    assert verdict("open", f'grade = "weak"\n{keys}').outcome == "held"
    assert verdict(LOST, f'grade = "weak"\n{keys}').outcome == "unjudged"


def test_a_syn_ack_that_the_capture_lost_breaks_nothing():
    ladder = "SYN >; < SYN-ACK hidden; ACK >; talk; close"
    found = verdict(
        ladder, 'opening = "three-way"\nclosing = "four-way"\nstate.server = "CLOSED"\nmax.handshake = "1 s"'
    )
    assert set(outcomes(found).values()) == {"unjudged"}
    assert found.results[0].cases[0].because == "the SYN-ACK is not in the capture, and what followed is"


def test_an_absence_that_a_gap_may_fill_is_not_held_against_a_connection():
    ladder = "open; talk; FIN hidden >; < ACK; < FIN; ACK >"
    found = verdict(ladder, 'forbid = "half-closed"\nrequire = "half-closed"\nallow = ["half-closed", "capture-gap"]')
    assert outcomes(found) == {"forbid": "unjudged", "require": "unjudged", "allow": "held"}
    assert found.results[0].cases[0].seen.startswith("half-closed: the client never closed")


def test_times_of_a_clock_that_goes_back_are_not_judged():
    ladder = "SYN @5 >; < SYN-ACK @4; ACK @4.1 >; talk; close"
    found = verdict(ladder, 'max.handshake = "1 s"\nmax.duration = "1 s"\nopening = "three-way"')
    assert outcomes(found) == {"max.handshake": "unjudged", "max.duration": "unjudged", "opening": "held"}
    assert found.results[0].cases[0].because == "the clock of the capture goes back"


def test_a_guessed_client_is_no_client():
    (result,) = verdict(MID, 'match = "port 443"\nclosed_by = "server"').results
    assert result.cases[0].because == "which end is the client is a guess"
    assert verdict(MID, 'match = "port 443"\nclosing = "four-way"').outcome == "held"


def test_what_matches_by_a_doubtful_word_counts_to_what_it_may_be():
    keys = 'match = "closing == open"\ncount = 1'
    (result,) = verdict(LOST, keys).results
    assert (result.outcome, result.cases[0].because) == ("unjudged", "bytes are missing, and a FIN may be among them")
    assert verdict(LOST, 'match = "closing == open"\ncount = { max = 1 }').outcome == "held"
    assert (
        verdict(f"{LOST}; port 50000; open; talk", 'match = "closing == open"\ncount = { min = 1 }').outcome == "held"
    )
    assert verdict(LOST, 'match = "closing == four-way"\ncount = { min = 1 }').outcome == "unjudged"
    assert verdict(LOST, 'match = "closing == four-way"\ncount = { min = 2 }').outcome == "broken"


def test_an_expectation_that_is_about_no_connection_fails_unless_it_is_optional():
    (result,) = verdict(GOOD, 'match = "port 1"\nopening = "refused"').results
    assert (result.key, result.outcome, result.line) == ("count", "broken", 1)
    assert (result.cases[0].expected, result.cases[0].seen) == ("at least 1 connection", "none")
    (result,) = verdict(GOOD, 'match = "port 1"\noptional = true\nopening = "refused"').results
    assert (result.key, result.outcome, result.connections) == ("opening", "held", 0)
    assert verdict(GOOD, 'match = "port 1"\ncount = 0').outcome == "held"
    assert verdict(GOOD, 'match = "port 443"\ncount = 0').outcome == "broken"


def test_one_too_many_is_named():
    (result,) = verdict(f"{GOOD}; port 50000; {GOOD}", "count = 1").results
    (case,) = result.cases
    assert (case.seen, case.connection.id, case.frames) == ("2 connections", 1, (12, 22))


def test_a_failure_names_connection_frame_expected_and_seen():
    found = verdict(
        "open; talk; DATA(5) >; < RST-ACK", 'closing = "four-way"\npath.client = ["CLOSED", "SYN_SENT", "ESTABLISHED"]'
    )
    closing, path = found.results
    (case,) = closing.cases
    assert (case.connection.id, case.connection.client_port, case.connection.server_port) == (0, 49152, 443)
    assert (case.frames, case.expected, case.seen) == ((9,), "four-way", "reset by the server in ESTABLISHED")
    (case,) = path.cases
    assert (case.frames, case.seen) == ((9,), "CLOSED > SYN_SENT > ESTABLISHED > CLOSED")
    assert (closing.line, path.line, closing.file) == (2, 3, "expect.toml")


def test_a_wrong_number_is_told_where_it_is():
    (result,) = verdict("SYN >; < SYN-ACK ack+1; RST >", 'opening = "three-way"').results
    (case,) = result.cases
    assert case.frames == (2,)
    assert case.seen.startswith("failed: the server's frame 2 acknowledges ")


def test_a_path_parts_at_the_first_step_that_is_not_wanted():
    (result,) = verdict(GOOD, 'path.server = ["LISTEN", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1"]').results
    assert result.cases[0].frames == (8,)
    (result,) = verdict("open; talk", 'path.server = ["LISTEN", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1"]').results
    assert result.cases[0].frames == (3,)


def test_the_frame_that_shows_a_gap_is_looked_up(tmp_path):
    path = tmp_path / "lost.pcap"
    path.write_bytes(capture_bytes(frames("open; talk; FIN hidden >; < ACK; < FIN; ACK >"), PLAIN))
    from handshake_inspect import analyse

    expectations = loads('[[expect]]\nclosing = "four-way"\nallow = []')
    closing, allow = judge(analyse(str(path)), expectations, paths=[str(path)]).results
    assert (closing.outcome, closing.cases[0].frames[0]) == ("unjudged", 8)
    assert (allow.outcome, allow.cases[0].frames[0]) == ("broken", 8)


SLOW = "port {port}; SYN @{at} >; < SYN-ACK @+{wait}; ACK >"


def handshakes(*waits: float) -> str:
    return "; ".join(SLOW.format(port=50000 + place, at=20 * place, wait=wait) for place, wait in enumerate(waits))


@pytest.mark.parametrize(
    ("percentile", "seen"),
    [("p1", "110 ms"), ("p25", "110 ms"), ("p26", "210 ms"), ("p75", "310 ms"), ("p100", "410 ms")],
)
def test_a_percentile_is_the_nearest_rank(percentile, seen):
    found = verdict(handshakes(0.4, 0.1, 0.3, 0.2), f'max.handshake.{percentile} = "1 ms"')
    (result,) = found.results
    assert (result.outcome, result.cases[0].seen) == ("broken", seen)


def test_a_handshake_that_never_was_is_the_longest_of_all():
    ladder = handshakes(0.1, 0.1, 0.1) + "; port 60000; SYN @90 >; < RST-ACK"
    assert verdict(ladder, 'max.handshake.p75 = "200 ms"').outcome == "held"
    (result,) = verdict(ladder, 'max.handshake.p76 = "200 ms"').results
    assert (result.outcome, result.cases[0].seen) == ("broken", "never")


def test_a_percentile_that_a_doubt_could_move_is_not_guessed():
    ladder = handshakes(0.1, 0.1, 0.1) + "; port 60000; SYN @90 >"
    assert verdict(ladder, 'max.handshake.p75 = "200 ms"').outcome == "held"
    assert verdict(ladder, 'max.handshake.p76 = "200 ms"').outcome == "unjudged"
    assert verdict(ladder, 'max.handshake.p50 = "50 ms"').outcome == "broken"


def test_a_value_too_near_to_its_limit_is_told_to_the_last_figure():
    (result,) = verdict("SYN >; < SYN-ACK @+0.01; ACK @+0.010001 >", 'max.handshake = "20 ms"').results
    assert result.cases[0].seen == "20,001,000 ns"


def test_many_cases_are_counted_and_the_first_are_kept():
    ladder = "; ".join(f"port {50000 + number}; SYN >; < RST-ACK" for number in range(CASES_MAX + 5))
    (result,) = verdict(ladder, 'opening = "three-way"').results
    assert (result.broken, len(result.cases), result.connections) == (CASES_MAX + 5, CASES_MAX, CASES_MAX + 5)


def test_a_damaged_capture_judges_what_was_before_the_damage(tmp_path):
    from handshake_inspect import analyse

    path = tmp_path / "cut.pcap"
    path.write_bytes(capture_bytes(frames("open; talk"), PLAIN)[:-3])
    report = analyse(str(path))
    found = judge(report, loads('[[expect]]\nopening = "three-way"\nclosing = "open"'))
    assert outcomes(found) == {"opening": "held", "closing": "unjudged"}
    assert (found.outcome, found.faults) == ("unreadable", tuple(map(str, report.faults)))
    assert judge(report, loads('[[expect]]\nopening = "refused"')).outcome == "broken"
    (result,) = judge(report, loads("[[expect]]\ncount = 1")).results
    assert (result.outcome, result.cases[0].because) == (
        "unjudged",
        "the capture is damaged, and what follows is not known",
    )
