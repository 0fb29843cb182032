"""TIME_WAIT: stays and their proof, how many at once in bounds, and the port budget."""

from __future__ import annotations

from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handshake_inspect.looks.time_wait import PORTS, Bounds, Tally, most
from looking import MS, SECOND, end_of
from wrappings import play

CLIENT_FIRST = "SYN @{t} >; < SYN-ACK; ACK >; FIN >; < ACK; < FIN; ACK >"
SERVER_FIRST = "SYN @{t} >; < SYN-ACK; ACK >; < FIN; ACK >; FIN >; < ACK"


def tallied(ladder, two_msl="linux", two_msl_ns=60 * SECOND):
    report = play(ladder, two_msl=two_msl)
    tally = Tally(capture_end_ns=end_of(report), two_msl_ns=two_msl_ns, profile=two_msl)
    stays = [stay for connection in report.connections for stay in tally.add(connection)]
    return stays, tally.totals()


def many(ladder, times):
    return "; ".join(f"port {50000 + number}; {ladder.format(t=time)}" for number, time in enumerate(times))


def test_a_stay_has_the_addresses_of_its_holder_and_bounds():
    (stay,), totals = tallied(f"{SERVER_FIRST.format(t=0)}; quiet @10")
    assert (stay.holder, stay.address, stay.port, stay.peer_port) == ("server", "198.51.100.2", 443, 49152)
    assert (stay.end, stay.at_least_ns, stay.at_most_ns) == ("capture-end", 10 * SECOND - 60 * MS, 60 * SECOND)
    assert totals.advice == "the servers close first and hold TIME_WAIT: it costs them memory, and no ports"
    assert totals.budgets == ()


def test_the_proof_of_a_reopened_socket_is_the_isn():
    # FIN is the server's 12th number; its next incarnation begins 65537 after SND.NXT.
    ladder = SERVER_FIRST.format(t=0) + "; SYN isn+300 @5 >; < SYN-ACK isn+{isn}; ACK >"
    (stay,), _ = tallied(ladder.format(isn=65_537 + 2))
    assert stay.end == "reuse"
    assert stay.proof == "the new ISN is the old SND.NXT + 65537: Linux reopened it from TIME_WAIT"
    (stay,), _ = tallied(ladder.format(isn=70_000))
    assert (stay.end, stay.proof) == ("reuse", None)


def test_a_repeated_fin_that_is_answered_begins_it_again():
    (stay,), _ = tallied("open; FIN >; < ACK; < FIN @1; ACK lost >; < FIN again @2; ACK >; quiet @4")
    assert len(stay.restarts) == 1
    assert stay.at_most_ns > 61 * SECOND - 20 * MS


def test_stays_that_cannot_have_overlapped_are_not_added_up():
    stays, totals = tallied(many(CLIENT_FIRST, range(0, 200, 100)) + "; quiet @300")
    assert [stay.end for stay in stays] == ["expired", "expired"]
    assert totals.hosts[0].peak == Bounds(at_least=1, at_most=1)


def test_the_peak_has_bounds_where_the_end_is_only_assumed():
    # The second begins when the first may be over, or may not.
    _, totals = tallied(many(CLIENT_FIRST, (0, 30)) + "; quiet @300")
    assert totals.hosts[0].peak == Bounds(at_least=1, at_most=2)


def test_the_budget_divides_the_ports_by_two_msl_and_names_the_busiest_second():
    _, totals = tallied(many(CLIENT_FIRST, (0, 0.2, 0.4, 0.6, 5)) + "; quiet @9")
    (budget,) = totals.budgets
    assert (budget.address, budget.peer_address, budget.peer_port) == ("192.0.2.1", "198.51.100.2", 443)
    assert (budget.stays, budget.peak_per_s, round(budget.possible_per_s)) == (5, 4, 471)
    assert budget.possible_per_s == PORTS / 60
    assert totals.advice == "the clients hold 100 % of the stays, well within their ports: nothing to do"


def test_low_ports_are_advised_about():
    # With a 2MSL of a day and some, 28,232 ports last for three connections in ten seconds.
    profile, ns = "24h", 24 * 3600 * SECOND
    _, totals = tallied(many(CLIENT_FIRST, (0, 0.2, 0.4)) + "; quiet @9", profile, ns)
    assert totals.budgets[0].possible_per_s < 1
    assert totals.advice == (
        "the clients hold 100 % of the stays and run low on ports: let the server close first, keep connections open, "
        "or use tcp_tw_reuse"
    )


def test_no_stay_is_nothing_to_do():
    stays, totals = tallied("SYN >; < RST-ACK")
    assert (stays, totals.advice) == ([], "no connection reached TIME_WAIT: nothing to do")


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=1, max_size=30))
def test_the_most_at_once_is_that_of_the_fullest_instant(intervals):
    starts = array("q", (start for start, _ in intervals))
    ends = array("q", (start + length for start, length in intervals))
    fullest = max(sum(start <= now <= end for start, end in zip(starts, ends, strict=True)) for now in range(71))
    assert most(starts, ends) == fullest


def test_what_came_after_the_close_is_told_with_the_stay_that_kept_it():
    (stay,), _ = tallied("open; talk; FIN >; < ACK; < FIN; ACK >; < DATA(10) again @5; ACK @5.1 >")
    assert stay.late == "1 segment after the close, the first in frame 12"
    (stay,), _ = tallied("open; talk; FIN >; < ACK; < FIN; ACK >")
    assert stay.late is None


@pytest.mark.parametrize("times", [(0, 1, 2, 3), (0, 0.1, 0.2)])
def test_starts_are_in_the_order_of_the_capture(times):
    stays, _ = tallied(many(CLIENT_FIRST, times))
    assert all(before.start_ns <= after.start_ns for before, after in pairwise(stays))
