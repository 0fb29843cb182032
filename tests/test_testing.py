"""Assertions on captures: what holds passes in one line; what does not says what, where, and shows the ladder."""

from __future__ import annotations

from pathlib import Path

import pytest

from handshake_inspect import CaptureError, ExpectationError, FilterError, UsageError
from handshake_inspect.testing import Handshake, Handshakes, opener
from wrappings import capture_bytes, frames

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_pcaps"
NAMES = ("normal_close_by_client", "close_wait_leak", "refused", "half_open", "reset")


@pytest.fixture(autouse=True)
def in_the_folder_of_the_samples(monkeypatch):
    monkeypatch.chdir(SAMPLES)
    monkeypatch.setenv("COLUMNS", "108")


def only(name: str) -> Handshake:
    return Handshakes(f"{name}/capture.pcap").only()


def failure(assertion, *arguments, **choices) -> tuple[str, str]:
    """What an assertion says when it fails, and the ladder under it."""
    with pytest.raises(AssertionError) as failed:
        assertion(*arguments, **choices)
    says, _, ladder = str(failed.value).partition("\n\n")
    return says, ladder


def lines(*texts: str) -> str:
    return ("\n" + " " * len("AssertionError: ")).join(texts)


def test_what_holds_can_be_said_in_one_chain():
    talk = only("normal_close_by_client")
    same = (
        talk.opened("three-way")
        .closed()
        .closed(by="client")
        .closed("four-way", by="client")
        .ended(client="TIME_WAIT", server="CLOSED")
        .path(client="CLOSED SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT")
        .path(server="listen -> syn-received -> established -> close-wait -> last-ack -> closed")
        .no_findings()
        .holds("handshake < 50ms and retransmissions == 0")
    )
    assert same is talk
    assert only("refused").opened("refused").found("refused").no_findings(but=["refused"]).no_findings(but="refused")
    assert repr(talk) == "<#0 192.0.2.1:40000 -> 192.0.2.2:80: three-way, four-way>"


# fmt: off
BROKEN = [
    ("refused", "opened", ["three_way"], {}, "opening three-way", ["opening refused (frames 1, 2)"]),
    ("close_wait_leak", "closed", ["four-way"], {}, "closing four-way",
     ["closing half-closed, the client first (frames 8, 9)"]),
    ("close_wait_leak", "closed", [], {"by": "server"}, "closing of any kind, the server first",
     ["closing half-closed, the client first (frames 8, 9)"]),
    ("close_wait_leak", "closed", ["half-closed"], {"by": "server"}, "closing half-closed, the server first",
     ["closing half-closed, the client first (frames 8, 9)"]),
    ("refused", "closed", [], {}, "closing of any kind", ["closing none"]),
    ("close_wait_leak", "ended", [], {"client": "FIN_WAIT_2", "server": "LAST-ACK"}, "server LAST_ACK at the end",
     ["server CLOSE_WAIT (frame 8)"]),
    ("refused", "path", [], {"client": "CLOSED SYN_SENT ESTABLISHED"}, "client CLOSED SYN_SENT ESTABLISHED",
     ["client CLOSED SYN_SENT CLOSED", "          from SYN_SENT on they differ: rcv RST, inferred (frame 2)"]),
    ("close_wait_leak", "path", [], {"server": "LISTEN SYN_RECEIVED ESTABLISHED"},
     "server LISTEN SYN_RECEIVED ESTABLISHED",
     ["server LISTEN SYN_RECEIVED ESTABLISHED CLOSE_WAIT",
      "          from ESTABLISHED on they differ: rcv FIN, confirmed (frame 8)"]),
    ("refused", "path", [], {"client": "CLOSED SYN_SENT CLOSED LISTEN"}, "client CLOSED SYN_SENT CLOSED LISTEN",
     ["client CLOSED SYN_SENT CLOSED"]),
    ("refused", "found", ["refused", "unanswered", "half-open"], {}, "finding unanswered, half-open", ["refused"]),
    ("normal_close_by_client", "found", ["refused"], {}, "finding refused", ["no findings"]),
    ("half_open", "no_findings", [], {"but": ["half-open"]}, "no findings but half-open",
     ["syn-ack-retransmitted: the server sent its SYN-ACK 3 times (frames 2 to 4)"]),
    ("half_open", "no_findings", [], {}, "no findings",
     ["half-open: the server's SYN-ACK (frame 2, sent 3 times) was never acknowledged",
      "          syn-ack-retransmitted: the server sent its SYN-ACK 3 times (frames 2 to 4)"]),
    ("reset", "holds", ["handshake < 5ms"], {}, "handshake < 5ms", ["a connection for which that is not so"]),
]
# fmt: on


@pytest.mark.parametrize(("name", "assertion", "arguments", "choices", "expected", "seen"), BROKEN)
def test_what_does_not_hold_is_told_with_the_ladder(name, assertion, arguments, choices, expected, seen, cli):
    says, ladder = failure(getattr(only(name), assertion), *arguments, **choices)
    place = f"in        {name}/capture.pcap, connection 0"
    assert says == lines(f"expected  {expected}", f"seen      {seen[0]}", *seen[1:], place)
    walked = cli("walk", f"sample_pcaps/{name}/capture.pcap", "--utc", env={"COLUMNS": "100"})
    assert ladder + "\n" == walked.stdout


def test_an_end_of_which_nothing_was_captured_is_told_so():
    says, _ = failure(only("filtered").ended, server="LISTEN")
    assert says.splitlines()[1].strip() == "seen      server not captured"
    says, _ = failure(only("filtered").path, server="LISTEN")
    assert says.splitlines()[1].strip() == "seen      server not captured"


# fmt: off
WORDS = [
    ("opened", ["threeway"], {}, "opening: does not know 'threeway'; did you mean three-way?"),
    ("closed", ["fourway"], {}, "closing: does not know 'fourway'; did you mean four-way?"),
    ("closed", [], {"by": "me"}, "client or server: does not know 'me'; one of: client, server"),
    ("ended", [], {"client": "TIMEWAIT"}, "state: does not know 'TIMEWAIT'; did you mean TIME_WAIT?"),
    ("path", [], {"server": "LISTEN SYN_RCVD"}, "state: does not know 'SYN_RCVD'; did you mean SYN_RECEIVED?"),
    ("found", ["refuse"], {}, "finding: does not know 'refuse'; did you mean refused?"),
    ("no_findings", [], {"but": ["refuse"]}, "finding: does not know 'refuse'; did you mean refused?"),
]
# fmt: on


@pytest.mark.parametrize(("assertion", "arguments", "choices", "problem"), WORDS)
def test_a_word_that_does_not_exist_is_a_mistake_of_the_test_and_no_failure(assertion, arguments, choices, problem):
    with pytest.raises(UsageError) as refused:
        getattr(only("normal_close_by_client"), assertion)(*arguments, **choices)
    assert str(refused.value) == problem


def test_an_expression_that_cannot_be_understood_is_refused():
    with pytest.raises(FilterError):
        only("refused").holds("opening = refused")


def test_one_of_several_is_chosen_by_an_expression():
    both = Handshakes("refused/capture.pcap", "half_open/capture.pcap")
    assert len(both) == 2
    assert [handshake.connection.id for handshake in both] == [0, 1]
    assert [handshake.connection.id for handshake in both[:1]] == [0]
    assert both[-1].connection == both.report.connections[1]
    assert both.only("opening == half-open").connection.id == 1
    assert len(both.where("finding refused")) == 1
    assert both.where("finding refused").only().connection.id == 0


def test_more_or_fewer_than_one_are_listed():
    both = Handshakes("refused/capture.pcap", "half_open/capture.pcap")
    places = "in        refused/capture.pcap, half_open/capture.pcap"
    listed = [
        "          <#0 192.0.2.1:40000 -> 192.0.2.2:80: refused, none>",
        "          <#1 192.0.2.1:40000 -> 192.0.2.2:80: half-open, none>",
    ]
    expected = "expected  one connection"
    assert failure(both.only)[0] == lines(expected, "seen      2 of 2 connections", *listed, places)
    says, _ = failure(both.only, "opening == three-way")
    assert says == lines(f"{expected} with opening == three-way", "seen      0 of 2 connections", *listed, places)


def test_of_many_connections_ten_are_listed(tmp_path):
    path = tmp_path / "many.pcap"
    path.write_bytes(capture_bytes(frames("; ".join(f"port {port}; SYN >" for port in range(50000, 50012)))))
    says, _ = failure(Handshakes(path).only)
    assert len(says.splitlines()) == 2 + 10 + 2
    assert says.splitlines()[-2].strip() == "and 2 more"


def test_the_first_connection_with_findings_is_shown():
    Handshakes("normal_close_by_client/capture.pcap").no_findings()
    both = Handshakes("refused/capture.pcap", "half_open/capture.pcap")
    assert both.no_findings(but=["refused", "half-open", "syn-ack-retransmitted", "tuple-reused"]) is both
    says, ladder = failure(both.no_findings, but="refused")
    assert says.splitlines()[-1].endswith("half_open/capture.pcap, connection 1")
    assert ladder.startswith("#1 ")


def test_a_long_ladder_is_cut_and_the_command_that_shows_it_whole_is_named(tmp_path):
    path = tmp_path / "long.pcap"
    path.write_bytes(capture_bytes(frames("SYN >; " + "; ".join(["SYN again >"] * 70))))
    _, ladder = failure(Handshakes(path).only().opened, "three-way")
    assert len(ladder.splitlines()) == 202
    assert ladder.splitlines()[-1].endswith(f"more lines: handshake-inspect walk {path} --stream 0")


def test_a_capture_that_is_gone_costs_the_ladder_only(tmp_path):
    path = tmp_path / "gone.pcap"
    path.write_bytes(capture_bytes(frames("SYN >")))
    handshake = Handshakes(path).only()
    path.unlink()
    says, ladder = failure(handshake.opened, "three-way")
    assert says.splitlines()[0] == "expected  opening three-way"
    assert ladder.startswith(f"no ladder: {path}: ")


def test_a_damaged_capture_is_refused_unless_its_rest_is_asked_for():
    cut = ROOT / "tests" / "damaged" / "cut_in_a_frame.pcap"
    with pytest.raises(CaptureError, match=r"cut_in_a_frame\.pcap: frame 6, offset 459: "):
        Handshakes(cut)
    rest = Handshakes(cut, damaged=True)
    assert (len(rest.report.faults), rest.only().connection.closing.kind) == (1, "open")


def test_2msl_is_passed_on():
    stay = Handshakes("normal_close_by_client/capture.pcap", two_msl="30s").only().connection.time_wait[0]
    assert stay.at_most_ns == 30_000_000_000


def test_a_path_is_looked_for_beside_the_test_then_in_the_current_folder(tmp_path):
    (tmp_path / "refused").mkdir()
    (tmp_path / "refused" / "capture.pcap").write_bytes(Path("reset/capture.pcap").read_bytes())
    open_capture = opener(tmp_path)
    assert open_capture("refused/capture.pcap").only().closed("reset", by="client")
    assert open_capture("half_open/capture.pcap").only().opened("half-open")
    with pytest.raises(CaptureError, match=r"^nowhere\.pcap: "):
        open_capture("nowhere.pcap")


def test_a_file_of_expectations_that_holds_is_passed():
    both = Handshakes("refused/capture.pcap", expect="refused/expect.toml")
    assert both.check("refused/expect.toml") is both
    two = Handshakes("refused/capture.pcap", "half_open/capture.pcap")
    assert len(two.where("opening == refused").check("refused/expect.toml")) == 1


def test_what_a_file_of_expectations_refuses_is_told_as_check_tells_it_with_the_ladder(cli, monkeypatch):
    monkeypatch.chdir(ROOT)
    capture, rules = "sample_pcaps/half_open/capture.pcap", "sample_pcaps/refused/expect.toml"
    says, rest = failure(Handshakes, capture, expect=rules)
    checked = cli("check", capture, "--expect", rules, env={"COLUMNS": "100"})
    walked = cli("walk", capture, "--utc", env={"COLUMNS": "100"})
    assert "broken  allow [frames 2, 4]" in rest
    assert f"{says}\n\n{rest}\n" == checked.stdout + "\n" + walked.stdout


def test_a_capture_that_is_too_poor_to_judge_an_expectation_does_not_pass():
    says, rest = failure(Handshakes("mid_stream/capture.pcap").check, "refused/expect.toml")
    assert says.splitlines()[0].startswith("?      mid_stream/capture.pcap: 9 cannot be judged, 1 held")
    assert "\n\n#0 192.0.2.1:40000 -> 192.0.2.2:80: opening mid-stream" in rest


def test_an_expectation_on_all_connections_names_none_and_has_no_ladder(tmp_path):
    rules = tmp_path / "two.toml"
    rules.write_text("[[expect]]\ncount = 2\n")
    says, rest = failure(Handshakes("refused/capture.pcap").check, rules)
    assert says.startswith("FAIL   refused/capture.pcap: 1 broken")
    assert "│" not in rest


def test_expectations_that_cannot_be_understood_are_refused(tmp_path):
    rules = tmp_path / "wrong.toml"
    rules.write_text("[[expect]]\nopenning = 'refused'\n")
    with pytest.raises(ExpectationError, match=r"wrong\.toml:2: "):
        Handshakes("refused/capture.pcap", expect=rules)


def test_expectations_are_looked_for_beside_the_test_too(tmp_path):
    (tmp_path / "rules.toml").write_text("[[expect]]\nopening = 'refused'\n")
    assert opener(tmp_path)("refused/capture.pcap", expect="rules.toml")
