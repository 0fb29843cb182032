"""What the pcap reader promises: variants, versions, lengths."""

import struct

import pytest

import captures
from captures import MICROSECONDS, pcap_header, pcap_record
from frames import read
from handshake_inspect.capture import open_capture
from handshake_inspect.errors import CaptureError

T = 1_700_000_000_123_456_000


def written(tmp_path, content):
    path = tmp_path / "a.pcap"
    path.write_bytes(content)
    return path


def lengths(frames):
    return [(len(frame.data), frame.wire) for frame in frames]


def test_the_seconds_are_unsigned(tmp_path):
    path = captures.write_pcap(tmp_path / "a", [((2**32 - 1) * 10**9 + 999_999_999, b"")])
    assert read(path)[1][0].time_ns == (2**32 - 1) * 10**9 + 999_999_999


def test_a_fraction_of_a_second_or_more_is_added_as_it_is(tmp_path):
    path = written(tmp_path, pcap_header(magic=MICROSECONDS) + struct.pack("<IIII", 1, 2**32 - 1, 0, 0))
    assert read(path)[1][0].time_ns == 1_000_000_000 + (2**32 - 1) * 1000


def test_only_the_low_half_of_the_network_field_is_the_link_type(tmp_path):
    capture, frames = read(captures.write_pcap(tmp_path / "a", [(T, b"")], link_type=0xF400_0071))
    assert (capture.link_types, frames[0].link_type) == ([0x71], 0x71)


@pytest.mark.parametrize(
    ("version", "captured", "wire", "expected"),
    [
        ((2, 4), 60, 20, (60, 20)),
        ((2, 3), 60, 20, (20, 60)),
        ((2, 3), 20, 60, (20, 60)),
        ((2, 2), 60, 20, (20, 60)),
        ((2, 0), 60, 60, (60, 60)),
        ((543, 0), 70, 60, (60, 70)),
        ((3, 0), 60, 60, (60, 60)),
    ],
)
def test_old_versions_have_the_lengths_the_other_way_round(tmp_path, version, captured, wire, expected):
    record = struct.pack("<IIII", 1, 0, captured, wire) + bytes(expected[0])
    capture, frames = read(written(tmp_path, pcap_header(magic=MICROSECONDS, version=version) + record * 3))
    assert (lengths(frames), capture.faults) == ([expected] * 3, [])


@pytest.mark.parametrize("version", [(0, 0), (1, 2)])
def test_archaic_versions_are_refused(tmp_path, version):
    path = captures.write_pcap(tmp_path / "a", [(T, b"")], version=version)
    with pytest.raises(CaptureError) as error:
        open_capture(str(path))
    assert str(error.value) == f"{path}: offset 0: pcap version {version[0]}.{version[1]}, 2.0 and later are read"


@pytest.mark.parametrize("snaplen", [0, 20, 65535])
def test_a_record_may_be_longer_than_the_snapshot_length(tmp_path, snaplen):
    path = captures.write_pcap(tmp_path / "a", [(T, bytes(262144))], snaplen=snaplen)
    capture, frames = read(path)
    assert (lengths(frames), capture.faults) == ([(262144, 262144)], [])


@pytest.mark.parametrize(
    ("snaplen", "claimed", "largest"),
    [(65535, 262145, 262144), (300_000, 300_001, 300_000), (2**32 - 1, 64 * 2**20 + 1, 64 * 2**20)],
)
def test_a_record_that_claims_too_much_is_a_fault(tmp_path, snaplen, claimed, largest):
    good = pcap_record("little", T, b"abc")
    bad = struct.pack("<IIII", 1, 0, claimed, claimed)
    path = written(tmp_path, pcap_header(snaplen=snaplen) + good + bad + good)
    capture, frames = read(path)
    assert lengths(frames) == [(3, 3)]
    assert [str(fault) for fault in capture.faults] == [
        f"{path}: frame 2, offset 43: record claims {claimed} bytes, more than the {largest} that it may have"
    ]


@pytest.mark.parametrize(
    ("magic", "extra"), [(0xA1B2C3D4, 0), (0xA1B2C3D4, 4), (0xA1B2C3D4, 8), (0xA1B2CD34, 8), (0xA1B2CD34, 12)]
)
@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("chunk", [1, 4096])
def test_longer_record_headers_are_told_by_the_second_record(tmp_path, magic, extra, order, chunk):
    records = [
        pcap_record(order, T + n, bytes(range(n)), unit=1000, extra=b"\1\2\3\4\5\6\7\x08" * 2)[: 16 + extra] + bytes(n)
        for n in (60, 61, 62)
    ]
    capture, frames = read(written(tmp_path, pcap_header(order, magic) + b"".join(records)), chunk=chunk)
    assert (lengths(frames), capture.faults) == ([(60, 60), (61, 61), (62, 62)], [])


def test_a_second_record_that_is_damaged_does_not_change_the_variant(tmp_path):
    good = pcap_record("little", T, b"abcdefgh", unit=1000)
    path = written(tmp_path, pcap_header(magic=MICROSECONDS) + good + b"\xff" * 40)
    capture, frames = read(path)
    assert [frame.data for frame in frames] == [b"abcdefgh"]
    assert capture.faults[0].problem == "record claims 4294967295 bytes, more than the 262144 that it may have"


def test_zeros_after_a_damaged_record_do_not_pass_for_another_variant(tmp_path):
    good = pcap_record("little", 0, b"abcdefgh", unit=1000)
    _, frames = read(written(tmp_path, pcap_header(magic=MICROSECONDS) + good + b"\xff" * 8 + bytes(40)))
    assert frames[0].data == b"abcdefgh"
