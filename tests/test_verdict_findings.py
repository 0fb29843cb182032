"""Every finding has a ladder that raises it, and one that comes close and does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from handshake_inspect.report import Connection
from handshake_inspect.verdict.findings import FINDINGS
from handshake_inspect.verdict.words import SEVERITIES
from numbers_in_pxd import as_constants, numbers
from wrappings import PLAIN, Wrapping, ids, play

CLOSED = "open; talk; FIN >; < FIN; ACK >"

# The finding; a ladder that raises it; one that is near and does not.
# fmt: off
LADDERS: dict[str, tuple[str, str]] = {
    "wrong-ack": ("SYN >; < SYN-ACK ack+1", "SYN >; < SYN-ACK"),
    "syn-retransmitted": ("SYN lost >; SYN again @1 >; < SYN-ACK; ACK >", "SYN x2 >; < SYN-ACK; ACK >"),
    "syn-ack-retransmitted": ("SYN >; < SYN-ACK lost; < SYN-ACK again @1; ACK >", "SYN >; < SYN-ACK x2; ACK >"),
    "fin-retransmitted": ("mid; FIN lost >; FIN again @1 >; < ACK", "mid; FIN x2 >; < ACK"),
    "refused": ("SYN >; < RST-ACK", "SYN >; < RST-ACK ack+1"),
    "unanswered": ("SYN >", "SYN >; < RST-ACK"),
    "half-open": ("SYN >; < SYN-ACK", "SYN >; < SYN-ACK; ACK >"),
    "half-closed": ("mid; FIN >; < ACK", "mid; FIN >; < ACK ack-1"),
    "split-handshake": ("SYN >; < SYN; SYN-ACK >; < ACK", "SYN~ >; < SYN; SYN-ACK~ >; < SYN-ACK"),
    "simultaneous-open": ("SYN~ >; < SYN; SYN-ACK~ >; < SYN-ACK", "SYN >; < SYN; SYN-ACK >; < ACK"),
    "simultaneous-close": ("mid; FIN~ >; < FIN; ACK >; < ACK", "mid; FIN >; < FIN; ACK >"),
    "rst-ignored": ("open; < RST seq+64240", "open; < RST seq+64239"),
    "rst-challenged": ("open; < RST seq+64239", "open; < RST seq+64240"),
    "rst-not-delivered": ("open; DATA(5) >; < RST lost; DATA(5) @1 >", "open; DATA(5) >; < RST; DATA(5) again @1 >"),
    "rst-forged": ("open; < RST lost; < DATA(10); ACK >", "open; < DATA(10); < RST"),
    "syn-challenged": ("open; talk; SYN isn+300 >; < ACK old; RST old >; SYN again >",
                       "open; talk; SYN isn+300 >; < SYN-ACK isn+500; ACK >"),
    "tuple-reused": (f"{CLOSED}; SYN isn+300 @5 >", f"{CLOSED}; SYN again @5 >"),
    "time-wait-reused": (f"{CLOSED}; SYN isn+300 @5 >", f"{CLOSED}; SYN isn+300 @65 >"),
    "time-wait-reset": (f"{CLOSED}; < RST", f"{CLOSED}; < RST seq+10000000"),
    "data-after-close": ("mid; FIN >; < ACK; < DATA(4); RST >", "mid; FIN >; < ACK; < DATA(4); ACK >"),
    "late-segment": ("open; talk; close; DATA(10) again >", "open; talk; close; < FIN again; ACK >"),
    "accept-queue-full": ("SYN >; < SYN-ACK; ACK lost >; < SYN-ACK again @1; ACK >",
                          "SYN >; < SYN-ACK lost; < SYN-ACK again @1; ACK >"),
    "fast-open": ("SYN(10) fo=8 >; < SYN-ACK; ACK >", "SYN mss=1460 >; < SYN-ACK; ACK >"),
    "icmp-unreachable": ("SYN >; < ICMP(3,1)", "port 1; DATA(5) hidden >; < ICMP(3,1); port 2; SYN >"),
    "mirrored": ("SYN x2 >", "SYN >; SYN again @+0.001 >"),
    "capture-gap": ("open; DATA(100) hidden >; < ACK", "open; DATA(100) >; DATA(100) hidden >; < ACK ack-100"),
    "out-of-order-capture": ("SYN late >; < SYN-ACK; ACK >", "SYN >; < SYN-ACK; ACK >"),
    "one-sided": ("SYN >; < SYN-ACK hidden; ACK >; FIN >; < FIN hidden; ACK >", "SYN >"),
    "mid-stream": ("mid; talk", "SYN hidden >; < SYN-ACK; ACK >"),
    "roles-guessed": ("mid; talk", "SYN hidden >; < SYN-ACK; ACK >"),
    "bad-checksum": ("SYN bad >; < SYN-ACK", "open; DATA(10) bad >"),
    "keep-alive": ("open; DATA(10) >; < ACK; ACK seq-1 @60 >; < ACK", "open; DATA(10) >; < ACK; ACK @60 >; < ACK"),
    "zero-window": ("open; ACK win=0 >", "open; ACK win=1 >; < RST"),
    "self-connected": ("SYN >; SYN-ACK ack=1 >; FIN >", "SYN~ >; < SYN; SYN-ACK~ >; < SYN-ACK"),
}
# fmt: on

NO_LADDER = {
    "isn-predictable": "is raised for all connections of a host at once: test_verdict_isns.py",
    "frames-lost": "is raised when a capture that goes on tells of losses: test_live_lost.py",
}
WRAPPINGS = {"self-connected": (Wrapping(one_socket=True), PLAIN)}


def connections(ladder: str, wrapping: Wrapping = PLAIN) -> Iterator[Connection]:
    yield from play(ladder, wrapping).connections


@pytest.mark.parametrize("kind", FINDINGS, ids=lambda kind: kind.id)
def test_every_finding_is_raised_by_its_case_and_not_by_the_near_miss(kind):
    if kind.id in NO_LADDER:
        assert kind.id not in LADDERS
        return
    raised, near = LADDERS[kind.id]
    loud, quiet = WRAPPINGS.get(kind.id, (PLAIN, PLAIN))
    found = [finding for each in connections(raised, loud) for finding in each.findings if finding.id == kind.id]
    assert len(found) == 1
    assert found[0].severity == kind.severity
    assert kind.id not in {finding for each in connections(near, quiet) for finding in ids(each)}


@pytest.mark.parametrize("name", LADDERS)
def test_the_summary_counts_the_connections_with_a_finding_and_names_one(name):
    report = play(LADDERS[name][0], WRAPPINGS.get(name, (PLAIN, PLAIN))[0])
    with_it = [connection.id for connection in report.connections if name in ids(connection)]
    assert report.summary.findings[name] == len(with_it)
    assert report.first_with(name) == with_it[0]


def test_the_text_of_every_finding_is_a_whole_sentence(golden):
    lines = []
    for name, (ladder, _) in LADDERS.items():
        for connection in connections(ladder, WRAPPINGS.get(name, (PLAIN, PLAIN))[0]):
            for finding in connection.findings:
                if finding.id == name:
                    lines += [f"{name} ({finding.endpoint}, frames {list(finding.frames)})", f"    {finding.text}"]
    golden("verdict-findings.txt", "\n".join(lines) + "\n")


def test_the_worst_connections_come_first():
    report = play(
        "open; close; port 50000; SYN x2 >; < SYN-ACK; ACK >; port 50001; SYN >; < RST-ACK; port 50002; SYN >"
    )
    assert [ids(report.connections[row]) for row in report.worst(3)] == [{"refused"}, {"unanswered"}, {"mirrored"}]


def test_compiled_code_has_the_same_numbers():
    rows = tuple(kind.id for kind in FINDINGS)
    assert numbers("verdict/findings.pxd", "FINDING_") == as_constants(rows) | {"COUNT": len(rows)}
    assert {kind.severity for kind in FINDINGS} <= set(SEVERITIES[1:])


def test_a_connection_with_everything_wrong_keeps_all_its_findings():
    ladder = (
        "SYN mss=1460 bad >; SYN again >; < SYN-ACK ack+1; < SYN-ACK bad again; ACK x2 >; "
        "< SYN-ACK again; DATA(9) hidden >; < ACK win=0; < RST seq+10000000; < RST seq+100; < DATA(5); ACK >; "
        "FIN >; FIN again >; < ACK"
    )
    (connection,) = connections(ladder)
    assert ids(connection) >= {
        "wrong-ack", "syn-retransmitted", "syn-ack-retransmitted", "fin-retransmitted", "half-closed", "rst-ignored",
        "rst-challenged", "accept-queue-full", "mirrored", "capture-gap", "bad-checksum", "zero-window",
    }  # fmt: skip
