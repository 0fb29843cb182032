"""`check --init`: what is written passes, and fails when the lifecycle is another one."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from handshake_inspect.expect.init import PORTS_MAX, init
from handshake_inspect.expect.judge import judge
from handshake_inspect.expect.load import loads
from reports import FakeReport
from wrappings import play

GOOD = "open; talk; close"
LADDERS = (
    GOOD,
    "open; talk; FIN >; < FIN; ACK >",
    "open; talk; < FIN; ACK >; FIN >; < ACK",
    "open; talk; < RST",
    "open; talk; FIN >; < ACK; quiet @9",
    "SYN >; < RST-ACK",
    "SYN >; SYN again @1 >",
    "SYN >; < SYN-ACK; < SYN-ACK again @1; quiet @9",
    "SYN >; < SYN-ACK; ACK >; talk; FIN >; FIN again @1 >; < ACK; < FIN; ACK >",
    "mid; talk; close",
    "open; DATA(10) hidden >; < ACK; talk",
    "SYN >; < SYN-ACK hidden; ACK >; DATA(10) >",
    f"{GOOD}; port 50000; SYN >; < RST-ACK; port 50001; {GOOD}; port 50002; open; talk; < RST",
)


@pytest.mark.parametrize("ladder", LADDERS)
def test_what_is_written_passes(ladder):
    report = play(ladder)
    assert judge(report, loads(init(report))).outcome == "held"


@pytest.mark.parametrize("ladder", LADDERS)
@pytest.mark.parametrize("other", LADDERS)
def test_what_is_written_fails_of_any_other_lifecycle(ladder, other):
    if ladder != other:
        assert judge(play(other), loads(init(play(ladder)))).outcome in ("broken", "unjudged")


def test_one_connection_is_kept_to_the_letter(golden):
    golden("expect-init.toml", init(play(GOOD)))


def test_several_ways_on_one_port_are_counted_each(golden):
    golden("expect-init-ways.toml", init(play(LADDERS[-1])))


def test_what_cannot_be_judged_is_left_out_with_the_reason():
    text = init(play("open; DATA(10) hidden >; < ACK; talk"))
    assert "# closing cannot be judged: bytes are missing, and a FIN may be among them\n" in text
    assert "\nclosing = " not in text
    assert "\nopening = " in text
    assert 'grade = "weak"' not in text


def test_more_ports_than_a_person_reads_are_one_expectation():
    one = play("SYN >; < RST-ACK").connections[0]
    several = [replace(one, id=port, server=replace(one.server, port=port)) for port in range(PORTS_MAX + 5)]
    report = FakeReport(several)
    text = init(report)
    assert text.count("[[expect]]") == 1 + PORTS_MAX + 1
    assert f'match = "not server port in ({", ".join(map(str, range(PORTS_MAX)))})"\ncount = 5\n' in text
    assert judge(report, loads(text)).outcome == "held"
