"""What saving promises: every frame as it came, in files that are whole at every moment."""

from __future__ import annotations

import resource
import struct
from pathlib import Path

import pytest

from captures import write_pcap, write_pcapng
from frames import read
from handshake_inspect import UsageError, analyse
from handshake_inspect.capture import open_capture
from handshake_inspect.capture.save import SMALLEST_RING, Saver
from handshake_inspect.capture.write import Interface, Statistics

SAMPLES = Path(__file__).resolve().parent.parent / "sample_pcaps"
T = 1_700_000_000_123_456_789


class Eth:
    """An origin whose interfaces are called eth0, eth1 and so on, the first of which lost 7 of 1,000 frames."""

    def interface(self, capture, interface, link_type):
        return Interface(f"eth{interface}", link_type, 262_144, "tcp")

    def statistics(self, capture, interface):
        return Statistics(1000, 7) if interface == 0 else None


def saved(source, path, *, rows=8192, **choices):
    """Save a capture as a run would that got it live, and return the saver."""
    saver = Saver(str(path), Eth(), **choices)
    for batch in open_capture(str(source), rows=rows).batches():
        saver.batch(batch)
    saver.finish()
    return saver


def told(frames):
    """What a frame is, wherever it lies in a file."""
    return [(frame.time_ns, frame.data, frame.wire, frame.link_type, frame.interface) for frame in frames]


def blocks(path):
    """Return type and body of every block of a little-endian file."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert struct.unpack_from("<I", data, at + length - 4) == (length,)
        found.append((kind, data[at + 8 : at + length - 4]))
        at += length
    return found


def options(body):
    """Return the options of a block as a dict."""
    found, at = {}, 0
    while (code := struct.unpack_from("<H", body, at)[0]) != 0:
        (length,) = struct.unpack_from("<H", body, at + 2)
        found[code] = body[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4
    return found


@pytest.mark.parametrize("rows", [1, 3, 8192])
def test_every_frame_is_saved_byte_for_byte_with_its_time_length_and_interface(tmp_path, rows):
    frames = [(T + n, bytes([n]) * n, n + n % 3, n % 2) for n in range(40)]
    source = write_pcapng(tmp_path / "a", frames, link_types=(1, 101))
    saver = saved(source, tmp_path / "b.pcapng", rows=rows)
    capture, after = read(tmp_path / "b.pcapng")
    assert told(after) == told(read(source)[1])
    assert (capture.faults, saver.frames) == ([], 40)


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*/capture.pcap")), ids=lambda path: path.parent.name)
def test_the_saved_file_gives_the_same_report(tmp_path, sample):
    saved(sample, tmp_path / "b.pcapng", rows=2)
    before, after = analyse(str(sample)), analyse(str(tmp_path / "b.pcapng"))
    assert list(after.connections) == list(before.connections)
    assert after.summary == before.summary
    assert after.captures[0].counters == before.captures[0].counters


def test_the_file_names_each_interface_its_filter_and_what_was_dropped(tmp_path):
    saved(write_pcap(tmp_path / "a", [(T, b"x"), (T + 1, b"y")]), tmp_path / "b.pcapng")
    section, interface, *_, statistics = blocks(tmp_path / "b.pcapng")
    assert [kind for kind, _ in blocks(tmp_path / "b.pcapng")] == [0x0A0D0D0A, 1, 6, 6, 5]
    assert options(section[1][16:]) == {4: b"handshake-inspect"}
    assert struct.unpack_from("<HHI", interface[1]) == (1, 0, 262_144)
    assert options(interface[1][8:]) == {2: b"eth0", 9: b"\x09", 11: b"\0tcp"}
    number, high, low = struct.unpack_from("<III", statistics[1])
    said = options(statistics[1][12:])
    assert (number, said[4], said[5]) == (0, struct.pack("<Q", 1000), struct.pack("<Q", 7))
    assert said[3] == struct.pack("<II", high, low)


def test_what_is_written_is_whole_after_each_batch(tmp_path):
    source = write_pcap(tmp_path / "a", [(T + n, bytes(n)) for n in range(10)])
    saver = Saver(str(tmp_path / "b.pcapng"), Eth())
    for count, batch in enumerate(open_capture(str(source), rows=1).batches(), 1):
        saver.batch(batch)
        capture, frames = read(tmp_path / "b.pcapng")
        assert (len(frames), capture.faults) == (count, [])
    saver.finish()


def ring(tmp_path, frames, **choices):
    """Save frames to a ring and return its files in the order of their names."""
    folder = tmp_path / "ring"
    folder.mkdir()
    saver = saved(write_pcap(tmp_path / "a", frames), folder / "b.pcapng", **choices)
    names = sorted(folder.iterdir())
    assert [str(name) for name in names] == list(saver.series.written)
    return names


def test_a_ring_has_files_of_at_most_its_size_and_no_frame_is_lost_between_them(tmp_path):
    frames = [(T + n, bytes([n % 256]) * (n * 37 % 1500)) for n in range(500)]
    files = ring(tmp_path, frames, ring=SMALLEST_RING)
    assert len(files) > 5
    assert max(file.stat().st_size for file in files) <= SMALLEST_RING
    assert min(file.stat().st_size for file in files[:-1]) > SMALLEST_RING - 2000
    found = [frame for file in files for frame in read(file)[1]]
    assert told(found) == told(read(tmp_path / "a")[1])
    assert [read(file)[0].faults for file in files] == [[]] * len(files)


def test_the_files_of_a_ring_are_numbered_and_dated_and_only_the_newest_stay(tmp_path):
    frames = [(T + n, bytes(1000)) for n in range(500)]
    files = ring(tmp_path, frames, ring=SMALLEST_RING, keep=3)
    assert [file.name[:8] for file in files] == ["b_00006_", "b_00007_", "b_00008_"]
    assert all(file.name[8:22].isdigit() and file.name[22:] == ".pcapng" for file in files)
    assert told(read(files[-1])[1])[-1] == (T + 499, bytes(1000), 1000, 1, 0)


def test_a_frame_that_is_larger_than_the_ring_has_a_file_of_its_own(tmp_path):
    frames = [(T, bytes(10)), (T + 1, bytes(2 * SMALLEST_RING)), (T + 2, bytes(10))]
    files = ring(tmp_path, frames, ring=SMALLEST_RING)
    assert [len(frame.data) for file in files for frame in read(file)[1]] == [10, 2 * SMALLEST_RING, 10]
    assert len(files) == 3


def test_a_frame_that_is_larger_than_what_is_written_at_once_is_saved(tmp_path):
    # A pcap record may claim as much as the file's own snapshot length.
    source = write_pcap(tmp_path / "a", [(T, bytes(3_000_000))], snaplen=4_000_000)
    saved(source, tmp_path / "b.pcapng")
    assert told(read(tmp_path / "b.pcapng")[1]) == told(read(source)[1])


def test_a_disk_that_is_full_is_told_and_the_file_ends_with_a_whole_frame(tmp_path):
    source = write_pcap(tmp_path / "a", [(T + n, bytes(1000)) for n in range(100)])
    path = tmp_path / "b.pcapng"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(UsageError) as refusal:
            saved(source, path, rows=10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    capture, frames = read(path)
    assert str(refusal.value) == f"{path} cannot be written after byte {path.stat().st_size}: File too large"
    assert (len(frames), capture.faults) == (40, [])


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(UsageError) as refusal:
        Saver(str(tmp_path / "no" / "b.pcapng"), Eth())
    assert str(refusal.value) == f"{tmp_path}/no/b.pcapng cannot be written: No such file or directory"
