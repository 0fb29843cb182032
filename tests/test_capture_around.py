"""What saving around a moment promises: the frames before and after it, from a memory that does not grow."""

from __future__ import annotations

import os

import pytest

from captures import write_pcap
from frames import read
from handshake_inspect.capture import open_capture
from handshake_inspect.capture.around import CHUNK_BESIDES, Around
from test_capture_save import Eth, told

T = 1_700_000_000_000_000_000
SECOND = 10**9


@pytest.fixture
def around(tmp_path):
    """Give one frame a second to what saves around moments: `around(frames, {time: moments found there}, ...)`.

    Returns the seconds of the frames in each file.
    """

    def run(seconds, moments, *, rows=1, size=100, memory=10**6, before=3, after=2, **choices):
        folder = tmp_path / "out"
        folder.mkdir()
        source = write_pcap(tmp_path / "a", [(T + n * SECOND, bytes([n]) * size) for n in range(seconds)])
        run.keeper = Around(
            str(folder / "b.pcapng"),
            Eth(),
            before_ns=before * SECOND,
            after_ns=after * SECOND,
            memory=memory,
            **choices,
        )
        for batch in open_capture(str(source), rows=rows).batches():
            run.keeper.batch(batch)
            for n in range(batch.first_frame - 1, batch.first_frame - 1 + batch.count):
                if n in moments:
                    run.keeper.save(T + n * SECOND)
        run.keeper.finish()
        of_source = told(read(source)[1])
        found = []
        for file in sorted(folder.iterdir()):
            capture, frames = read(file)
            assert capture.faults == []
            found.append([(frame.time_ns - T) // SECOND for frame in frames])
            assert told(frames) == [of_source[n] for n in found[-1]]
        return found

    return run


@pytest.mark.parametrize("rows", [1, 4, 100])
def test_the_frames_before_and_after_the_moment_are_saved(around, rows):
    assert around(30, {10}, rows=rows) == [[7, 8, 9, 10, 11, 12]]


@pytest.mark.parametrize("rows", [1, 100])
def test_moments_that_are_near_make_one_file_longer(around, rows):
    assert around(30, {10, 12, 13}, rows=rows) == [[7, 8, 9, 10, 11, 12, 13, 14, 15]]


def test_moments_that_are_apart_have_files_of_their_own(around):
    assert around(30, {10, 20}) == [[7, 8, 9, 10, 11, 12], [17, 18, 19, 20, 21, 22]]


@pytest.mark.parametrize("rows", [1, 100])
def test_files_that_overlap_both_have_what_they_share(around, rows):
    assert around(30, {10, 13}, rows=rows) == [[7, 8, 9, 10, 11, 12], [10, 11, 12, 13, 14, 15]]


def test_the_capture_may_begin_or_end_within_that_time(around):
    assert around(30, {1, 29}) == [[0, 1, 2, 3], [26, 27, 28, 29]]


def test_nothing_is_written_when_nothing_was_found(around, tmp_path):
    assert around(30, set()) == []


def test_only_the_newest_files_stay(around):
    assert around(50, {5, 15, 25, 35}, keep=2) == [[22, 23, 24, 25, 26, 27], [32, 33, 34, 35, 36, 37]]


def test_memory_is_bounded_and_a_file_that_is_shorter_for_it_is_told(around):
    of_one = 100 + 32 + CHUNK_BESIDES
    assert around(30, {20}, before=10, memory=4 * of_one) == [[17, 18, 19, 20, 21, 22]]
    assert around.keeper.shortest_ns == 3 * SECOND


def test_memory_that_is_enough_is_not_told(around):
    around(30, {20}, before=10)
    assert around.keeper.shortest_ns is None


def test_what_is_held_never_grows_beyond_its_memory(tmp_path):
    source = write_pcap(tmp_path / "a", [(T + n, bytes(1000)) for n in range(5000)])
    keeper = Around(str(tmp_path / "b.pcapng"), Eth(), before_ns=SECOND, after_ns=SECOND, memory=200_000)
    most = 0
    for batch in open_capture(str(source), rows=10).batches():
        keeper.batch(batch)
        most = max(most, sum(len(chunk.blocks) for chunk in keeper._held))
    assert 150_000 < most <= 200_000


def test_a_file_ends_when_its_time_is_over_though_no_frame_comes(tmp_path):
    source = write_pcap(tmp_path / "a", [(T, b"x")])
    keeper = Around(str(tmp_path / "b.pcapng"), Eth(), before_ns=SECOND, after_ns=SECOND, memory=10**6)
    for batch in open_capture(str(source)).batches():
        keeper.batch(batch)
    keeper.save(T)
    keeper.pass_time(T + SECOND)
    [path] = keeper.series.written
    size = os.path.getsize(path)
    keeper.pass_time(T + SECOND + 1)
    assert os.path.getsize(path) > size, "the statistics end the file"
