"""What following promises: every frame of a growing file and of those after it, once and in order."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from captures import pcap_bytes, pcap_header, pcap_record, pcapng_bytes
from frames import seen
from handshake_inspect.capture.follow import Following
from handshake_inspect.capture.series import Series
from handshake_inspect.errors import CaptureError

T = 1_700_000_000_000_000_000
PATIENCE_S = 20


def frames(*numbers):
    """Frames of which each says its number."""
    return [(T + n * 1_000_000, n.to_bytes(4, "big") * 5) for n in numbers]


class Reader:
    """Follows a file step by step; `files` are those that were opened, and why."""

    def __init__(self, path, **sizes):
        self.files = []
        self.followed = Following(str(path), self.files.append, **sizes)
        self.batches = self.followed.batches()

    def read(self, count, *, quiet=0):
        """Return the numbers of the next frames: `count` of them, and any that come in `quiet` more silences."""
        found, until, silences = [], time.monotonic() + PATIENCE_S, 0
        for batch in self.batches:
            found += [] if batch is None else [int.from_bytes(frame.data[:4], "big") for frame in seen(batch)]
            silences += batch is None and len(found) >= count
            if silences > quiet or time.monotonic() > until:
                return found
        return found

    def rest(self):
        """Stop, and return the numbers of the frames that are left."""
        self.followed.stop()
        return self.read(10**9)

    def opened(self):
        return [(Path(each.path).name, each.why) for each in self.files]

    def problems(self):
        return [str(fault) for fault in self.followed.faults]


def append(path, data):
    with open(path, "ab") as out:
        out.write(data)


@pytest.mark.parametrize("written", [pcap_bytes, pcapng_bytes], ids=["pcap", "pcapng"])
def test_every_frame_comes_once_however_the_file_grows(tmp_path, written):
    path = tmp_path / "a"
    whole = written(frames(*range(300)))
    dice = random.Random(7)
    path.write_bytes(b"")
    reader = Reader(path, chunk=256, rows=5)
    found, at = [], 0
    while at < len(whole):
        size = dice.choice((1, 3, 20, 100, 2000))
        append(path, whole[at : at + size])
        at += size
        found += reader.read(0)
    assert found + reader.rest() == list(range(300))
    assert (reader.opened(), reader.problems()) == ([("a", "first")], [])


def test_a_file_that_is_not_there_yet_is_waited_for(tmp_path):
    reader = Reader(tmp_path / "a")
    assert reader.read(0) == []
    (tmp_path / "a").write_bytes(pcap_bytes(frames(1)))
    assert reader.read(1) == [1]


def test_a_record_that_is_there_in_part_is_no_fault_when_it_stops(tmp_path):
    (tmp_path / "a").write_bytes(pcap_bytes(frames(1, 2))[:-3])
    reader = Reader(tmp_path / "a")
    assert (reader.read(1), reader.rest(), reader.problems()) == ([1], [], [])


def test_when_it_stops_it_reads_what_is_there_and_no_more(tmp_path):
    (tmp_path / "a").write_bytes(pcap_bytes(frames(*range(1000))))
    reader = Reader(tmp_path / "a", rows=10)
    first = next(reader.batches)
    reader.followed.stop()
    count = first.count
    for batch in reader.batches:
        count += batch.count
        append(tmp_path / "a", pcap_record("little", *frames(5)[0]))
    assert 1000 <= count < 1020


def test_damage_within_the_file_ends_it_and_is_told(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(pcap_bytes(frames(1)) + b"\xff" * 16)
    reader = Reader(path)
    assert reader.read(2) == [1]
    assert reader.problems() == [
        f"{path}: frame 2, offset 60: record claims 4294967295 bytes, more than the 262144 that it may have"
    ]


@pytest.mark.parametrize("count", [1, 500], ids=["shorter", "longer"])
def test_a_file_that_is_begun_again_is_read_again_from_its_start(tmp_path, count):
    path = tmp_path / "a"
    path.write_bytes(pcap_bytes(frames(*range(100))))
    reader = Reader(path)
    assert reader.read(100) == list(range(100))
    path.write_bytes(pcap_bytes(frames(*range(200, 200 + count))))
    assert reader.read(count) == list(range(200, 200 + count))
    assert reader.opened() == [("a", "first"), ("a", "begun again")]
    assert reader.problems() == []


def test_a_record_that_was_never_finished_when_the_file_was_begun_again_is_told(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(pcap_bytes(frames(1, 2))[:-3])
    reader = Reader(path)
    assert reader.read(1) == [1]
    path.write_bytes(pcap_bytes(frames(3)))
    assert reader.read(1) == [3]
    assert reader.problems() == [f"{path}: frame 2, offset 60: record says 20 bytes, 17 are left"]


def test_a_file_that_replaces_it_is_read_after_the_last_bytes_of_the_old_one(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(pcap_bytes(frames(1)))
    reader = Reader(path)
    assert reader.read(1) == [1]
    path.rename(tmp_path / "old")
    assert reader.read(0, quiet=20) == []
    append(tmp_path / "old", pcap_record("little", *frames(2)[0]))
    path.write_bytes(pcap_bytes(frames(3)))
    assert reader.read(2) == [2, 3]
    assert reader.opened() == [("a", "first"), ("a", "replaced")]


def test_a_file_that_was_removed_is_read_on(tmp_path):
    path = tmp_path / "a"
    with path.open("ab") as out:
        out.write(pcap_bytes(frames(1)))
        out.flush()
        reader = Reader(path)
        assert reader.read(1) == [1]
        path.unlink()
        out.write(pcap_record("little", *frames(2)[0]))
        out.flush()
        assert reader.read(1, quiet=10) == [2]


NAMES = {
    "tcpdump -C": ("cap.pcap", ("cap.pcap", "cap.pcap1", "cap.pcap2")),
    "tcpdump -C -W": ("cap", ("cap0", "cap1", "cap2")),
    "one of them": ("cap0", ("cap0", "cap1", "cap2")),
    "tcpdump -G": ("cap-%H%M%S.pcap", ("cap-235958.pcap", "cap-235959.pcap", "cap-000000.pcap")),
    "dumpcap": ("cap.pcap", tuple(f"cap_0000{n}_2026112108150{n}.pcap" for n in (1, 2, 3))),
    "one of dumpcap's": ("cap_00001_20261121081501.pcap", tuple(f"cap_0000{n}_2026112108150{n}.pcap" for n in (1, 2))),
}  # fmt: skip


@pytest.mark.parametrize("case", NAMES)
def test_the_files_of_a_rotation_are_read_in_turn(tmp_path, case):
    told, names = NAMES[case]
    (tmp_path / "other").write_bytes(pcap_bytes(frames(999)))
    reader = Reader(tmp_path / told)
    for n, name in enumerate(names):
        append(tmp_path / name, pcap_header())
        assert reader.read(0, quiet=3) == ([2 * n - 1] if n else [])
        append(tmp_path / name, pcap_record("little", *frames(2 * n)[0]))
        assert reader.read(1) == [2 * n]
        append(tmp_path / name, pcap_record("little", *frames(2 * n + 1)[0]))
    assert reader.rest() == [2 * len(names) - 1]
    assert reader.opened() == [(name, "next" if n else "first") for n, name in enumerate(names)]


def test_files_that_are_written_before_it_comes_to_them_are_read_in_the_order_of_their_frames(tmp_path):
    for n in range(12):
        (tmp_path / f"cap{n or ''}").write_bytes(pcap_bytes(frames(*range(10 * n, 10 * n + 10))))
    assert Reader(tmp_path / "cap").read(120) == list(range(120))


@pytest.mark.parametrize("left", [b"", pcap_header()], ids=["empty", "header"])
def test_a_file_to_which_nothing_was_written_is_passed_over(tmp_path, left):
    (tmp_path / "cap-1").write_bytes(left)
    reader = Reader(tmp_path / "cap-%s")
    assert reader.read(0, quiet=3) == []
    (tmp_path / "cap-2").write_bytes(pcap_bytes(frames(1)))
    assert reader.read(1) == [1]


def test_a_header_without_frames_opens_a_file(tmp_path):
    (tmp_path / "cap").write_bytes(pcap_header())
    reader = Reader(tmp_path / "cap")
    assert (reader.read(0, quiet=3), reader.opened()) == ([], [("cap", "first")])


@pytest.mark.parametrize("size", [1, 23, 24, 27])
def test_a_header_that_is_there_in_part_is_waited_for(tmp_path, size):
    whole = pcapng_bytes(frames(1))
    (tmp_path / "cap").write_bytes(whole[:size])
    reader = Reader(tmp_path / "cap")
    assert reader.read(0, quiet=3) == []
    append(tmp_path / "cap", whole[size:])
    assert (reader.read(1), reader.problems()) == ([1], [])


def test_a_cyclic_rotation_is_followed_round(tmp_path):
    reader = Reader(tmp_path / "cap")
    found = []
    for n in range(7):
        (tmp_path / f"cap{n % 3}").write_bytes(pcap_bytes(frames(n)))
        found += reader.read(1)
    assert found == list(range(7))


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("older", [(T - 60 * 10**9, b"\0\0\0\5")]),
        ("a copy", frames(0)),
        ("of another writer at the same time", [(T + 10**9, b"\0\0\0\5")]),
    ],
)
def test_a_file_that_does_not_go_on_where_this_one_ends_is_left_alone(tmp_path, what, other):
    own = {"a copy": frames(0)}.get(what, [frames(0)[0], (T + 60 * 10**9, b"\0\0\0\1")])
    (tmp_path / "cap").write_bytes(pcap_bytes(own))
    reader = Reader(tmp_path / "cap")
    found = reader.read(len(own))
    (tmp_path / "cap1").write_bytes(pcap_bytes(other))
    assert (found, reader.read(0, quiet=10), reader.opened()) == ([*range(len(own))], [], [("cap", "first")])


def test_a_file_is_never_the_one_after_itself(tmp_path):
    (tmp_path / "cap").write_bytes(pcap_bytes(frames(1)))
    assert Series(str(tmp_path / "cap")).after(str(tmp_path / "cap"), None, None) is None


def test_of_a_name_with_a_time_the_newest_file_is_the_first(tmp_path):
    for n, name in enumerate(("cap-10.pcap", "cap-11.pcap")):
        (tmp_path / name).write_bytes(pcap_bytes(frames(n)))
        os.utime(tmp_path / name, ns=(T + n, T + n))
    assert Reader(tmp_path / "cap-%H.pcap").read(1) == [1]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (gzip.compress(pcap_bytes([])), "is compressed with gzip, and such a file ends where it ends: read it without "
         "following it"),
        (b"nonsense, of some length", "not a packet capture: starts with 6e 6f 6e ('non'); pcap, pcapng, or either in "
         "gzip, bzip2, xz, zstd, lz4 are read"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_refused_at_once(tmp_path, content, problem):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(CaptureError) as refusal:
        Following(str(tmp_path / "a"), print)
    assert str(refusal.value) == f"{tmp_path}/a: {problem}"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("-", "-: standard input is no file that grows: read it with `handshake-inspect -`"),
        ("/dev/null", "/dev/null: cannot be followed: it is no file that grows, but a folder, a pipe or a device"),
        ("/nowhere/a", "/nowhere/a: cannot be followed: there is no folder /nowhere"),
    ],
)
def test_a_place_that_cannot_be_followed_is_refused_at_once(path, problem):
    with pytest.raises(CaptureError) as refusal:
        Following(path, print)
    assert str(refusal.value) == problem


def test_nothing_is_lost_or_doubled_against_a_writer_that_rotates_as_fast_as_it_can(tmp_path):
    """Another process writes records of a few bytes at a time, and goes on with the next file every 20 records."""
    program = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent)]!r}
from captures import pcap_header, pcap_record
for n in range(2000):
    if n % 20 == 0:
        out = open({str(tmp_path)!r} + "/cap" + (str(n // 20) if n else ""), "wb", buffering=0)
        out.write(pcap_header())
    record = pcap_record("little", {T} + n * 1_000_000, n.to_bytes(4, "big"))
    out.write(record[:9])
    out.write(record[9:])
"""
    reader = Reader(tmp_path / "cap")
    writer = subprocess.Popen([sys.executable, "-c", program])
    found = reader.read(2000)
    assert writer.wait(PATIENCE_S) == 0
    assert found == list(range(2000))
    assert reader.problems() == []


def test_its_files_are_one_capture_whose_frames_are_numbered_on(tmp_path):
    for n in range(3):
        (tmp_path / f"cap{n or ''}").write_bytes(pcap_bytes(frames(2 * n, 2 * n + 1), link_type=1 + n))
    reader = Reader(tmp_path / "cap", rows=1)
    firsts = []
    while reader.followed.frames < 6:
        batch = next(reader.batches)
        firsts += [] if batch is None else [(batch.capture, batch.first_frame)]
    reader.rest()
    followed = reader.followed
    assert firsts == [(0, n) for n in range(1, 7)]
    assert [each.first_frame for each in reader.files] == [1, 3, 5]
    assert (followed.frames, followed.bytes, followed.link_types) == (6, 3 * (24 + 2 * 36), [1, 2, 3])
    assert (followed.first_time_ns, followed.last_time_ns) == (T, T + 5_000_000)
    assert (followed.format, followed.byte_order, followed.time_resolution_ns) == ("pcap", "little", 1)
