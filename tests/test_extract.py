"""Extracting: the original frames of chosen connections, and a capture that tells the same story."""

from __future__ import annotations

import io
import os
from pathlib import Path

import msgspec
import pytest

from captures import write_pcap, write_pcapng
from frames import read
from frames_by_hand import ACK, FIN, PSH, RST, SYN, ethernet, ipv4, ipv6, tcp, tcp6, udp
from handshake_inspect import UsageError, analyse
from handshake_inspect.extract import WRITERS, WholeFrame, format_of, frames_of, lifecycle_frames, write_frames

SAMPLES = Path(__file__).resolve().parent.parent / "sample_pcaps"
CLIENT, SERVER = bytes((192, 0, 2, 1)), bytes((198, 51, 100, 2))
START_NS = 1_700_000_000_123_456_789


def segment(flags, seq, ack=0, payload=b"", sport=40000, back=False):
    ends = {"src": SERVER, "dst": CLIENT} if back else {"src": CLIENT, "dst": SERVER}
    ports = {"sport": 443, "dport": sport} if back else {"sport": sport, "dport": 443}
    return ipv4(tcp(flags, payload=payload, seq=seq, ack=ack, **ends, **ports), **ends)


def talk(sport, data=3):
    """A whole connection that carries `data` segments of 100 bytes."""
    step, last = 100, 1001 + 100 * data
    return [
        segment(SYN, 1000, sport=sport),
        segment(SYN | ACK, 5000, 1001, sport=sport, back=True),
        segment(ACK, 1001, 5001, sport=sport),
        *(segment(ACK | PSH, 1001 + step * n, 5001, bytes(step), sport=sport) for n in range(data)),
        segment(ACK, 5001, last, sport=sport, back=True),
        segment(FIN | ACK, last, 5001, sport=sport),
        segment(FIN | ACK, 5001, last + 1, sport=sport, back=True),
        segment(ACK, last + 1, 5002, sport=sport),
    ]


def timed(frames, start=START_NS):
    return [(start + 1_000_001 * number, frame) for number, frame in enumerate(frames)]


def extracted(tmp_path, paths, ids, format="pcapng", **choices):
    """Extract, and return the path of what was written."""
    names = [paths] if isinstance(paths, (str, Path)) else paths
    names = [str(path) for path in names]
    out = io.BytesIO()
    report = analyse(names)
    write_frames(frames_of(names, ids, **choices), out, format, [capture.path for capture in report.captures])
    there = tmp_path / f"extracted.{format}"
    there.write_bytes(out.getvalue())
    return there


def renumbered(connections, frames):
    """The connections as plain data: ids from 0, and frames counted among `frames` alone."""
    places = {frame: place for place, frame in enumerate(sorted(frames), 1)}

    def walk(value, key=""):
        if isinstance(value, dict):
            return {
                name: walk(part, name) for name, part in value.items() if name not in ("id", "text", "earliest_frame")
            }
        if isinstance(value, (list, tuple)):
            return [walk(part, key) for part in value]
        is_frame = key in ("frame", "frames", "first_frame", "last_frame", "confirmed_by", "end_frame", "restarts")
        return places[value] if is_frame and value is not None else value

    return [walk(msgspec.to_builtins(connection)) for connection in connections]


@pytest.mark.parametrize("format", WRITERS)
@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*/capture.pcap")), ids=lambda path: path.parent.name)
def test_what_was_extracted_tells_the_same_story(tmp_path, sample, format):
    before = analyse(str(sample))
    after = analyse(str(extracted(tmp_path, sample, range(len(before.connections)), format)))
    assert list(after.connections) == list(before.connections)


def test_one_of_many_tells_the_same_story_after_renumbering(tmp_path):
    noise = ethernet(ipv4(udp(b"x" * 20, 5000), protocol=17))
    talks = [[ethernet(packet) for packet in talk(port)] for port in (40000, 40001, 40002)]
    mixed = [frame for group in zip(*talks, strict=True) for frame in (*group, noise)]
    path = write_pcap(tmp_path / "mixed.pcap", timed(mixed[:-1]))
    # The chosen one has the last frame, so that the capture's end, which bounds TIME_WAIT, stays where it was.
    there = extracted(tmp_path, path, [2])
    frames = [frame.number for frame in frames_of(str(path), [2])]
    assert frames == list(range(3, len(mixed), 4))
    (before,) = renumbered([analyse(str(path)).connections[2]], frames)
    (after,) = renumbered(analyse(str(there)).connections, range(1, len(frames) + 1))
    assert after == before


def test_frames_stay_as_they_were_captured(tmp_path):
    ether = [ethernet(packet) for packet in talk(40000)]
    raw = talk(40001)
    frames = [(START_NS + 7 * n, frame, len(frame) + n, 0) for n, frame in enumerate(ether)]
    frames += [(START_NS + 10_007 * n, frame, None, 1) for n, frame in enumerate(raw)]
    path = write_pcapng(tmp_path / "two.pcapng", frames, link_types=(1, 101))
    there = extracted(tmp_path, path, [0, 1])
    _, before = read(path)
    _, after = read(there)
    kept = ("time_ns", "data", "wire", "link_type")
    assert [[getattr(f, k) for k in kept] for f in after] == [[getattr(f, k) for k in kept] for f in before]


def test_each_link_type_of_each_capture_is_an_interface_named_after_it(tmp_path):
    one = write_pcap(tmp_path / "one.pcap", timed([ethernet(packet) for packet in talk(40000)]))
    two = write_pcap(tmp_path / "two.pcap", timed(talk(40001), START_NS + 10**9), link_type=101)
    there = extracted(tmp_path, [two, one], [0, 1])
    _, frames = read(there)
    assert [frame.interface for frame in frames] == [0] * 10 + [1] * 10
    assert there.read_bytes().count(b"one.pcap") == there.read_bytes().count(b"two.pcap") == 1


def test_pcap_refuses_a_second_link_type(tmp_path):
    path = write_pcapng(tmp_path / "two.pcapng", [(0, ethernet(talk(1)[0]), None, 0), (1, talk(2)[0], None, 1)],
                        link_types=(1, 101))  # fmt: skip
    with pytest.raises(UsageError) as refusal:
        extracted(tmp_path, path, [0, 1], "pcap")
    assert str(refusal.value) == (
        "the chosen frames have link types 1 and 101, and pcap holds one: write pcapng, or choose fewer"
    )
    assert extracted(tmp_path, path, [1], "pcap").stat().st_size == 24 + 16 + 40


@pytest.mark.parametrize(
    ("format", "time_ns", "problem"),
    [
        ("pcap", -1, "the time of frame 7 is outside of 1970 to 2106, which is all that pcap holds"),
        ("pcap", 2**32 * 10**9, "the time of frame 7 is outside of 1970 to 2106, which is all that pcap holds"),
        ("pcapng", -1, "the time of frame 7 is before 1970, which is not written"),
    ],
)
def test_a_time_that_the_format_cannot_hold_is_refused(format, time_ns, problem):
    with pytest.raises(UsageError) as refusal:
        write_frames([WholeFrame(0, 7, time_ns, 1, 0, b"")], io.BytesIO(), format, ["x"])
    assert str(refusal.value) == problem


@pytest.mark.parametrize("family", [4, 6])
def test_every_fragment_of_a_chosen_segment_comes_along(tmp_path, family):
    if family == 4:
        whole = segment(ACK | PSH, 1001, 5001, bytes(64))[20:]
        ends = {"src": CLIENT, "dst": SERVER}
        pieces = [
            ipv4(whole[at : at + 32], fragment=at // 8 | (0x2000 if at + 32 < len(whole) else 0), ip_id=99, **ends)
            for at in range(0, len(whole), 32)
        ]
        other = ipv4(bytes(32), protocol=17, fragment=0x2000, ip_id=99, **ends)
        opening = talk(40000)[:3]
    else:
        whole = tcp6(flags=ACK | PSH, seq=1001, ack=5001, payload=bytes(64), sport=40000)
        pieces = [
            ipv6(bytes([6, 0]) + (at | (at + 32 < len(whole))).to_bytes(2) + b"\0\0\0\x63" + whole[at : at + 32], 44)
            for at in range(0, len(whole), 32)
        ]
        other = ipv6(bytes([17, 0, 0, 1, 0, 0, 0, 0x64]) + bytes(32), 44)
        opening = [ipv6(tcp6(flags=SYN, seq=1000, sport=40000))]
    frames = [
        ethernet(packet, 0x0800 if family == 4 else 0x86DD) for packet in (*opening, *pieces[:2], other, *pieces[2:])
    ]
    path = write_pcap(tmp_path / "fragments.pcap", timed(frames))
    report = analyse(str(path))
    assert report.connections[0].client.bytes == 64
    numbers = [frame.number for frame in frames_of(str(path), [0])]
    first = len(opening) + 1
    assert numbers == [*range(1, first), first, first + 1, *range(first + 3, len(frames) + 1)]


def test_lifecycle_only_keeps_the_states_and_drops_the_rest(tmp_path):
    frames = [ethernet(packet) for packet in talk(40000, data=50)]
    path = write_pcap(tmp_path / "bulk.pcap", timed(frames))
    before = analyse(str(path)).connections[0]
    there = extracted(tmp_path, path, [0], only=lifecycle_frames([before]))
    after = analyse(str(there)).connections[0]
    assert analyse(str(there)).captures[0].frames == 7
    for name in ("client", "server"):
        steps = [[(step.from_, step.to, step.time_ns, step.certainty) for step in getattr(one, name).transitions]
                 for one in (before, after)]  # fmt: skip
        assert steps[0] == steps[1]
    assert after.closing.kind == before.closing.kind


def test_lifecycle_frames_of_several_captures_are_told_apart(tmp_path):
    paths = [str(SAMPLES / name / "capture.pcap") for name in ("refused", "ipv6")]
    report = analyse(paths)
    found = lifecycle_frames(report.connections)
    assert {number >> 40 for number in found} == {0, 1}
    assert [frame.capture for frame in frames_of(paths, [0], only=found)] == [0, 0]


def test_a_format_is_known_by_its_ending():
    assert [format_of(name) for name in ("a.pcap", "B.PCAPNG", "c.cap", "d.pcap.gz", "-")] == [
        "pcap", "pcapng", "pcap", None, None,
    ]  # fmt: skip


SAMPLE = "sample_pcaps/reset/capture.pcap"


def test_the_command_writes_a_capture_and_says_what_is_in_it(cli, tmp_path):
    there = tmp_path / "reset.pcap"
    done = cli("extract", SAMPLE, "--filter", "closing == reset", "-o", there)
    assert (done.returncode, done.stdout, done.stderr) == (
        0, "", f"handshake-inspect: {there}: 8 frames of 1 connection\n"
    )  # fmt: skip
    assert read(there)[1] == read(SAMPLES / "reset/capture.pcap")[1]


def test_the_command_writes_to_a_pipe(command, tmp_path):
    import subprocess

    done = subprocess.run([*command, "extract", SAMPLE, "-o", "-"], cwd=SAMPLES.parent, capture_output=True, check=True)
    path = tmp_path / "piped.pcapng"
    path.write_bytes(done.stdout)
    assert len(read(path)[1]) == 8


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("-", "-o", "x.pcap"), "standard input cannot be read twice: save it to a file first"),
        ((SAMPLE, "-o", "x.gz"), "--output x.gz does not end in .pcapng or .pcap: name it so, or add --format"),
        ((SAMPLE, "-o", SAMPLE), f"--output {SAMPLE} would overwrite the capture {SAMPLE}"),
    ],
)
def test_what_the_command_refuses(cli, arguments, problem):
    done = cli("extract", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"handshake-inspect: {problem}\n")


def test_choosing_nothing_writes_a_capture_without_frames(cli, tmp_path):
    there = tmp_path / "none.pcap"
    done = cli("extract", SAMPLE, "--stream", "7", "-o", there)
    assert (done.returncode, done.stderr) == (
        0, "handshake-inspect: the only connection does not match --stream 7\n"
    )  # fmt: skip
    assert read(there)[1] == []


def test_a_refusal_leaves_no_file(cli, tmp_path):
    path = write_pcapng(tmp_path / "two.pcapng", [(0, ethernet(talk(1)[0]), None, 0), (1, talk(2)[0], None, 1)],
                        link_types=(1, 101))  # fmt: skip
    assert cli("extract", path, "-o", tmp_path / "x.pcap").returncode == 2
    assert os.listdir(tmp_path) == ["two.pcapng"]


def test_a_reset_is_part_of_the_lifecycle():
    report = analyse(str(SAMPLES / "reset" / "capture.pcap"))
    segments = {frame.number: frame.data for frame in frames_of(str(SAMPLES / "reset" / "capture.pcap"), [0])}
    kept = lifecycle_frames(report.connections)
    assert {number for number, data in segments.items() if data[47] & (SYN | RST)} <= kept
