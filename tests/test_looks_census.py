"""Sockets in each state over time, against the table of each instant."""

from __future__ import annotations

from collections import Counter

import pytest

from handshake_inspect.errors import UsageError
from handshake_inspect.looks.census import SAMPLES_MAX, census, step_for
from handshake_inspect.looks.sockets import find
from looking import MS, SECOND, end_of, moment
from wrappings import play

LADDERS = {
    "close": "open; talk; FIN @1 >; < ACK; < FIN @2; ACK >; quiet @70",
    "reuse": "open; FIN >; < ACK; SYN isn+300 @5 >; < SYN-ACK isn+500; ACK >; quiet @9",
    "replaced": "open; FIN >; < ACK; SYN isn+300 @5 >; < SYN-ACK isn+500; ACK >; RST @6 >; quiet @9",
    "mid": "mid; talk; FIN @3 >; quiet @5",
    "refused": "SYN >; < RST-ACK; port 50001; SYN @1 >; SYN again @2 >; quiet @4",
    "flood": "; ".join(f"port {port}; SYN @{port - 50000} >; < SYN-ACK lost" for port in range(50001, 50009)),
    "challenge": "open; talk; SYN isn+300 @3 >; < ACK old; RST old >; SYN again >; < SYN-ACK isn+500; ACK >; quiet @9",
}


def everybody(address: str) -> bool:
    return True


@pytest.mark.parametrize("name", LADDERS)
def test_each_sample_counts_what_the_table_of_that_instant_shows(name):
    report = play(LADDERS[name])
    start, end = moment(0), end_of(report)
    counted = census(report.connections, start, end, 100 * MS, everybody)
    for number in range(counted.samples):
        found, _ = find(report.connections, start + number * 100 * MS, everybody)
        expected = Counter(each.span.state for each in found)
        assert {state: row[number] for state, row in counted.states.items() if row[number]} == expected, number


def test_one_host_alone_can_be_counted():
    report = play(LADDERS["flood"])
    counted = census(report.connections, moment(0), end_of(report), SECOND, lambda end: end.address == "192.0.2.1")
    assert set(counted.states) == {"SYN_SENT"}
    assert counted.states["SYN_SENT"][-1] == 8


def test_more_samples_than_memory_is_meant_for_are_refused():
    with pytest.raises(UsageError) as refusal:
        census([], 0, SAMPLES_MAX, 1, everybody)
    assert str(refusal.value) == "--every 1 ns asks for 1,000,001 samples, 1,000,000 are possible"


def test_the_step_of_its_own_choice_is_one_that_people_count_in():
    assert step_for(352 * MS, 60) == 10 * MS
    assert step_for(3600 * SECOND, 60) == 120 * SECOND
    assert step_for(0, 60) == 1


@pytest.mark.parametrize("length_ns", [10**9, 86_400 * 10**9 * 61, 2**63, 2**64 - 1])
def test_a_clock_that_was_wrong_by_centuries_asks_for_no_more_samples(length_ns):
    assert length_ns // step_for(length_ns, 60) < 60
