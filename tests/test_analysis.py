"""The whole journey: from captures to a report, with what was wrong on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

import captures
from frames_by_hand import ethernet, ipv4, ipv6, udp
from handshake_inspect import CaptureError, UsageError, analyse
from wrappings import START_NS, Wrapping, capture_bytes, frames, play

TALK = "open; talk; close"


def write(folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


def test_every_frame_ends_in_exactly_one_counter(tmp_path):
    others = [
        ethernet(ipv4(udp(b"x", 53))),
        ethernet(b"\0" * 28, 0x0806),
        ethernet(ipv4(b"\0" * 8, fragment=0x2000)),
        ethernet(ipv4(b"\0" * 6)),
        ethernet(ipv6(b"", 59), 0x86DD),
        ethernet(b"\x47\0\0"),
        ethernet(b"", 0x88B5),
        b"",
    ]
    found = [*frames(TALK), *((START_NS, data) for data in others), (START_NS, ethernet(ipv4(udp(b"x", 53)))[:20], 60)]
    (capture,) = analyse(write(tmp_path, "a.pcap", captures.pcap_bytes(found))).captures
    counters = capture.counters
    counted = (
        counters.tcp, counters.not_tcp, counters.fragment, counters.truncated, counters.malformed, counters.unsupported,
    )  # fmt: skip
    assert sum(counted) == capture.frames == len(found)
    assert counters.tcp == 11
    assert sum(capture.unsupported.values()) == counters.unsupported


@pytest.mark.parametrize(
    "wrapping", [Wrapping(), Wrapping(file="pcapng", order="big", family=6), Wrapping(nanoseconds=False)], ids=str
)
def test_a_capture_tells_what_it_is(tmp_path, wrapping):
    data = capture_bytes(frames(TALK, wrapping), wrapping)
    (capture,) = analyse(write(tmp_path, "a.pcap", data)).captures
    assert (capture.format, capture.byte_order) == (wrapping.file, wrapping.order)
    assert (capture.time_resolution_ns, capture.link_types) == (1 if wrapping.nanoseconds else 1000, ("ETHERNET",))
    assert (capture.first_time_ns, capture.last_time_ns) == (START_NS, START_NS + 100_000_000)
    assert (capture.bytes, capture.frames, capture.faults) == (len(data), 11, ())


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_capture_that_is_cut_is_read_up_to_the_cut_which_is_told(tmp_path, cut):
    data = capture_bytes(frames(TALK))
    report = analyse(write(tmp_path, "cut.pcap", data[:-cut]))
    (fault,) = report.captures[0].faults
    assert (len(report.faults), report.faults[0].problem) == (1, fault.problem)
    assert report.captures[0].frames == 10
    assert report.connections[0].closing.kind == "unacknowledged"
    assert str(report.faults[0]).startswith(f"{tmp_path}/cut.pcap: frame 11, offset ")


@pytest.mark.parametrize("data", [b"", b"no capture at all", b"\xd4\xc3\xb2\xa1"])
def test_what_is_no_capture_is_refused_with_its_name(tmp_path, data):
    path = write(tmp_path, "bad.pcap", data)
    with pytest.raises(CaptureError) as refused:
        analyse(path)
    assert str(refused.value).startswith(f"{path}: ")


def test_a_capture_that_is_not_there_is_refused_with_its_name(tmp_path):
    with pytest.raises(CaptureError, match=r"none\.pcap: .*No such file"):
        analyse(str(tmp_path / "none.pcap"))


def test_among_several_captures_one_that_cannot_be_read_is_told_and_the_others_are_read(tmp_path):
    bad, good = write(tmp_path, "bad.pcap", b"no capture"), write(tmp_path, "good.pcap", capture_bytes(frames(TALK)))
    report = analyse([bad, good])
    assert [fault.path for fault in report.faults] == [bad]
    assert [capture.path for capture in report.captures] == [good]
    assert len(report.connections) == 1


def test_when_none_of_several_can_be_read_the_first_fault_is_raised(tmp_path):
    bad, worse = write(tmp_path, "bad.pcap", b"no capture"), str(tmp_path / "none.pcap")
    with pytest.raises(CaptureError, match=r"bad\.pcap"):
        analyse([bad, worse])


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_several_captures_are_read_in_the_order_of_their_first_frames(tmp_path, order):
    whole = frames(TALK)
    parts = [
        write(tmp_path, f"part{number}.pcap", capture_bytes(part))
        for number, part in enumerate((whole[:3], whole[3:7], whole[7:]))
    ]
    report = analyse([parts[number] for number in order])
    assert [capture.path for capture in report.captures] == parts
    assert [connection.closing.kind for connection in report.connections] == ["four-way"]


def test_progress_is_called_with_the_bytes_read_and_the_size_of_all(tmp_path):
    first, second = (write(tmp_path, f"{number}.pcap", capture_bytes(frames(TALK))) for number in (1, 2))
    size = Path(first).stat().st_size
    calls: list[tuple[int, int | None]] = []
    analyse([first, second], progress=lambda done, total: calls.append((done, total)))
    assert calls[0] == (size, 2 * size)
    assert calls[-1] == (2 * size, 2 * size)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_no_capture_named_is_a_mistake_of_usage():
    with pytest.raises(UsageError, match=r"^no capture named$"):
        analyse([])


@pytest.mark.parametrize("profile", ["solaris", "", "30", "s30", "-5s", "1 day"])
def test_a_2msl_that_is_none_is_refused_before_anything_is_read(profile):
    with pytest.raises(UsageError) as refused:
        analyse("never opened", two_msl=profile)
    assert str(refused.value) == (
        f"2MSL is one of linux, macos, freebsd, windows, rfc or a duration such as 30s, not {profile!r}"
    )


def test_the_summary_counts_every_connection_once():
    report = play(f"{TALK}; port 50000; SYN >; < RST-ACK; port 50001; open; RST >; port 50002; mid; talk")
    summary = report.summary
    assert summary.connections == len(report.connections) == 4
    assert summary.openings == {"three-way": 2, "refused": 1, "mid-stream": 1}
    assert summary.closings == {"four-way": 1, "reset": 1, "open": 1, "none": 1}
    assert summary.closed_first == {"client": 2}
    assert summary.final_states == {"CLOSED": 5, "TIME_WAIT": 1, "ESTABLISHED": 2}
    assert summary.findings == {"refused": 1, "mid-stream": 1, "roles-guessed": 1}


def test_connections_are_a_sequence_whose_views_are_made_anew():
    connections = play(f"{TALK}; port 50000; SYN >").connections
    assert [connection.id for connection in connections] == [0, 1]
    assert [connection.id for connection in connections[::-1]] == [1, 0]
    assert connections[-1] == connections[1]
    with pytest.raises(IndexError):
        connections[2]
    with pytest.raises(IndexError):
        connections[-3]


def test_a_capture_without_tcp_has_no_connections(tmp_path):
    path = write(tmp_path, "udp.pcap", captures.pcap_bytes([(START_NS, ethernet(ipv4(udp(b"x", 53))))]))
    report = analyse(path)
    assert (len(report.connections), list(report.connections), report.summary.connections) == (0, [], 0)
    assert analyse(write(tmp_path, "empty.pcap", captures.pcap_bytes([]))).captures[0].first_time_ns is None
