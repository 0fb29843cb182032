"""What the source promises: the bytes of a file, whatever compressed them."""

import bz2
import gzip
import io
import itertools
import lzma
import re
import sys
import tracemalloc
import types

import pytest

import captures
from frames import read
from handshake_inspect.capture import COMPRESSIONS, open_capture
from handshake_inspect.errors import CaptureError

zstandard = pytest.importorskip("zstandard")
lz4 = pytest.importorskip("lz4.frame")

COMPRESS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
    "lz4": lz4.compress,
}
FRAMES = [(1_700_000_000_000_000_000 + n * 1000, bytes([n % 251]) * (n % 1500)) for n in range(2000)]
WHOLE = captures.pcap_bytes(FRAMES)


def plain(frames):
    return [(frame.time_ns, frame.data) for frame in frames]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a"


def test_every_compression_of_the_table_is_tested_here():
    assert [row.name for row in COMPRESSIONS] == list(COMPRESS)


@pytest.mark.parametrize("name", COMPRESS)
@pytest.mark.parametrize("chunk", [100, 1 << 20])
def test_a_compressed_capture_reads_as_the_plain_one(path, name, chunk):
    path.write_bytes(COMPRESS[name](WHOLE))
    capture, frames = read(path, chunk=chunk)
    assert (plain(frames), capture.faults) == (FRAMES, [])
    assert (capture.bytes, capture.position, capture.size) == (len(WHOLE), path.stat().st_size, path.stat().st_size)


@pytest.mark.parametrize("name", COMPRESS)
def test_members_that_follow_each_other_are_one(path, name):
    cuts = [0, 1, 30, 1000, 500_000, 500_000, len(WHOLE)]
    path.write_bytes(b"".join(COMPRESS[name](WHOLE[begin:end]) for begin, end in itertools.pairwise(cuts)))
    capture, frames = read(path)
    assert (plain(frames), capture.faults) == (FRAMES, [])


@pytest.mark.parametrize("name", COMPRESS)
def test_zeros_behind_the_compressed_data_are_padding(path, name):
    path.write_bytes(COMPRESS[name](WHOLE) + bytes(1_000_000))
    capture, frames = read(path)
    assert (plain(frames), capture.faults) == (FRAMES, [])


@pytest.mark.parametrize("name", COMPRESS)
def test_something_else_behind_the_compressed_data_is_a_fault(path, name):
    path.write_bytes(COMPRESS[name](WHOLE) + b"something else")
    capture, frames = read(path)
    assert plain(frames) == FRAMES
    assert [str(fault) for fault in capture.faults] == [
        f"{path}: frame 2001, offset {len(WHOLE)}: {name}: what follows the compressed data is not {name}"
    ]


@pytest.mark.parametrize("name", COMPRESS)
def test_compressed_data_that_end_early_yield_what_they_hold_then_a_fault(path, name):
    packed = COMPRESS[name](WHOLE)
    for length in (len(packed) * 3 // 4, len(packed) - 1):
        path.write_bytes(packed[:length])
        try:
            capture, frames = read(path)
        except CaptureError as error:
            # bzip2 gives nothing before a whole block of 900 kB has come.
            assert str(error).startswith(f"{path}: "), name
            assert f"{name}: the compressed data end early" in str(error) or "empty: " in str(error), name
            continue
        assert plain(frames) == FRAMES[: len(frames)]
        (fault,) = capture.faults
        assert fault.problem.startswith(f"{name}: the compressed data end early"), name
        assert fault.frame == len(frames) + 1


def test_compressed_data_cut_between_two_frames_are_still_a_fault(path):
    for name, compress in COMPRESS.items():
        packed = compress(WHOLE)
        path.write_bytes(packed + compress(b"more" * 1000)[:8])
        capture, frames = read(path)
        assert plain(frames) == FRAMES
        assert [fault.problem for fault in capture.faults] == [f"{name}: the compressed data end early"], name


def test_damaged_gzip_yields_what_comes_before_the_damage(path):
    packed = bytearray(gzip.compress(WHOLE))
    packed[-8] ^= 1
    path.write_bytes(packed)
    capture, frames = read(path)
    assert plain(frames) == FRAMES[: len(frames)]
    (fault,) = capture.faults
    assert fault.problem.startswith("gzip: the compressed data are damaged: ")
    assert "incorrect data check" in fault.problem


@pytest.mark.parametrize("name", COMPRESS)
def test_what_is_inside_decides(path, name):
    path.write_bytes(COMPRESS[name](b"hello, world, this is text"))
    with pytest.raises(CaptureError) as error:
        open_capture(str(path))
    assert str(error.value) == (
        f"{path}: not a packet capture: starts with 68 65 6c ('hel') inside {name}; "
        "pcap, pcapng, or either in gzip, bzip2, xz, zstd, lz4 are read"
    )
    path.write_bytes(COMPRESS[name](b""))
    with pytest.raises(CaptureError) as error:
        open_capture(str(path))
    assert str(error.value) == f"{path}: empty: 0 bytes inside {name}, no capture"


@pytest.mark.parametrize(("name", "module"), [("zstd", "zstandard"), ("lz4", "lz4")])
def test_a_missing_module_is_named_with_what_to_install(path, name, module, monkeypatch):
    if name == "zstd" and sys.version_info >= (3, 14):
        pytest.skip("Python 3.14 reads zstd itself")
    path.write_bytes(COMPRESS[name](WHOLE))
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    with pytest.raises(CaptureError) as error:
        open_capture(str(path))
    assert str(error.value) == (
        f"{path}: is compressed with {name}, which needs the Python module {module}: pip install {module}"
    )


def test_compressed_standard_input_is_read(monkeypatch):
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(gzip.compress(WHOLE))))
    assert plain(read("-")[1]) == FRAMES


def test_a_zstd_stream_may_begin_with_a_skippable_frame(path):
    path.write_bytes(b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + COMPRESS["zstd"](WHOLE))
    capture, frames = read(path)
    assert (plain(frames), capture.faults) == (FRAMES, [])


@pytest.mark.parametrize("name", COMPRESS)
def test_a_bomb_is_read_in_pieces(path, name):
    record = captures.pcap_record("little", 1, bytes(1_000))
    path.write_bytes(COMPRESS[name](captures.pcap_header() + record * 60_000))
    tracemalloc.start()
    capture = open_capture(str(path))
    frames = sum(batch.count for batch in capture.batches())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (frames, capture.faults) == (60_000, [])
    assert peak < 66_000_000


@pytest.mark.parametrize("name", ["bzip2", "zstd"])
def test_a_bomb_that_no_capture_could_be_is_put_out(path, name):
    """A gigabyte of records without bytes, out of some kilobytes."""
    make = {"bzip2": bz2.BZ2Compressor, "zstd": lambda: zstandard.ZstdCompressor(level=19).compressobj()}[name]()
    piece = bytes(16 << 20)
    packed = (
        make.compress(captures.pcap_bytes(FRAMES[:5]))
        + b"".join(make.compress(piece) for _ in range(64))
        + make.flush()
    )
    path.write_bytes(packed)
    capture = open_capture(str(path))
    frames = sum(batch.count for batch in capture.batches())
    assert (64 << 20) // 16 < frames < (512 << 20) // 16
    (fault,) = capture.faults
    assert re.fullmatch(rf"{name}: [\d,]+ bytes have become [\d,]+ so far, as no capture does(; .*)?", fault.problem)
    assert fault.offset == capture.bytes
