"""Conversations that were once judged wrongly, each as small as it could be made, in the order of the capture.

A line is a time in milliseconds, the sender, the flags, SEQ, ACK where there is one, and the length where there is one.
"""

from __future__ import annotations

from pathlib import Path

from captures import write_pcap
from endpoints import LETTERS, MS, Segment, Sent
from handshake_inspect import analyse
from handshake_inspect.report import Connection, Endpoint
from link import START_NS, packet


def judged(tmp_path: Path, ladder: str) -> Connection:
    """Analyse the conversation; it must be one connection."""
    frames = []
    for number, line in enumerate(ladder.strip().splitlines()):
        time_ms, sender, flags, seq, *rest = line.split()
        bits = sum(bit for bit, name in LETTERS if name in flags.split(","))
        ack = int(rest[0]) if "ACK" in flags else 0
        length = int(rest[-1]) if len(rest) > ("ACK" in flags) else 0
        sent = Sent(number, sender, 0, Segment(bits, int(seq), ack, length))
        frames.append((START_NS + int(float(time_ms) * MS), packet(sent)))
    path = write_pcap(tmp_path / "ladder.pcap", frames, link_type=101)
    (connection,) = analyse(str(path)).connections
    return connection


def path_of(endpoint: Endpoint) -> list[str]:
    """Return each state after the first, with the letter of its certainty and its frame."""
    return [f"{step.to} {step.certainty} {step.frame}" for step in endpoint.transitions]


def ends(connection: Connection) -> dict[str, Endpoint]:
    return {"A" if end.port == 40000 else "B": end for end in (connection.client, connection.server)}


def test_a_fin_from_syn_received_does_not_prove_that_the_syn_was_acknowledged(tmp_path):
    """CLOSE in SYN_RECEIVED sends FIN (section 3.10.4); here the ACK was on its way."""
    connection = judged(tmp_path, """
        0   A SYN      100
        1   B SYN,ACK  500 101
        2   B FIN,ACK  501 101
        3   A ACK      101 501
        4   A ACK      101 502
    """)  # fmt: skip
    assert path_of(ends(connection)["B"]) == [
        "SYN_RECEIVED confirmed 1", "FIN_WAIT_1 observed 3", "FIN_WAIT_2 inferred 5",
    ]  # fmt: skip


def test_a_fin_after_the_ack_of_the_syn_leaves_it_inferred(tmp_path):
    connection = judged(tmp_path, """
        0   A SYN      100
        1   B SYN,ACK  500 101
        2   A ACK      101 501
        3   B FIN,ACK  501 101
    """)  # fmt: skip
    assert path_of(ends(connection)["B"]) == [
        "SYN_RECEIVED confirmed 1", "ESTABLISHED inferred 3", "FIN_WAIT_1 observed 4",
    ]  # fmt: skip


def test_two_resets_that_cross_were_both_sent_by_an_open_endpoint(tmp_path):
    """A RST is never answered by a RST (section 3.10.7.1)."""
    connection = judged(tmp_path, """
        0   A SYN      100
        1   B SYN,ACK  500 101
        2   A ACK      101 501
        3   A RST      101
        4   B RST      501
    """)  # fmt: skip
    assert path_of(ends(connection)["A"])[-1] == "CLOSED observed 4"
    assert path_of(ends(connection)["B"])[-1] == "CLOSED observed 5"
    assert connection.closing.reset_by == "client"


def test_the_sender_of_a_reset_that_meets_syn_sent_is_closed_all_the_same(tmp_path):
    connection = judged(tmp_path, """
        0   A SYN      100
        1   B SYN      500
        2   A SYN,ACK  100 501
        3   A RST      101
    """)  # fmt: skip
    assert path_of(ends(connection)["A"]) == [
        "SYN_SENT observed 1", "SYN_RECEIVED confirmed 2", "CLOSED observed 4",
    ]  # fmt: skip
    assert path_of(ends(connection)["B"]) == ["SYN_SENT observed 2"]


def test_a_fin_that_is_proved_later_came_before_the_reset_that_followed_it(tmp_path):
    """A sent both ACKs before the first RST arrived; what answers them comes to an endpoint that is CLOSED."""
    connection = judged(tmp_path, """
        0   A SYN      100
        1   B SYN,ACK  500 101
        2   B FIN,ACK  501 101
        3   B RST      502
        4   A ACK      101 501
        5   B RST      501
        6   A ACK      101 502
        7   B RST      502
    """)  # fmt: skip
    assert path_of(ends(connection)["A"])[1:] == [
        "ESTABLISHED confirmed 2", "CLOSE_WAIT confirmed 3", "CLOSED inferred 4",
    ]  # fmt: skip


def test_late_data_from_before_a_reset_does_not_make_the_reset_forged(tmp_path):
    connection = judged(tmp_path, """
        0   A SYN      100
        1   B SYN,ACK  500 101
        2   A ACK      101 501
        3   A RST      102
        4   B ACK      501 101
        5   A RST      101
        6   A PSH,ACK  101 501 1
        7   B RST      501
    """)  # fmt: skip
    assert "rst-forged" not in [finding.id for finding in connection.findings]
    assert path_of(ends(connection)["A"])[-1] == "CLOSED observed 4"
    assert path_of(ends(connection)["B"])[-1] == "CLOSED inferred 6"


def test_a_fin_on_a_reset_is_no_fin(tmp_path):
    """A RST is judged before the FIN bit (section 3.10.7.4); no frame beyond the capture may be named."""
    connection = judged(tmp_path, """
        0   A FIN,RST  1
        1   B SYN,ACK  500 1
        2   A SYN      0
        3   B PSH,ACK  501 2 1000
    """)  # fmt: skip
    named = {step.earliest_frame for end in ends(connection).values() for step in end.transitions}
    assert named == {None}
    assert connection.closing.kind == "open"


def test_data_of_an_endpoint_does_not_confirm_what_its_own_data_showed(tmp_path):
    """No ACK of B is captured that could have been received; its second data proves no more than its first."""
    connection = judged(tmp_path, """
        0   A SYN      0
        1   B SYN,ACK  0 0
        2   B PSH,ACK  0 0 1
        3   B PSH,ACK  0 0 2
    """)  # fmt: skip
    assert path_of(ends(connection)["B"]) == ["SYN_RECEIVED inferred 2", "ESTABLISHED inferred 3"]


def test_an_ack_captured_before_the_syn_ack_that_it_acknowledges_is_no_failed_check(tmp_path):
    connection = judged(tmp_path, """
        0   A SYN      0
        1   B SYN,ACK  0 1
        2   A ACK      0 101
        3   B SYN,ACK  100 1
    """)  # fmt: skip
    assert [check for check in connection.checks if not check.ok and check.seen == check.expected] == []


def test_a_fin_that_crossed_the_peers_fin_and_reset_came_first(tmp_path):
    connection = judged(tmp_path, """
        0   A SYN      100
        1   B SYN,ACK  500 101
        2   A ACK      101 501
        3   B FIN,ACK  501 101
        4   B RST      502
        5   A FIN,ACK  101 501
        6   B RST      501
        7   A ACK      102 502
        8   B RST      502
    """)  # fmt: skip
    assert [step.to for step in ends(connection)["A"].transitions] == [
        "SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "CLOSING", "CLOSED",
    ]  # fmt: skip


def test_resets_cross_also_when_an_ack_precedes_the_second(tmp_path):
    """An endpoint's own ACK between two RSTs is nothing that its RST could answer."""
    connection = judged(tmp_path, """
        0   A SYN      100
        1   B SYN,ACK  500 101
        2   A ACK      101 501
        3   B PSH,ACK  501 101 1
        4   B PSH,ACK  502 101 1
        5   B RST      503
        6   A ACK      101 502
        7   A RST      101
    """)  # fmt: skip
    assert path_of(ends(connection)["A"])[-1] == "CLOSED observed 8"
    assert path_of(ends(connection)["B"])[-1] == "CLOSED observed 6"


def test_a_reset_that_answers_data_after_a_reset_does_not_cross_it(tmp_path):
    connection = judged(tmp_path, """
        0   A SYN      100
        1   B SYN,ACK  500 101
        2   A ACK      101 501
        3   B RST      501
        4   B PSH,ACK  501 101 1
        5   A RST      101
    """)  # fmt: skip
    assert path_of(ends(connection)["A"])[-1] != "CLOSED observed 6"


def test_in_a_simultaneous_open_a_syn_comes_before_the_reset_that_follows_it(tmp_path):
    """A's SYN-ACK shows that B's SYN had come; B's RST, sent after that SYN, came after it."""
    connection = judged(tmp_path, """
        0   A SYN      100
        4   B SYN      500
        4   B SYN,ACK  500 101
        4   B RST      501
        6   A SYN,ACK  100 501
    """)  # fmt: skip
    assert path_of(ends(connection)["A"]) == [
        "SYN_SENT observed 1", "SYN_RECEIVED confirmed 2", "ESTABLISHED inferred 3", "CLOSED inferred 4",
    ]  # fmt: skip


def test_a_reset_that_crosses_the_last_ack_of_the_handshake_comes_after_the_syn_ack(tmp_path):
    connection = judged(tmp_path, """
        0   A SYN      100
        1   B SYN,ACK  500 101
        3   B RST      501
        4   A ACK      101 501
    """)  # fmt: skip
    assert path_of(ends(connection)["A"]) == [
        "SYN_SENT observed 1", "ESTABLISHED confirmed 2", "CLOSED inferred 3",
    ]  # fmt: skip


def test_the_ack_on_a_copy_of_a_fin_is_never_called_confirmed(tmp_path):
    """The first copy was received, so the second lies outside of the window: who drops it drops its ACK as well."""
    connection = judged(tmp_path, """
        0   A SYN      100
        1   B SYN,ACK  500 101
        2   A ACK      101 501
        3   A FIN,ACK  101 501
        4   B FIN,ACK  501 101
        5   A FIN,ACK  101 502
        6   B FIN,ACK  501 102
        7   A ACK      102 502
        8   B ACK      502 102
    """)  # fmt: skip
    assert path_of(ends(connection)["A"])[-2:] == ["CLOSING confirmed 5", "TIME_WAIT inferred 7"]
