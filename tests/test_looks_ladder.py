"""A ladder's rows: every number against tshark, every state on its row, every repeat and finding in its place."""

from __future__ import annotations

import doctest
import shutil
import subprocess
from pathlib import Path

import pytest

import handshake_inspect.looks.ladder
from handshake_inspect import analyse
from handshake_inspect.looks.ladder import Ladder, Row, side_of, start_of
from handshake_inspect.report import FrameOf
from walks import SAMPLES, sample, walk, walk_of
from wrappings import Wrapping

NAMES = sorted(path.parent.name for path in SAMPLES.glob("*/capture.pcap") if path.parent.name != "busy_server")
"""The samples of one connection."""
FIELDS = (
    "frame.number", "frame.time_relative", "tcp.flags", "tcp.seq_raw", "tcp.ack_raw", "tcp.seq", "tcp.ack", "tcp.len",
    "tcp.window_size_value",
)  # fmt: skip
FLAG_BITS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE")


def by_tshark(capture: Path) -> list[tuple[object, ...]]:
    """Each TCP frame of a capture as tshark reads it; an ACK field without the ACK flag counts as none."""
    if not shutil.which("tshark"):
        pytest.skip("tshark is not installed")
    fields = [word for field in FIELDS for word in ("-e", field)]
    arguments = ("tshark", "-r", str(capture), "-Y", "tcp && !icmp", "-T", "fields", *fields)
    lines = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.splitlines()
    found: list[tuple[object, ...]] = []
    for line in lines:
        number, time, flags, *others = line.split("\t")
        bits = int(flags, 16)
        seq, ack, relative_seq, relative_ack, length, window = (int(other) for other in others)
        names = ",".join(name for place, name in enumerate(FLAG_BITS) if bits >> place & 1)
        has_ack = "ACK" in names
        found.append((
            int(number), time, names, seq, ack if has_ack else None, relative_seq, relative_ack if has_ack else None,
            length, window,
        ))  # fmt: skip
    return found


def by_us(ladder: Ladder) -> list[tuple[object, ...]]:
    return [
        (row.frame, f"{(row.time_ns - ladder.start_ns) / 1e9:.9f}", row.flags, row.seq, row.ack, row.relative_seq,
         row.relative_ack, row.length, row.window)
        for row in ladder.rows if row.kind == "segment"
    ]  # fmt: skip


def steps(ladder: Ladder, role: str) -> list[tuple[object, ...]]:
    """Each step of one end: the frame of its row, the state that it leads to, and its cause where that is another."""
    return [
        (row.frame, step.transition.to, *([step.transition.frame] if step.caused_elsewhere else []))
        for row in ladder.rows
        for step in side_of(row, role).steps  # type: ignore[arg-type]
    ]


def notes(ladder: Ladder) -> list[tuple[object, str, str]]:
    return [(row.frame, note.id, note.text) for row in ladder.rows for note in row.notes]


def row_of(ladder: Ladder, frame: int) -> Row:
    (row,) = [row for row in ladder.rows if row.frame == frame]
    return row


@pytest.mark.parametrize("name", NAMES)
def test_every_number_is_the_one_that_tshark_reads(name):
    assert by_us(walk(sample(name), unfolded=True)) == by_tshark(sample(name))


@pytest.mark.parametrize("name", NAMES)
def test_folding_leaves_out_plain_data_alone(name):
    folded, whole = walk(sample(name)), walk(sample(name), unfolded=True)
    kept = by_us(folded)
    assert [row for row in by_us(whole) if row in kept] == kept
    left_out = [row for row in by_us(whole) if row not in kept]
    assert all(row[2] in ("ACK", "PSH,ACK") for row in left_out)
    counts = [one for row in folded.rows for one in (row.by_client, row.by_server) if one is not None]
    assert sum(one.segments + one.acks for one in counts) == len(left_out)
    assert sum(one.bytes for one in counts) == sum(row[7] for row in left_out)  # type: ignore[misc]


@pytest.mark.parametrize("name", NAMES)
def test_each_end_goes_through_the_states_of_the_report(name):
    ladder = walk(sample(name))
    for role, end in (("client", ladder.connection.client), ("server", ladder.connection.server)):
        taken = tuple(step.transition for row in ladder.rows for step in side_of(row, role).steps)
        assert taken == end.transitions
        assert side_of(ladder.rows[-1], role).state == end.state
        assert start_of(ladder, role).state == (end.transitions[0].from_ if end.transitions else end.state)


@pytest.mark.parametrize("name", NAMES)
def test_every_check_of_the_report_is_a_sum_on_its_row(name):
    ladder = walk(sample(name))
    sums = [(row.frame, one.name, one.seen, one.ok) for row in ladder.rows for one in row.sums]
    checks = [(check.frame, check.name, check.seen, check.ok) for check in ladder.connection.checks]
    assert sorted(sums) == sorted(checks)
    assert all(one.seen == (one.number + 1) % 2**32 for row in ladder.rows for one in row.sums)


def test_an_ordinary_connection_has_its_states_beside_the_segments():
    ladder = walk_of("open; talk; close")
    assert steps(ladder, "client") == [
        (1, "SYN_SENT"), (2, "ESTABLISHED"), (8, "FIN_WAIT_1"), (9, "FIN_WAIT_2"), (10, "TIME_WAIT"),
    ]  # fmt: skip
    assert steps(ladder, "server") == [
        (1, "SYN_RECEIVED"), (3, "ESTABLISHED"), (8, "CLOSE_WAIT"), (10, "LAST_ACK"), (11, "CLOSED"),
    ]  # fmt: skip
    (run,) = [row for row in ladder.rows if row.kind == "run"]
    assert (run.frame, run.last_frame) == (4, 7)
    assert (run.by_client.segments, run.by_client.bytes, run.by_client.acks) == (1, 10, 1)
    assert (run.by_server.segments, run.by_server.bytes, run.by_server.acks) == (1, 20, 1)


def test_a_step_that_took_effect_later_than_its_frame_stands_on_the_later_row_and_names_its_frame():
    # The FINs cross: the client's, frame 4, was captured before the server's own, and received after it.
    ladder = walk(sample("simultaneous_close"))
    assert steps(ladder, "server")[2:] == [(5, "FIN_WAIT_1"), (5, "CLOSING", 4), (6, "TIME_WAIT")]
    assert steps(ladder, "client")[2:] == [(4, "FIN_WAIT_1"), (5, "CLOSING"), (7, "TIME_WAIT")]


def test_a_syn_ack_captured_before_its_syn_acts_on_the_syns_row():
    ladder = walk_of("SYN late >; < SYN-ACK; ACK >; talk")
    assert (row_of(ladder, 1).flags, row_of(ladder, 2).flags) == ("SYN,ACK", "SYN")
    assert steps(ladder, "client") == [(2, "SYN_SENT"), (2, "ESTABLISHED", 1)]


def test_sums_cross_the_wrap():
    ladder = walk_of("open", wrapping=Wrapping(isns=(2**32 - 1, 2**32 - 1)))
    assert row_of(ladder, 1).takes.next == 0
    assert [(one.field, one.seen, one.number, one.ok, one.off) for one in row_of(ladder, 3).sums] == [
        ("ACK", 0, 2**32 - 1, True, 0), ("SEQ", 0, 2**32 - 1, True, 0),
    ]  # fmt: skip


def test_a_wrong_ack_says_by_how_much():
    ladder = walk_of("SYN >; < SYN-ACK ack+3; RST >")
    (one,) = row_of(ladder, 2).sums
    assert (one.of, one.ok, one.off, (one.seen - one.number) % 2**32) == ("client's SYN", False, 3, 4)


def test_a_fin_takes_the_number_after_its_data():
    ladder = walk_of("open; FIN(10) >; < ACK")
    row = row_of(ladder, 4)
    assert (row.relative_seq, row.takes.what, row.takes.number) == (1, "FIN", (row.seq + 10) % 2**32)
    assert row_of(ladder, 5).sums[0].number == row.takes.number


def test_a_repeat_is_told_on_its_row_and_takes_no_number_again():
    ladder = walk_of("SYN lost >; SYN again @1 >; < SYN-ACK; ACK >")
    assert notes(ladder) == [(2, "syn-again", "SYN sent again, copy 2; the first is frame 1")]
    assert [row_of(ladder, frame).takes is None for frame in (1, 2)] == [False, True]


def test_data_sent_again_is_counted_in_its_run():
    ladder = walk_of("open; DATA(10) lost >; DATA(10) again @1 >; < ACK; talk")
    (run,) = [row for row in ladder.rows if row.kind == "run"]
    assert (run.by_client.segments, run.by_client.bytes, run.by_client.again) == (3, 20, 1)
    whole = walk_of("open; DATA(10) lost >; DATA(10) again @1 >; < ACK; talk", unfolded=True)
    assert notes(whole) == [(5, "data-again", "10 bytes sent again: the client has had no ACK of them")]


@pytest.mark.parametrize("family", [4, 6])
def test_a_mirrored_copy_is_told_at_its_original(family):
    text = "all ts; SYN x2 >; < SYN-ACK x2; ACK x2 >; DATA(10) x2 >; < ACK x2"
    ladder = walk_of(text, wrapping=Wrapping(family=family))
    assert [(row.frame, row.copies) for row in ladder.rows if row.kind == "segment"] == [
        (1, (2,)),
        (3, (4,)),
        (5, (6,)),
    ]
    (run,) = [row for row in ladder.rows if row.kind == "run"]
    assert (run.by_client.segments, run.by_client.copies, run.by_server.acks, run.by_server.copies) == (1, 1, 1, 1)
    whole = walk_of(text, wrapping=Wrapping(family=family), unfolded=True)
    assert [row.frame for row in whole.rows] == list(range(1, 11))
    assert row_of(whole, 2).notes[0].text == "mirrored copy of frame 1, not sent again"


def test_an_ack_that_is_sent_twice_is_no_copy():
    # The IPv4 identification tells them apart.
    ladder = walk_of("SYN >; < SYN-ACK x2; ACK >; DATA(10) >; < ACK; < ACK again @+0.001; talk")
    (run,) = [row for row in ladder.rows if row.kind == "run"]
    assert (run.by_server.acks, run.by_server.copies) == (3, 0)


def test_the_end_of_2msl_stands_before_what_came_after_it():
    ladder = walk_of("open; close; < ACK again @80")
    assert [row.kind for row in ladder.rows][-2:] == ["timer", "segment"]


def test_the_end_of_2msl_has_a_row_without_a_frame():
    ladder = walk_of("open; close; quiet @70")
    last = ladder.rows[-1]
    assert (last.kind, last.frame, last.client.state) == ("timer", None, "CLOSED")
    assert (last.time_ns - ladder.rows[-2].time_ns) == 60_000_000_000


def test_a_syn_of_the_next_connection_that_ends_time_wait_has_a_row():
    ladder = walk_of("open; close; SYN isn+5000000 @10 >; < SYN-ACK isn+9000000; ACK >")
    last = ladder.rows[-1]
    assert (last.kind, last.frame, last.client.steps[0].transition.event) == ("elsewhere", 8, "new SYN on the 4-tuple")


def test_a_challenge_ack_is_named():
    ladder = walk_of("open ; talk; RST seq+100 >; < ACK; talk", unfolded=True)
    assert [(frame, id) for frame, id, _ in notes(ladder)] == [(8, "rst-challenged"), (9, "challenge-ack")]


def test_a_finding_without_a_row_is_a_remark():
    ladder = walk_of("mid; talk; close", wrapping=Wrapping())
    told = {id for _, id, _ in notes(ladder)} | {note.id for note in ladder.remarks}
    assert told == {finding.id for finding in ladder.connection.findings}


def test_an_icmp_error_has_a_row():
    ladder = walk_of("SYN >; < ICMP(3,3)")
    assert [(row.kind, row.client.state) for row in ladder.rows] == [("segment", "SYN_SENT"), ("icmp", "CLOSED")]


def test_frames_of_several_captures_name_their_capture():
    files = [str(sample("refused")), str(sample("reset"))]
    report = analyse(files)
    from handshake_inspect.looks.climb import ladder
    from handshake_inspect.segments import segments_of

    drawn = ladder(report.connections[0], segments_of(files, [0]), report.captures)
    assert [row.frame for row in drawn.rows] == [FrameOf(capture=0, frame=1), FrameOf(capture=0, frame=2)]
    assert drawn.rows[1].client.steps[0].transition.frame == FrameOf(capture=0, frame=2)


def test_the_example_in_the_docstring_holds(monkeypatch):
    monkeypatch.chdir(SAMPLES.parent)
    assert doctest.testmod(handshake_inspect.looks.ladder) == (0, 7)


def test_where_one_socket_is_both_ends_no_segment_has_a_sender():
    ladder = walk_of("SYN >; < SYN-ACK; ACK >; talk", wrapping=Wrapping(one_socket=True))
    assert "self-connected" in {finding.id for finding in ladder.connection.findings}
    assert {row.sender for row in ladder.rows} == {None}
