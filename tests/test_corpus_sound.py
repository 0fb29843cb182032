"""Every capture of the corpus: nothing raises, everything is counted, every state follows from the one before."""

import io
from contextlib import redirect_stderr, redirect_stdout
from itertools import pairwise

import msgspec
import pytest

from corpus_answers import CAPTURES, answers_of, needs_corpus, report_of, rows
from handshake_inspect.cli import main
from handshake_inspect.render.json import Document
from handshake_inspect.report import Connection
from handshake_inspect.rfc9293.states import TRANSITIONS

pytestmark = needs_corpus

NAMES = [f"{row['repo']}/{row['path']}" for row in rows("manifest.tsv")]
ARROWS = {(arrow.state.name, arrow.event.text, arrow.next_state.name) for arrow in TRANSITIONS}
BEGINS = {"CLOSED", "LISTEN", "ESTABLISHED"}
"""Where an endpoint's first sign of life can show it to have been."""


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(arguments)
    return status, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def answers():
    return [(name, answer) for name in NAMES for answer in answers_of(name)]


def test_every_capture_of_the_corpus_can_be_analysed():
    for name in NAMES:
        report = report_of(name)
        assert report.summary.connections == len(report.connections), name


def test_every_frame_is_in_exactly_one_counter():
    for name in NAMES:
        (capture,) = report_of(name).captures
        assert sum(msgspec.structs.asdict(capture.counters).values()) == capture.frames, name


def test_every_tcp_segment_is_one_of_a_connection():
    for name in NAMES:
        (capture,) = report_of(name).captures
        segments = sum(
            end.segments + end.duplicates
            for answer in answers_of(name)
            for end in (answer.view.client, answer.view.server)
        )
        assert segments == capture.counters.tcp, name


def test_every_transition_is_an_arrow_and_starts_where_the_one_before_ended(answers):
    for name, answer in answers:
        for end in (answer.view.client, answer.view.server):
            steps = end.transitions
            for step in steps:
                assert (step.from_, step.event, step.to) in ARROWS, (name, answer.view.id, step)
            for before, after in pairwise(steps):
                assert before.to == after.from_, (name, answer.view.id)
            if steps:
                assert steps[0].from_ in BEGINS and steps[-1].to == end.state, (name, answer.view.id)
            else:
                assert end.state in {None, "ESTABLISHED", "CLOSED", "LISTEN"}, (name, answer.view.id)


def test_every_frame_that_is_named_is_one_of_the_capture(answers):
    for name, answer in answers:
        (capture,) = report_of(name).captures
        view = answer.view
        named = [view.first_frame, view.last_frame, *view.opening.frames, *view.closing.frames]
        named += [frame for finding in view.findings for frame in finding.frames]
        named += [check.frame for check in view.checks]
        for stay in view.time_wait:
            named += [stay.frame, *stay.restarts, stay.end_frame or 1]
        for end in (view.client, view.server):
            for step in end.transitions:
                named += [step.frame or 1, step.earliest_frame or 1, step.confirmed_by or 1]
        assert all(1 <= frame <= capture.frames for frame in named), (name, view.id, named)


def test_an_assumed_timer_is_the_only_transition_without_a_frame(answers):
    for name, answer in answers:
        for end in (answer.view.client, answer.view.server):
            for step in end.transitions:
                assert (step.frame is None) == (step.event == "2MSL timeout"), (name, answer.view.id, step)
                assert (step.confirmed_by is not None) == (step.certainty == "confirmed"), (name, answer.view.id, step)


def test_the_time_in_states_is_never_negative_and_a_stay_has_bounds_in_order(answers):
    for name, answer in answers:
        for end in (answer.view.client, answer.view.server):
            assert all(time >= 0 for time in end.time_in_state_ns.values()), (name, answer.view.id)
        for stay in answer.view.time_wait:
            if stay.at_least_ns is not None and stay.at_most_ns is not None:
                assert 0 <= stay.at_least_ns <= stay.at_most_ns, (name, answer.view.id, stay)


def test_the_summary_counts_what_the_connections_say():
    for name in NAMES:
        report = report_of(name)
        openings = {}
        closings = {}
        findings = {}
        for answer in answers_of(name):
            openings[answer.view.opening.kind] = openings.get(answer.view.opening.kind, 0) + 1
            closings[answer.view.closing.kind] = closings.get(answer.view.closing.kind, 0) + 1
            for finding in answer.findings:
                findings[finding] = findings.get(finding, 0) + 1
        assert report.summary.openings == openings, name
        assert report.summary.closings == closings, name
        assert report.summary.findings == findings, name


def test_the_command_line_ends_with_0_or_3_and_says_why_in_one_line_a_fault():
    for name in NAMES:
        status, out, err = run(str(CAPTURES / name))
        faults = report_of(name).faults
        assert status == (3 if faults else 0), name
        assert err == "".join(f"handshake-inspect: {fault}\n" for fault in faults), name
        assert out.endswith("\n"), name


def _id(connection: Connection) -> int:
    return connection.id


def test_json_is_what_the_schema_says_and_ndjson_holds_the_same_connections():
    for name in NAMES[::25]:
        _, out, _ = run(str(CAPTURES / name), "--format", "json")
        document = msgspec.json.decode(out, type=Document)
        assert msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n" == out.encode(), name
        _, lines, told = run(str(CAPTURES / name), "--format", "ndjson")
        written = sorted((msgspec.json.decode(line, type=Connection) for line in lines.splitlines()), key=_id)
        if "2MSL" in told:
            # What came after a connection was written is not in its line.
            assert [each.id for each in written] == [each.id for each in document.connections], name
        else:
            assert written == list(document.connections), name


def test_a_process_of_its_own_ends_with_0_or_3_and_no_traceback(cli):
    for name in NAMES[:: len(NAMES) // 30]:
        done = cli(CAPTURES / name, "--utc")
        faults = report_of(name).faults
        assert done.returncode == (3 if faults else 0), (name, done.stderr)
        assert done.stderr == "".join(f"handshake-inspect: {fault}\n" for fault in faults), name
