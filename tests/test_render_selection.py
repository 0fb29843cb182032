"""Which connections are shown, and what is counted over them."""

from handshake_inspect.render.selection import Selection
from reports import FakeReport, connection, finding, mixed, refused


def test_everything_is_counted_by_the_analysis_alone():
    report = mixed()
    selection = Selection(report)
    assert selection.everything
    assert selection.summary is report.summary
    assert [one.id for one in selection] == [0, 1, 2, 3]
    assert len(selection) == selection.total == 4


def test_a_filter_counts_what_it_lets_through():
    selection = Selection(mixed(), keep=lambda one: one.opening.kind == "refused")
    assert [one.id for one in selection] == [1]
    assert (len(selection), selection.total) == (1, 4)
    assert selection.summary.openings == {"refused": 1}
    assert selection.summary.findings == {"refused": 1}
    assert selection.summary.closed_first == {}
    assert selection.summary.final_states == {"CLOSED": 2}
    assert selection.first_with("refused") == 1
    assert selection.first_with("half-open") is None


def test_streams_are_shown_in_order_and_unknown_ones_are_left_out():
    selection = Selection(mixed(), streams=(3, 1, 3, 99))
    assert [one.id for one in selection] == [1, 3]
    assert selection.by_stream


def test_streams_and_a_filter_both_hold():
    assert [one.id for one in Selection(mixed(), streams=(1, 3), keep=lambda one: one.id == 3)] == [3]


def test_the_filter_runs_once_for_each_connection():
    asked: list[int] = []

    def keep(one):
        asked.append(one.id)
        return True

    selection = Selection(mixed(), keep=keep)
    assert [len(list(selection)), len(list(selection)), len(selection), selection.summary.connections] == [4] * 4
    assert asked == [0, 1, 2, 3]


def test_a_walk_that_was_broken_off_counts_nothing_twice():
    selection = Selection(mixed(), keep=lambda one: True)
    next(iter(selection))
    assert selection.summary.connections == 4


def test_the_worst_come_first_then_the_order_of_the_capture():
    report = FakeReport([
        connection(0), connection(1, findings=(finding("fin-retransmitted"),)), refused(2),
        connection(3, findings=(finding("fin-retransmitted"), finding("wrong-ack"))), refused(4),
    ])  # fmt: skip
    assert Selection(report, keep=lambda one: True).worst(4) == [3, 2, 4, 1]


def test_a_finding_that_a_connection_has_twice_counts_once():
    report = FakeReport([connection(0, findings=(finding("refused", 1), finding("refused", 2)))])
    assert report.summary.findings == {"refused": 1}
