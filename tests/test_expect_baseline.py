"""Baselines: what differs from run to run makes no difference, what a connection does otherwise is told."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handshake_inspect.errors import ExpectationError, UsageError
from handshake_inspect.expect.baseline import (
    CONNECTIONS_MAX,
    Baseline,
    compare,
    dumps,
    entries_for,
    fresh,
    load,
    name_of,
    recorded,
    updated,
)
from handshake_inspect.expect.normal import FACTS
from handshake_inspect.expect.tolerance import DEFAULT, Tolerance
from reports import FakeReport, connection
from wrappings import PLAIN, play

GOOD = "open; talk; close"


def differences(
    before: str, now: str, baseline: Baseline | None = None, **choices
) -> dict[str, list[tuple[str, str, str]]]:
    """What a second ladder does otherwise than the first: by key, (outcome, recorded, seen) of each case."""
    entries = recorded(play(before), "x")
    results = compare(play(now), entries, baseline or fresh(), file="b.json", **choices)
    return {
        result.key: [(case.outcome, case.expected, case.seen) for case in result.cases]
        for result in results
        if result.outcome != "held"
    }


@pytest.mark.parametrize(
    "wrapping",
    [
        PLAIN._replace(isns=(5, 2**31)),
        PLAIN._replace(shift_ns=10**15),
        PLAIN._replace(family=6),
        PLAIN._replace(link=101, file="pcapng", order="big"),
    ],
    ids=str,
)
def test_addresses_isns_and_clocks_make_no_difference(wrapping):
    ladder = f"{GOOD}; port 50000; open; talk; < RST; port 50001; SYN >; < SYN-ACK ack+1; RST >"
    entries = recorded(play(ladder), "x")
    assert {result.outcome for result in compare(play(ladder, wrapping), entries, fresh(), file="b")} == {"held"}
    assert recorded(play(ladder, wrapping), "x") == entries


def test_the_clients_ports_and_other_frames_make_no_difference():
    assert differences(GOOD, f"port 50000; {GOOD}") == {}
    assert differences(f"{GOOD}; port 50000; {GOOD}", f"port 41000; {GOOD}; port 42000; {GOOD}") == {}


# fmt: off
OTHERWISE = {
    "open; talk; FIN >; < FIN; ACK >": {"closing": ("four-way", "three-segment")},
    "open; talk; < FIN; ACK >; FIN >; < ACK":
        {"closed_by": ("client", "server"), "state.client": ("TIME_WAIT", "CLOSED")},
    "open; talk; < RST": {
        "closing": ("four-way", "reset by the server in ESTABLISHED"),
        "time_wait": ("client until capture-end", "nobody"),
    },
    "open; DATA(11) >; < ACK; < DATA(20); ACK >; close": {"bytes.client": ("10", "11")},
    "open; talk; FIN lost >; FIN again @+0.01 >; < ACK; < FIN; ACK >":
        {"retransmissions.client": ("none", "1 FIN"), "findings": ("none", "fin-retransmitted (client)")},
    "SYN mss=1000 >; < SYN-ACK; ACK >; talk; close": {"options.client": ("none", "MSS 1000")},
    "open; talk; FIN >; < ACK; < DATA(5); ACK >; < FIN; ACK >":
        {"half_close": ("client 0, server 0", "client 0, server 5")},
    "mid; talk; close": {"roles": ("seen", "guessed")},
    "SYN >; < RST-ACK": {"opening": ("three-way", "refused")},
}
# fmt: on


@pytest.mark.parametrize("now", OTHERWISE)
def test_what_is_done_otherwise_is_told(now):
    found = differences(GOOD, now)
    for key, pair in OTHERWISE[now].items():
        assert found[key] == [("broken", *pair)]


def test_every_fact_is_seen_to_differ():
    told = {key for now in OTHERWISE for key in differences(GOOD, now)}
    told |= set(differences(GOOD, "open; DATA(10) >; < DATA(21); ACK >; < DATA(21) again; close"))
    told |= set(differences(GOOD, "SYN >; < SYN-ACK mss=9; ACK >; talk; close"))
    assert set(FACTS) - told == set()


def test_a_wrong_sum_is_told_without_its_numbers():
    found = differences("SYN >; < SYN-ACK; RST >", "SYN >; < SYN-ACK ack+1; RST >")
    assert found["sums"] == [("broken", "syn-ack acknowledges syn", "syn-ack acknowledges syn (off by +1)")]


def test_a_new_and_a_missing_connection_are_told():
    two = f"{GOOD}; port 50000; SYN >; < RST-ACK"
    refused = "server port 443: refused, none"
    assert differences(GOOD, two) == {"connection": [("broken", "no such connection", refused)]}
    assert differences(two, GOOD) == {"connection": [("broken", refused, "no such connection")]}


def test_connections_that_are_alike_match_whatever_their_order():
    refused = "SYN >; < RST-ACK"
    assert differences(f"{GOOD}; port 50000; {refused}", f"port 50000; {refused}; port 50001; {GOOD}") == {}


def test_others_match_in_their_order():
    before = f"{GOOD}; port 50000; open; talk; < RST; port 50001; {GOOD}"
    now = f"{GOOD}; port 50000; open; talk; RST >; port 50001; {GOOD}"
    found = differences(before, now)
    assert found["closing"] == [("broken", "reset by the server in ESTABLISHED", "reset by the client in ESTABLISHED")]
    assert "connection" not in found


def test_a_gap_is_no_difference_that_can_be_judged():
    found = differences(GOOD, "open; talk; FIN hidden >; < ACK; < FIN; ACK >")
    assert {outcome for outcome, *_ in found["closing"]} == {"unjudged"}
    assert found["findings"] == [("broken", "none", "capture-gap (client), half-closed (server)")]


SLOW = "SYN >; < SYN-ACK @+{}; ACK >; talk; close"


@pytest.mark.parametrize(
    ("tolerance", "seconds", "held"),
    [("10%", 0.211, True), ("10%", 0.25, False), ("60 ms", 0.25, True), ("1%, 60ms", 0.25, True), ("none", 9, True),
     ("0%", 0.2, True), ("0%", 0.200001, False), ("10%", 0.1, False)],
)  # fmt: skip
def test_a_time_may_lie_as_far_from_its_baseline_as_the_tolerance_says(tolerance, seconds, held):
    found = differences(SLOW.format(0.2), SLOW.format(seconds), tolerance=Tolerance.read(tolerance))
    assert ("handshake" not in found) is held
    assert ("time_in.SYN_SENT.client" not in found) is held


def test_a_time_that_is_too_far_is_told_with_its_tolerance():
    found = differences(SLOW.format(0.2), SLOW.format(0.4), tolerance=Tolerance.read("10%"))
    assert found["handshake"] == [("broken", "210 ms, give or take 21.0 ms", "410 ms")]


def test_the_file_says_the_tolerance_and_what_to_ignore():
    baseline = fresh(tolerance="0%", ignore=("bytes.client", "time_in.SYN_SENT.client"))
    found = differences(SLOW.format(0.2), SLOW.format(0.201).replace("talk", "DATA(3) >; < ACK; talk"), baseline)
    assert "handshake" in found
    assert {"bytes.client", "time_in.SYN_SENT.client"} & set(found) == set()


@pytest.mark.parametrize("text", ["", "x", "5", "5%, 6%", "1ms, 2ms", "-1%", "99999%", "5 parsecs"])
def test_what_is_no_tolerance_is_refused(text):
    with pytest.raises(ValueError) as refusal:
        Tolerance.read(text)
    assert str(refusal.value) == f"'{text}' is no tolerance such as {DEFAULT}, 10%, 5ms or none"


def test_a_baseline_is_read_as_it_was_written(tmp_path, golden):
    baseline = updated(fresh(ignore=("bytes.client",)), {"b.pcap": recorded(play(GOOD), "x"), "a.pcap": ()}, "5%")
    text = dumps(baseline)
    golden("expect-baseline.json", text)
    (tmp_path / "b.json").write_text(text)
    assert load(str(tmp_path / "b.json")) == baseline


# fmt: off
REFUSED = {
    "": "is no baseline: Input data was truncated",
    "{}": "is no baseline: Object missing required field `schema`",
    '{"schema": "handshake-inspect/1"}': "is no baseline: Invalid enum value 'handshake-inspect/1' - at `$.schema`",
    '{"schema": "handshake-inspect/baseline/1", "captures": {"a": [{"server_port": "x"}]}}':
        "is no baseline: Expected `int`, got `str` - at `$.captures[...][0].server_port`",
    '{"schema": "handshake-inspect/baseline/1", "tolerance": "much"}':
        f"is no baseline: 'much' is no tolerance such as {DEFAULT}, 10%, 5ms or none",
    '{"schema": "handshake-inspect/baseline/1", "ignore": ["bites"]}':
        f"ignore knows no 'bites'; there are: {', '.join(FACTS)}, duration, handshake, time_in.STATE.END",
}
# fmt: on


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_baseline_is_refused(tmp_path, text):
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(ExpectationError) as refusal:
        load(str(path))
    assert str(refusal.value) == f"{path}: {REFUSED[text]}"


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_refused(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "b.json")
        path.write_bytes(data)
        with pytest.raises(ExpectationError):
            load(str(path))


def test_an_only_capture_is_compared_with_an_only_one_whatever_it_is_called():
    entries = recorded(play(GOOD), "x")
    one = fresh(captures={"ci/run-1.pcap": entries})
    assert entries_for(one, "/tmp/run-2.pcap", alone=True, path="b.json") == entries
    assert entries_for(one, "./ci//run-1.pcap", alone=False, path="b.json") == entries
    with pytest.raises(UsageError) as refusal:
        entries_for(one, "ci/run-2.pcap", alone=False, path="b.json")
    assert str(refusal.value) == "b.json holds no ci/run-2.pcap, but ci/run-1.pcap: --update-baseline records it"
    assert name_of("a/../b.pcap") == "b.pcap"


def test_a_capture_too_large_for_a_baseline_is_refused():
    report = FakeReport([connection(0)])
    report.connections = report.connections * (CONNECTIONS_MAX + 1)
    with pytest.raises(UsageError) as refusal:
        recorded(report, "big.pcap")
    assert str(refusal.value) == (
        "big.pcap has 10,001 connections, and a baseline 10,000 at most: count them in an expect.toml"
    )


def test_a_baseline_names_no_address_no_isn_and_no_clock():
    text = dumps(fresh(captures={"x": recorded(play(GOOD), "x")}))
    report = play(GOOD)
    (one,) = report.connections
    for secret in (
        one.client.address,
        one.server.address,
        str(one.client.isn),
        str(one.server.isn),
        str(one.client.port),
    ):
        assert secret not in text
    assert str(one.first_time_ns)[:10] not in text
    assert set(json.loads(text)["captures"]["x"][0]) == {"server_port", "facts", "times_ns"}
