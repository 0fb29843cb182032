"""What open_capture promises whatever the format."""

import io
import os
import subprocess
import sys
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures
from frames import read
from handshake_inspect.capture import FORMATS, first_time_ns, open_capture
from handshake_inspect.errors import CaptureError

T = 1_700_000_000_123_456_789
FRAMES = [(T + i * 1_000_000_000, bytes([i]) * (i * 7 % 23), 60 + i) for i in range(9)]
WRITERS = {"pcap": captures.pcap_bytes, "pcapng": captures.pcapng_bytes}


def refusal(path, **choices):
    with pytest.raises(CaptureError) as error:
        open_capture(str(path), **choices)
    return str(error.value)


def plain(frames):
    return [(frame.time_ns, frame.data, frame.wire) for frame in frames]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("order", ["little", "big"])
def test_frames_come_back_as_they_were_written(tmp_path, name, order):
    path = tmp_path / "a"
    path.write_bytes(WRITERS[name](FRAMES, order=order))
    capture, frames = read(path)
    assert plain(frames) == FRAMES
    assert [frame.number for frame in frames] == list(range(1, 10))
    assert (capture.format, capture.byte_order, capture.time_resolution_ns) == (name, order, 1)
    assert (capture.link_types, capture.frames, capture.faults) == ([1], 9, [])
    assert (capture.first_time_ns, capture.last_time_ns) == (T, T + 8_000_000_000)
    assert capture.bytes == capture.position == capture.size == path.stat().st_size


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("order", ["little", "big"])
def test_cut_anywhere_yields_the_whole_frames_then_names_the_place(tmp_path, name, order):
    whole = WRITERS[name](FRAMES, order=order)
    path = tmp_path / "a"
    path.write_bytes(whole)
    _, frames = read(path)
    starts = [frame.offset for frame in frames]
    ends = [*starts[1:], len(whole)]
    small = {"pcap": 24, "pcapng": 28}[name]
    for length in range(small, len(whole)):
        path.write_bytes(whole[:length])
        capture, got = read(path)
        kept = sum(end <= length for end in ends)
        assert plain(got) == FRAMES[:kept], length
        # Between the header and the first frame of a pcapng there may be an interface, cut or whole.
        begin = starts[kept] if length >= starts[0] else small
        if length == begin:
            assert capture.faults == [], length
        else:
            (fault,) = capture.faults
            assert (fault.path, fault.offset, fault.frame) == (str(path), begin, kept + 1), length
            left = length - begin
            if name == "pcap":
                size = len(FRAMES[kept][1])
                expected = (
                    f"record header needs 16 bytes, {left} are left"
                    if left < 16
                    else f"record says {size} bytes, {left - 16} are left"
                )
            else:
                size = (ends[kept] - begin) if length >= starts[0] else starts[0] - begin
                expected = (
                    f"block needs at least 12 bytes, {left} are left"
                    if left < 12
                    else f"block says {size} bytes, {left} are left"
                )
            assert fault.problem == expected, length


@pytest.mark.parametrize("name", WRITERS)
def test_cut_inside_the_file_header_is_refused(tmp_path, name):
    whole = WRITERS[name]([])
    needed = {"pcap": 24, "pcapng": 28}[name]
    header = {"pcap": "pcap header", "pcapng": "pcapng section header"}[name]
    path = tmp_path / "a"
    for length in range(4, needed):
        path.write_bytes(whole[:length])
        assert refusal(path) == f"{path}: offset 0: the {header} needs {needed} bytes, {length} are there"


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 24, 61, 100, 4096])
@pytest.mark.parametrize("rows", [1, 4, 100])
def test_where_chunks_and_batches_end_changes_nothing(tmp_path, name, chunk, rows):
    path = tmp_path / "a"
    path.write_bytes(WRITERS[name](FRAMES) + b"abc")
    expected, frames = read(path)
    capture, got = read(path, chunk=chunk, rows=rows)
    assert got == frames
    assert [str(fault) for fault in capture.faults] == [str(fault) for fault in expected.faults] != []
    assert (capture.bytes, capture.frames) == (expected.bytes, expected.frames)


def test_a_pipe_that_gives_a_byte_at_a_time_is_read_alike(tmp_path, monkeypatch):
    class Slow(io.BytesIO):
        def readinto(self, view):
            return super().readinto(memoryview(view)[:1])

    for writer in WRITERS.values():
        monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=Slow(writer(FRAMES))))
        capture, frames = read("-")
        assert plain(frames) == FRAMES
        assert (capture.path, capture.size, capture.faults) == ("-", None, [])


def test_standard_input_is_read(tmp_path):
    script = "import sys; sys.path.insert(0, 'tests'); from frames import read; print(len(read('-')[1]))"
    done = subprocess.run(
        [sys.executable, "-c", script], input=captures.pcap_bytes(FRAMES), capture_output=True, check=True
    )
    assert done.stdout == b"9\n"


def test_a_batch_has_at_most_8192_frames_and_the_number_of_its_first(tmp_path):
    path = captures.write_pcap(tmp_path / "a", [(T, b"")] * 20000)
    capture = open_capture(str(path), index=3)
    batches = [(batch.count, batch.first_frame, batch.capture) for batch in capture.batches()]
    assert batches == [(8192, 1, 3), (8192, 8193, 3), (3616, 16385, 3)]


def test_a_record_larger_than_the_buffer_is_read(tmp_path):
    frames = [(T, b"a", 1), (T, bytes(range(256)) * 9000, 2304000), (T, b"b", 1)]
    for writer, more in ((captures.pcap_bytes, {"snaplen": 4_000_000}), (captures.pcapng_bytes, {})):
        path = tmp_path / "a"
        path.write_bytes(writer(frames, **more))
        capture, got = read(path)
        assert (plain(got), capture.faults) == (frames, [])


def test_the_buffer_grows_only_for_a_record_that_does_not_fit(tmp_path):
    for writer in WRITERS.values():
        path = tmp_path / "a"
        path.write_bytes(writer([(T, bytes(4060))] * 20))
        assert {len(batch.buffer) for batch in open_capture(str(path), chunk=4096).batches()} == {4096}
        path.write_bytes(writer([(T, bytes(5000))] * 20))
        assert {len(batch.buffer) for batch in open_capture(str(path), chunk=4096).batches()} == {8192}


def test_the_first_time_is_the_smallest_and_the_last_the_largest(tmp_path):
    path = captures.write_pcap(tmp_path / "a", [(T + n, b"") for n in (5, 9, 2, 4)])
    capture, _ = read(path)
    assert (capture.first_time_ns, capture.last_time_ns) == (T + 2, T + 9)
    assert first_time_ns(str(path)) == T + 5


def test_without_frames_there_are_no_times(tmp_path):
    path = captures.write_pcap(tmp_path / "a", [])
    capture, frames = read(path)
    assert (frames, capture.first_time_ns, capture.last_time_ns) == ([], None, None)
    assert first_time_ns(str(path)) is None
    assert first_time_ns("-") is None


def test_every_magic_number_of_the_table_is_read(tmp_path):
    for row in FORMATS:
        if row.name == "pcapng":
            continue
        unit, extra = row.variant["unit_ns"], row.variant.get("record_headers", (16,))[0] - 16
        number = int.from_bytes(row.magic, row.byte_order)
        header = captures.pcap_header(row.byte_order, number) + bytes(row.variant.get("file_header", 24) - 24)
        time_ns = T // unit * unit
        path = tmp_path / "a"
        path.write_bytes(
            header + captures.pcap_record(row.byte_order, time_ns, b"abcde", unit=unit, extra=bytes(extra)) * 2
        )
        capture, frames = read(path)
        assert plain(frames) == [(time_ns, b"abcde", 5)] * 2, row
        assert (capture.byte_order, capture.time_resolution_ns) == (row.byte_order, unit)


def test_what_cannot_be_opened_is_named(tmp_path):
    path = tmp_path / "none.pcap"
    assert refusal(path) == f"{path}: cannot be opened: No such file or directory"
    assert refusal(tmp_path) == f"{tmp_path}: cannot be opened: Is a directory"
    assert refusal("a\0b") == "a\0b: cannot be opened: embedded null byte"
    if os.geteuid():
        path.write_bytes(b"")
        path.chmod(0)
        assert refusal(path) == f"{path}: cannot be opened: Permission denied"


READ = "pcap, pcapng, or either in gzip, bzip2, xz, zstd, lz4 are read"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty: 0 bytes, no capture"),
        (b'{"a": 1}', f"not a packet capture: starts with 7b 22 61 ('{{\"a'); {READ}"),
        (b"\x00\xff", f"not a packet capture: starts with 00 ff ('..'); {READ}"),
        (b"\xd4\xc3\xb2", f"not a packet capture: starts with d4 c3 b2 ('...'); {READ}"),
        (b"snoop\0\0\0\0\0\0\2", "a snoop capture, which is not read; convert it with: editcap IN OUT.pcapng"),
        (b"GMBU", "a Microsoft Network Monitor capture, which is not read; convert it with: editcap IN OUT.pcapng"),
        (
            b"000000 00 e0 1e a7 05 6f 00 10",
            "a hexdump, which is not read; convert it with: text2pcap IN OUT.pcapng",
        ),
        (b"0x0000:  4500 003c", "a hexdump, which is not read; convert it with: text2pcap IN OUT.pcapng"),
    ],
)
def test_what_is_no_capture_is_refused_in_one_line(tmp_path, content, problem):
    path = tmp_path / "a"
    path.write_bytes(content)
    assert refusal(path) == f"{path}: {problem}"


frame = st.tuples(
    st.integers(0, (2**32 - 1) * 10**9), st.binary(max_size=300), st.integers(0, 2**32 - 1), st.integers(0, 2)
)


@settings(max_examples=150, deadline=None)
@given(
    frames=st.lists(frame, max_size=30),
    order=st.sampled_from(["little", "big"]),
    chunk=st.sampled_from([1, 50, 1000, 100_000]),
    rows=st.integers(1, 40),
    unit=st.sampled_from([None, 0, 3, 6, 9]),
)
def test_random_frames_come_back_as_they_were_written(tmp_path_factory, frames, order, chunk, rows, unit):
    path = tmp_path_factory.getbasetemp() / "random"
    captures.write_pcap(path, [row[:3] for row in frames], order=order)
    assert plain(read(path, chunk=chunk, rows=rows)[1]) == [row[:3] for row in frames]
    captures.write_pcapng(path, frames, order=order, link_types=(1, 101, 113), tsresol=unit)
    ns = 10 ** (9 - (6 if unit is None else unit))
    got = [(row.time_ns, row.data, row.wire, row.interface, row.link_type) for row in read(path, chunk=chunk)[1]]
    assert got == [(t // ns * ns, data, wire, i, (1, 101, 113)[i]) for t, data, wire, i in frames]


@settings(max_examples=300, deadline=None)
@given(
    data=st.data(),
    writer=st.sampled_from(sorted(WRITERS)),
    order=st.sampled_from(["little", "big"]),
)
def test_damage_anywhere_ends_the_reading_with_at_most_one_fault(tmp_path_factory, data, writer, order):
    whole = bytearray(WRITERS[writer](FRAMES, order=order))
    for at in data.draw(st.lists(st.integers(8, len(whole) - 1), min_size=1, max_size=6)):
        whole[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(whole)
    try:
        capture, frames = read(path)
    except CaptureError as error:
        assert error.problem
        return
    assert len(capture.faults) <= 1
    assert capture.frames == len(frames)
    assert all(frame.offset + len(frame.data) <= len(whole) for frame in frames)
    small, again = read(path, chunk=1, rows=1)
    assert (again, [*map(str, small.faults)]) == (frames, [*map(str, capture.faults)])
