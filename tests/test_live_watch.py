"""What is told while frames come adds up to the verdicts on all of them, wherever a batch ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from handshake_inspect.analysis import analyse, two_msl_ns
from handshake_inspect.capture import open_capture
from handshake_inspect.decode import Decoder
from handshake_inspect.live.events import Ended, Moved, Noticed, Revision
from handshake_inspect.live.table import Table
from wrappings import capture_bytes, frames

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = sorted(ROOT.glob("sample_pcaps/*/capture.pcap"))


class Told:
    """The transitions told of each endpoint, with every correction made."""

    def __init__(self):
        self.transitions = {}
        self.findings = []
        self.ended = {}
        self.corrections = []

    def hear(self, events):
        for event in events:
            if isinstance(event, Moved):
                self.transitions.setdefault((event.id, event.endpoint), []).append(event.transition)
            elif isinstance(event, Revision):
                told = self.transitions[event.id, event.endpoint]
                assert told[: event.kept] == list(event.transitions[: event.kept])
                self.corrections.append((event.id, event.endpoint, event.only_proof))
                self.transitions[event.id, event.endpoint] = list(event.transitions)
            elif isinstance(event, Noticed):
                self.findings.append((event.id, event.finding.id))
            elif isinstance(event, Ended):
                self.ended[event.connection.id] = event.connection


def told_of(path, rows, *, most=10_000):
    """Take a capture `rows` frames at a time; return what was told, and the table."""
    capture, decoder, told = open_capture(str(path), rows=rows), Decoder(), Told()
    table = Table(two_msl_ns("linux"), "linux", most)
    for batch in capture.batches():
        count = decoder.decode(batch)
        table.take(decoder.segments, count)
        told.hear(table.changes(capture.last_time_ns, whole=True))
        told.hear(table.let_go(capture.last_time_ns, whole=True))
    told.hear(table.changes(capture.last_time_ns or 0, whole=True, last=True))
    return told, table


def transitions_of(report):
    """Return the transitions of each endpoint that has any."""
    return {
        (connection.id, role): list(end.transitions)
        for connection in report.connections
        for role, end in (("client", connection.client), ("server", connection.server))
        if end.transitions
    }


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.parent.name)
def test_what_is_told_of_a_sample_adds_up_to_its_report(path, rows):
    assert told_of(path, rows)[0].transitions == transitions_of(analyse(str(path)))


@pytest.mark.slow
def test_what_is_told_of_other_peoples_captures_adds_up_to_their_reports(shared):
    compared = 0
    for path in sorted(shared.glob("corpus/**/*.pcap*")):
        if path.stat().st_size > 300_000:
            continue
        try:
            report = analyse(str(path))
        except Exception:
            continue
        told, table = told_of(path, 1)
        assert told.transitions == transitions_of(report), path
        states = [end.state for each in report.connections for end in (each.client, each.server)]
        counted = {state: states.count(state) for state in table.states}
        assert table.states == counted, path
        compared += len(told.transitions)
    assert compared > 1000


def saved(tmp_path, ladder):
    path = tmp_path / "ladder.pcap"
    path.write_bytes(capture_bytes(frames(ladder)))
    return path


def test_a_certainty_that_rises_is_a_revision_of_the_proof_alone(tmp_path):
    told, _ = told_of(saved(tmp_path, "SYN >; < SYN-ACK; ACK >; DATA(10) >; < DATA(5)"), 1)
    assert told.corrections == [(0, "server", True)]
    assert [step.certainty for step in told.transitions[0, "server"]] == ["confirmed", "confirmed"]


def test_a_reset_that_was_not_taken_is_taken_back(tmp_path):
    told, _ = told_of(saved(tmp_path, "open; talk; < RST lost; DATA(10) >; DATA(10) >; < DATA(10)"), 1)
    assert (0, "client", False) in told.corrections
    assert told.transitions[0, "client"][-1].to == "ESTABLISHED"


def test_a_missing_answer_is_told_after_three_seconds_and_an_answer_in_time_is_not(tmp_path):
    ladder = "SYN >; SYN again @1 >; quiet @2.9; quiet @4.5; port 50000; SYN @5 >; < SYN-ACK @5.1; ACK >"
    path = saved(tmp_path, ladder)
    told, _ = told_of(path, 1)
    assert told.findings == [(0, "syn-retransmitted"), (0, "unanswered")]


def test_time_wait_runs_out_without_a_frame_of_the_connection(tmp_path):
    told, table = told_of(saved(tmp_path, "open; close; quiet @59; quiet @61"), 1)
    assert told.transitions[0, "client"][-1].event == "2MSL timeout"
    assert table.states["TIME_WAIT"] == 0


def test_the_newest_are_told_when_not_all_are_asked_for(tmp_path):
    path = saved(tmp_path, "; ".join(f"port {50000 + number}; SYN >" for number in range(20)))
    capture, decoder = open_capture(str(path)), Decoder()
    table = Table(two_msl_ns("linux"), "linux", 100)
    for batch in capture.batches():
        count = decoder.decode(batch)
        table.take(decoder.segments, count)
    found = table.changes(capture.last_time_ns, newest=3)
    assert [event.id for event in found] == [17, 18, 19]
    assert table.states["SYN_SENT"] == 20


def test_connections_beyond_the_most_leave_and_are_counted(tmp_path):
    ladder = "; ".join(f"port {50000 + number}; open; close" for number in range(40))
    path = saved(tmp_path, ladder)
    told, table = told_of(path, 1, most=16)
    assert table.count == 40
    assert 8 <= table.there <= 16
    assert sum(table.left.values()) == 40 - table.there
    assert sorted(told.ended) == list(range(40))


def test_the_report_after_some_left_counts_all_and_shows_the_others(tmp_path):
    from handshake_inspect.analysis import capture_info

    path = saved(tmp_path, "; ".join(f"port {50000 + number}; open; close" for number in range(40)))
    _, table = told_of(path, 1, most=16)
    capture, decoder = open_capture(str(path)), Decoder()
    for batch in capture.batches():
        decoder.decode(batch)
    report = table.report(capture_info(capture, decoder), capture.last_time_ns, [])
    summary, whole = report.summary, analyse(str(path)).summary
    assert (summary.connections, summary.openings, summary.closings) == (40, whole.openings, whole.closings)
    assert summary.final_states == whole.final_states
    assert [each.id for each in report.connections] == list(range(40 - table.there, 40))
    assert report.connections[39].id == 39
    assert len(report.worst(5)) == 5
    assert report.first_with("refused") is None
    with pytest.raises(IndexError, match="connection 0 is not there any more"):
        report.connections[0]
