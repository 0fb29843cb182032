"""The default report: what stands on the screen, at every width."""

import io
import re
import sys
import unicodedata

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fake_cli import modules
from handshake_inspect.render import Style, detail
from handshake_inspect.render.columns import fitting
from handshake_inspect.render.selection import Selection
from handshake_inspect.render.table import write
from handshake_inspect.render.text import UNSAFE_CATEGORIES
from handshake_inspect.report import BytesPerSide, FrameOf, Icmp, Schedule
from reports import (
    CUT,
    MS,
    START_NS,
    TIME_WAIT,
    FakeReport,
    capture,
    check,
    closing,
    connection,
    endpoint,
    finding,
    mixed,
    opening,
    refused,
    step,
)


@pytest.fixture(autouse=True)
def made_up_findings(monkeypatch):
    for name, module in modules().items():
        monkeypatch.setitem(sys.modules, name, module)


def rendered(report, width=100, colour=False, **choice):
    out = io.StringIO()
    write(Selection(report, **choice), out, Style(width=width, colour=colour, utc=True))
    return out.getvalue()


def many(count=30):
    return FakeReport([refused(id) if id % 7 == 3 else connection(id) for id in range(count)])


def ipv6():
    return FakeReport([
        connection(id, client=endpoint(f"2001:db8:85a3:1234:5678:8a2e:370:{id}", 40000 + id, state="TIME_WAIT"),
                   server=endpoint("2001:db8:85a3:abcd:5678:8a2e:370:7334", 443))
        for id in range(2)
    ])  # fmt: skip


def troubled():
    """One connection with everything that a step-by-step report can say."""
    return FakeReport(
        [
            connection(
                incarnation=2, roles="guessed",
                client=endpoint("10.0.0.1", 40000, isn=2**32 - 1, duplicates=2, missing_bytes=1, state="TIME_WAIT",
                                transitions=(
                                    step("CLOSED", "SYN_SENT", "snd SYN", FrameOf(capture=0, frame=2), 0,
                                         earliest=FrameOf(capture=0, frame=1)),
                                    step("TIME_WAIT", "CLOSED", "2MSL timeout", None, 60_000, "assumed"))),
                server=endpoint("10.0.0.2", 80, state=None, isn=None, segments=0, bytes=0),
                opening=opening(refusals=3, schedule=Schedule(gaps_ns=(1000 * MS, 2000 * MS), fits=("linux",)),
                                icmp=Icmp(frame=4, reporter="10.0.0.254", type=3, code=1, meaning="host unreachable",
                                          hard=False)),
                closing=closing("fin-then-reset", "client", reset_by="server", reset_in_state="FIN_WAIT_2",
                                bytes_after_first_fin=BytesPerSide(client=0, server=1500)),
                checks=(check("syn-ack acknowledges syn", 2, 0), check("ack continues from syn", 3, 0, 20, True),
                        check("client fin acknowledged", 7, 10, 9)),
                time_wait=(TIME_WAIT, *(
                    type(TIME_WAIT)(holder="server", frame=9, start_ns=START_NS, restarts=(10, 11), end=end,
                                    end_frame=12, at_least_ns=None, at_most_ns=5 * MS, profile="linux")
                    for end in ("reuse", "reset", "expired"))),
                findings=(finding("fin-retransmitted", 9, 10), finding("wrong-ack", 7)),
            )
        ],
        [capture(faults=(CUT,), time_resolution_ns=1), capture("second.pcap", frames=0, first_time_ns=None,
                                                               last_time_ns=None, link_types=())],
    )  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_a_report_fits_its_width(golden, width):
    golden(f"render-mixed-{width}.txt", rendered(mixed(), width))


def test_one_connection_is_told_step_by_step(golden):
    golden("render-one.txt", rendered(FakeReport([connection()])))


def test_one_connection_is_folded_into_80_columns(golden):
    golden("render-one-80.txt", rendered(FakeReport([connection()]), 80))


def test_a_chosen_stream_is_told_step_by_step(golden):
    golden("render-stream.txt", rendered(mixed(), streams=(1, 2)))


def test_everything_that_can_go_wrong_with_one_connection_is_told(golden):
    golden("render-troubled.txt", rendered(troubled()))


def test_of_many_connections_the_worst_twenty_are_shown(golden):
    golden("render-many.txt", rendered(many()))


def test_a_report_without_connections_is_its_head(golden):
    golden("render-none.txt", rendered(FakeReport([], [capture(frames=0, first_time_ns=None, last_time_ns=None)])))


def test_long_addresses_make_room_for_the_states(golden):
    golden("render-ipv6.txt", rendered(ipv6(), 80))


def test_colour_is_only_added(golden):
    painted = rendered(mixed(), colour=True)
    golden("render-mixed-colour.txt", painted)
    assert click.unstyle(painted) == rendered(mixed())


SHAPES = {"mixed": mixed(), "ipv6": ipv6(), "many": many(), "troubled": troubled(), "one": FakeReport([connection()])}


@pytest.mark.parametrize("report", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("width", [80, 100, 132, 200])
def test_no_line_is_wider_than_the_screen(report, width):
    assert [line for line in rendered(report, width).splitlines() if len(line) > width] == []


@given(st.integers(30, 250))
def test_no_column_is_dropped_when_all_have_room(width):
    columns, _ = fitting(mixed().connections, width)
    if width >= 160:
        assert len(columns) == 13
    assert [column.title for column in columns][:4] == ["id", "client", "server", "opening"]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.text())
def test_text_from_outside_cannot_act_on_a_terminal(path, words):
    hostile = capture(path or "x", link_types=(words,), unsupported={words: 1}, faults=(type(CUT)(
        offset=None, frame=None, problem=words),))  # fmt: skip
    one = connection(findings=(finding("wrong-ack", 1, text=words or "x"),))
    for report in (FakeReport([one], [hostile]), FakeReport([one, one], [hostile])):
        text = rendered(report).replace("\n", "")
        assert not {unicodedata.category(character) for character in text} & UNSAFE_CATEGORIES


def test_more_than_ten_kinds_of_finding_are_counted(monkeypatch):
    kinds = [finding("refused", 1)] + [type(finding("refused"))(
        id=f"new-{n}", severity="note", endpoint=None, frames=(), text="t") for n in range(11)]  # fmt: skip
    text = rendered(FakeReport([connection(0, findings=tuple(kinds)), connection(1)]))
    assert "  and 2 more kinds of finding, in --format json\n" in text
    assert len(re.findall(r"^  note ", text, re.MULTILINE)) == 9


def test_notes_alone_are_nothing_wrong():
    report = FakeReport([connection(0, findings=(finding("fin-retransmitted", 8),)), connection(1)])
    title = "nothing wrong was found; worth a note (in how many connections, and where first)"
    assert f"{title}\n  note  fin-retransmitted  1  #0 frame 8  " in rendered(report)


SYN_ACK = "syn-ack acknowledges syn"
CHECKS_IN_WORDS = (
    (check(SYN_ACK, 2, 1001), "frame 2: SYN-ACK acknowledges 1001 = client's SYN 1000 + 1"),
    (check(SYN_ACK, 2, 0), "frame 2: SYN-ACK acknowledges 0 = client's SYN 4294967295 + 1"),
    (check(SYN_ACK, 2, 1001, 1011, True),
     "frame 2: SYN-ACK acknowledges 1011 = client's SYN 1000 + 1 + 10 bytes of data"),
    (check("ack acknowledges syn-ack", FrameOf(capture=1, frame=3), 9, 8),
     "frame 1:3: ACK acknowledges 8, expected 9 = server's SYN 8 + 1: 1 too few"),
    (check("server fin acknowledged", 9, 1, 2),
     "frame 9: client acknowledges 2, expected 1 = server's FIN 0 + 1: 1 too many"),
)  # fmt: skip


@pytest.mark.parametrize(("done", "words"), CHECKS_IN_WORDS)
def test_a_check_is_arithmetic(done, words):
    assert detail.check_in_words(done) == words
