"""The 4-tuple table under attack: whatever addresses and ports an input chooses, finding them costs the same.

Nothing is timed: what is counted are the slots that a look-up passes over.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from handshake_inspect.columns import segment_column
from handshake_inspect.track.tracker import Tracker

TUPLES = 4_096
RUNS = 150
STEPS_MOST = 3.0
"""Slots passed over in a look-up, on average.  A table that is at most half full of random places has 0.5."""

SYN, RST, ACK, PSH, TIMESTAMPS = 2, 4, 16, 8, 8
MIRRORED = 16
HOST, PEER = 0x0A000001, 0xC0000201
number = np.arange(TUPLES, dtype=np.uint64)


def rows(count=TUPLES, family=4, **fields):
    """Return a Segment column of SYNs with these fields."""
    column = segment_column(count)
    segments = np.asarray(column)
    segments.view(np.uint8)[:] = 0
    segments["kind"], segments["family"], segments["flags"] = 1, family, SYN
    segments["src_low"], segments["dst_low"], segments["src_port"], segments["dst_port"] = HOST, PEER, 1024, 80
    for name, values in fields.items():
        segments[name] = values
    return column


RANDOM = np.random.default_rng(9293)
CRAFTED = {
    "at random": rows(src_low=RANDOM.integers(2**32, size=TUPLES), src_port=RANDOM.integers(2**16, size=TUPLES)),
    "ports that count up": rows(src_port=number),
    "both ports": rows(src_port=number % 64, dst_port=number // 64),
    "addresses that count up": rows(dst_low=PEER + number),
    "addresses in equal steps": rows(dst_low=number << np.uint64(20)),
    "sums that stay the same": rows(src_low=HOST + number, dst_low=PEER + 2 * TUPLES - number),
    "port and address in step": rows(dst_low=PEER + number, src_port=65_000 - number),
    "bits of an address in turn": rows(
        dst_low=sum((number >> np.uint64(bit) & np.uint64(1)) << np.uint64(2 * bit) for bit in range(12))
    ),
    "IPv6 low halves": rows(family=6, dst_low=number << np.uint64(32)),
    "IPv6 high halves": rows(family=6, dst_high=number << np.uint64(48), src_high=number),
    "what a multiplier would hide": rows(family=6, dst_low=number * np.uint64(0x9E3779B97F4A7C15)),
}


@pytest.mark.parametrize("column", CRAFTED.values(), ids=CRAFTED.keys())
def test_no_choice_of_addresses_and_ports_makes_a_look_up_longer(column):
    worst = 0.0
    for _ in range(RUNS):
        tracker = Tracker()
        tracker.track(column, TUPLES)
        assert tracker.connection_count == TUPLES
        worst = max(worst, tracker.steps() / TUPLES)
    assert worst < STEPS_MOST


def test_each_run_has_a_table_of_its_own():
    """What is learnt of one run's table says nothing of the next one's."""
    seen = set()
    for _ in range(8):
        tracker = Tracker()
        tracker.track(CRAFTED["at random"], TUPLES)
        seen.add(tracker.steps())
    assert len(seen) > 1


# Mirrored copies are told apart by a hash of the segment.  While its constants were known, it could be run backwards.
OPEN = 0x9E3779B97F4A7C15
WORD = 2**64 - 1


def unshifted(value: int, shift: int) -> int:
    """Undo value ^ value >> shift."""
    found = value
    for _ in range(64 // shift):
        found = value ^ found >> shift
    return found


def words_of(segment) -> list[tuple[int, int]]:
    """The shift and the word of each round but the first, of what the hash took in."""
    get = {name: int(segment[name]) for name in segment.dtype.names}
    sender = int((get["src_low"], get["src_port"]) > (get["dst_low"], get["dst_port"]))
    return [
        (31, get["src_low"]), (30, get["dst_low"]), (28, get["src_port"] << 16 | get["dst_port"]),
        (29, get["seq"] << 32 | get["ack"]),
        (31, get["length"] << 32 | get["flags"] << 17 | get["checksum"] << 1 | sender),
    ]  # fmt: skip


def test_no_segment_can_be_made_to_pass_for_a_copy_of_another():
    """A RST whose timestamps are chosen so that it hashes as the data before it is still a RST."""
    column = rows(4, flags=[SYN, SYN | ACK, PSH | ACK, RST | ACK], seq=[100, 500, 101, 101], ack=[0, 101, 501, 501])
    segments = np.asarray(column)
    segments["src_low"][1], segments["dst_low"][1], segments["src_port"][1], segments["dst_port"][1] = (
        PEER, HOST, 80, 1024,
    )  # fmt: skip
    segments["length"][2], segments["options"] = 10, TIMESTAMPS
    segments["ts_value"][2], segments["ts_echo"][2] = 7, 9
    mark = ((7 | 9 << 32) + OPEN) * OPEN & WORD
    for shift, word in words_of(segments[2]):
        mark = (mark ^ mark >> shift ^ word) * OPEN & WORD
    inverse = pow(OPEN, -1, 2**64)
    for shift, word in reversed(words_of(segments[3])):
        mark = unshifted(mark * inverse & WORD ^ word, shift)
    stamps = (mark * inverse - OPEN) & WORD
    segments["ts_value"][3], segments["ts_echo"][3] = stamps & 0xFFFFFFFF, stamps >> 32
    tracker = Tracker()
    tracker.track(column, 4)
    (connection,) = np.asarray(tracker.connection_rows())
    assert not connection["flags"] & MIRRORED
    assert connection["flow"]["segments"].sum() == 4


def test_a_table_that_grew_leads_to_each_of_its_4_tuples():
    """Each 4-tuple's second segment finds the connection of its first, at every size that the table passes."""
    count = 150_000
    draw = np.random.default_rng(1981)
    fields = {"src_low": draw.integers(2**32, size=count), "src_port": draw.integers(2**16, size=count)}
    first, second = rows(count, **fields), rows(count, flags=ACK, seq=1, **fields)
    for size in (*range(1900, 12_000, 700), 66_000, count):
        tracker = Tracker()
        tracker.track(first, size)
        numbers = np.zeros(size, np.uint32)
        tracker.track(second, size, numbers)
        assert tracker.connection_count == size
        assert numbers.tolist() == list(range(size))


@pytest.mark.parametrize("family", [4, 6])
def test_what_was_looked_up_before_is_what_is_found(family):
    draw = np.random.default_rng(793)
    batches = [
        rows(family=family, src_low=draw.integers(2000, size=TUPLES), dst_low=draw.integers(2000, size=TUPLES), ip_id=1)
        for _ in range(3)
    ]
    alone, helped, misled = Tracker(), Tracker(), Tracker()
    for batch in batches:
        alone.track(batch, TUPLES)
        helped.look_up(batch, TUPLES)
        helped.track(batch, TUPLES)
        misled.look_up(batches[0], TUPLES - 1)
        misled.track(batch, TUPLES)
    assert TUPLES < alone.connection_count < 3 * TUPLES
    for other in (helped, misled):
        assert np.asarray(other.connection_rows()).tobytes() == np.asarray(alone.connection_rows()).tobytes()
        assert other.connection_count == alone.connection_count
    with pytest.raises(IndexError, match=r"^4097 segments asked for, 4096 in the column$"):
        alone.look_up(batches[0], TUPLES + 1)


GROWS = """
import resource
import sys
import numpy as np
from test_track_table import ACK, SYN, rows
from handshake_inspect.track.tracker import Tracker

number = np.arange(200_000, dtype=np.uint64)
batches = [rows(len(number), flags=flags, src_low=number, seq=7, ack=1) for flags in (SYN, SYN | ACK, ACK)]
if room := int(sys.argv[1]):
    with open("/proc/self/statm") as sizes:
        room += int(sizes.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
tracker = Tracker()
for batch in batches:
    tracker.track(batch, len(number))
(incarnation,) = {*np.asarray(tracker.connection_rows())["incarnation"].tolist()}
print(tracker.connection_count, tracker.row_count, tracker.evidence_count, incarnation)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="where addresses are reserved")
@pytest.mark.parametrize(("mebibytes", "enough"), [(0, True), (500, True), (30, False)], ids=["all", "few", "too few"])
def test_tables_grow_where_addresses_for_them_are_few(mebibytes, enough):
    """A limit on addresses (ulimit -v) leaves less to reserve: tables move then, or memory is out, and nothing else."""
    done = subprocess.run(
        [sys.executable, "-c", GROWS, str(mebibytes * 2**20)],
        capture_output=True, text=True, cwd=Path(__file__).parent, timeout=60,
    )  # fmt: skip
    if enough:
        assert (done.returncode, done.stdout) == (0, "200000 200000 400000 1\n"), done.stderr
    else:
        assert done.returncode == 1
        assert done.stderr.endswith("in handshake_inspect.track.tracker.Tracker.track\nMemoryError\n"), done.stderr
