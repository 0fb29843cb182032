"""Can a capture be believed: the grades of verdicts, the capture point, and what is missing."""

from __future__ import annotations

import pytest

from handshake_inspect.expect.doubts import ALL, Doubts, setting_of
from handshake_inspect.looks.doctor import Doubt, Examination, point_of
from handshake_inspect.looks.frames import FrameSizes, frame_sizes
from handshake_inspect.looks.grade import REASONS, grade
from handshake_inspect.report import Finding
from looking import MS, end_of, recorded
from reports import FakeReport, capture, connection, opening
from wrappings import play

# fmt: off
GRADES = {
    # ladder                                                   grade         reasons
    "open; talk; close":                                      ("firm",       ()),
    "open; talk; FIN~ >; < FIN; ACK >; < ACK":                ("firm",       ()),
    "open; talk; < RST":                                      ("firm",       ()),
    "SYN >; < RST-ACK":                                       ("firm",       ()),
    "SYN >; SYN again @1 >; quiet @5":                        ("firm",       ()),
    "SYN x2 >; < SYN-ACK; ACK >; talk":                       ("firm",       ()),
    "SYN late >; < SYN-ACK; ACK >; talk":                     ("firm",       ()),
    "open":                                                   ("weak",       ("last-ack",)),
    "open; talk; FIN >; quiet @9":                            ("firm",       ()),
    "open; talk; < FIN; quiet @9":                            ("firm",       ()),
    "open; talk; DATA(10) hidden >; < ACK; close":            ("weak",       ("small-gap",)),
    "open; DATA(10) hidden >; < ACK; talk":                   ("impossible", ("gap",)),
    "SYN >; < SYN-ACK hidden; ACK >; talk; close":            ("impossible", ("no-syn-ack",)),
    "SYN >; < SYN-ACK hidden; ACK >; FIN >; < ACK; < FIN; ACK >": ("impossible", ("no-syn-ack",)),
    "mid; talk; close":                                       ("impossible", ("mid-stream",)),
    "SYN >; < SYN-ACK hidden; ACK >; DATA(10) >":             ("impossible", ("one-sided", "inferred")),
    "SYN >":                                                  ("weak",       ("too-early",)),
    "SYN >; < SYN-ACK; quiet @0.5":                           ("weak",       ("too-early",)),
    "SYN >; < SYN-ACK; ACK lost >; < SYN-ACK again @1; ACK >; talk": ("weak", ("repeats",)),
    "open; talk; DATA(5) >; < RST lost; DATA(5) @1 >":        ("weak",       ("rst",)),
    "open; talk; < RST lost; < DATA(10); ACK >":              ("weak",       ("forged",)),
}
# fmt: on


@pytest.mark.parametrize("ladder", GRADES)
def test_a_verdict_is_as_firm_as_what_it_rests_on(ladder):
    report = play(ladder)
    (one,) = report.connections
    graded = grade(one, end_of(report))
    assert (graded.grade, graded.reasons) == GRADES[ladder]


def test_each_reason_has_a_ladder():
    shown = {reason for _, reasons in GRADES.values() for reason in reasons}
    # A receipt of FIN is proved by the state that follows it, or not taken at all; one socket has no directions; and a
    # ladder loses no frames to the machine that captures.
    assert {row.name for row in REASONS} - shown == {"fin", "self-connected", "lost"}


def test_frames_that_the_capture_lost_leave_a_verdict_open():
    told = Finding(id="frames-lost", severity="warning", endpoint=None, frames=(), text="7 frames lost by the capture")
    marked = connection(1, findings=(told,))
    totals = examined(connection(0), marked)
    assert (totals.grades, totals.doubts) == (
        {"firm": 1, "weak": 0, "impossible": 1}, (Doubt(reason="lost", connections=1, examples=(1,)),),
    )  # fmt: skip
    setting = setting_of([capture()], faults=False)
    assert Doubts(connection(0), setting).about(ALL) is None
    assert {Doubts(marked, setting, weak=True).about({aspect}) for aspect in ALL} == {
        "the capture lost frames when a segment that is missing here may have passed"
    }


@pytest.mark.parametrize(
    ("server_side_ms", "client_side_ms", "point"),
    [(20, 0.05, "client"), (0.05, 20, "server"), (10, 10, "middle"), (20, 2.5, "middle"), (0.04, 0.02, "near-both")],
)
def test_the_faster_side_is_the_near_one(server_side_ms, client_side_ms, point):
    assert point_of(int(server_side_ms * MS), int(client_side_ms * MS)) == point


def examined(*connections, sizes=None):
    report = FakeReport(connections)
    examination = Examination(report.captures, capture().last_time_ns)
    assert [graded.connection for graded in examination.examine(report.connections)] == [c.id for c in connections]
    return examination.totals(sizes)


def test_the_capture_point_is_where_nearly_all_handshakes_put_it():
    near_client = opening(server_side_ns=20 * MS, client_side_ns=MS // 20)
    near_server = opening(server_side_ns=MS // 20, client_side_ns=20 * MS)
    vantage = examined(
        *(connection(n, opening=near_client) for n in range(4)), connection(4, opening=near_server)
    ).vantage
    assert (vantage.point, vantage.host, vantage.judged) == ("client", "10.0.0.1", 5)
    assert (vantage.server_side_ns, vantage.client_side_ns) == (20 * MS, MS // 20)
    vantage = examined(connection(0, opening=near_client), connection(1, opening=near_server)).vantage
    assert (vantage.point, vantage.host) == ("mixed", None)
    vantage = examined(connection(0, opening=opening("refused", client_side_ns=None))).vantage
    assert (vantage.point, vantage.host, vantage.server_side_ns) == ("unknown", None, None)


# fmt: off
COUNTED = {
    "SYN x2 >; < SYN-ACK x2; ACK >":                     ("mirrored_segments", 2),
    "SYN >; < SYN-ACK hidden; ACK >; DATA(10) >":        ("one_sided", 1),
    "mid; talk":                                         ("mid_stream", 1),
    "open; DATA(100) hidden >; < ACK":                   ("missing_bytes", 100),
    "SYN late >; < SYN-ACK; ACK >":                      ("order", {"syn-ack before syn": 1}),
    "SYN bad >; < SYN-ACK":                              ("bad_checksums", 1),
    "SYN mss=1460 >; < SYN-ACK mss=1000; ACK >; DATA(1001) >": ("offload", 1),
    "SYN mss=1460 >; < SYN-ACK mss=1000; ACK >; DATA(1000) >": ("offload", 0),
}
# fmt: on


@pytest.mark.parametrize("ladder", COUNTED)
def test_what_is_wrong_with_a_capture_is_counted(ladder):
    report = play(ladder)
    examination = Examination(report.captures, end_of(report))
    list(examination.examine(report.connections))
    name, expected = COUNTED[ladder]
    assert getattr(examination.totals(None), name) == expected


def test_frames_that_were_cut_are_found_in_a_second_pass(tmp_path):
    from captures import write_pcap

    path = str(write_pcap(tmp_path / "cut.pcap", [(1, b"x" * 60, 600), (2, b"y" * 64, 64), (3, b"z" * 50, 1500)]))
    assert frame_sizes([path]) == FrameSizes(cut=2, kept=60, largest=1500)
    assert frame_sizes([str(tmp_path / "absent.pcap")]) == FrameSizes()


def test_a_whole_capture_has_no_cut_frame(tmp_path):
    path, _ = recorded(tmp_path, "open; talk; close")
    assert frame_sizes([path]).cut == 0
