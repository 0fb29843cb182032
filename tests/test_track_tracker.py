"""What the tracker counts: bytes once, gaps, windows; and what it keeps, whatever is thrown at it."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import captures
from frames_by_hand import SYN, ethernet, ipv4, tcp
from handshake_inspect import analyse
from handshake_inspect.capture import open_capture
from handshake_inspect.columns import COUNTER_NAMES, counters, frame_column, segment_column
from handshake_inspect.decode import Decoder
from handshake_inspect.report import FrameOf
from handshake_inspect.track.tracker import Tracker
from ladder import Ladder
from numbers_in_pxd import numbers
from wrappings import START_NS, Wrapping, capture_bytes, frames, ids, only
from wrappings import path as states

BOUND = 64


@pytest.mark.parametrize(
    ("ladder", "sent", "again", "missing"),
    [
        ("open; DATA(10) >; < ACK; DATA(20) >; < ACK", 30, 0, 0),
        ("open; DATA(10) >; DATA(10) again >; < ACK", 10, 1, 0),
        ("open; DATA(10) >; DATA(20) seq-10 >; < ACK", 20, 0, 0),
        ("open; DATA(10) >; DATA(5) seq-7 >; < ACK", 10, 1, 0),
        ("open; DATA(10) late >; DATA(20) >; < ACK", 30, 0, 0),
        ("open; DATA(10) hidden >; DATA(20) >; < ACK", 20, 0, 10),
        ("open; DATA(10) hidden >; DATA(20) >; DATA(10) seq=1 >; < ACK", 30, 0, 0),
        ("open; DATA(10) hidden >; DATA(20) >; < ACK; DATA(10) seq=1 >", 20, 1, 10),
        ("open; DATA(10) hidden >; DATA(20) >; DATA(4) seq=1 >; DATA(6) seq=5 >; < ACK", 30, 0, 0),
        ("open; DATA(10) hidden >; < ACK; DATA(20) >; < ACK", 20, 0, 10),
        ("open; DATA(10) hidden lost >; DATA(20) >; < ACK", 20, 0, 0),
        ("mid; DATA(10) >; < ACK", 10, 0, 0),
        ("open; FIN(10) >; FIN again >; < ACK", 10, 1, 0),
        ("SYN(10) fo=8 >; < SYN-ACK; ACK >; DATA(5) >; < ACK", 15, 0, 0),
        ("SYN(10) fo=8 >; SYN again >; < SYN-ACK; ACK >", 10, 0, 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("isn", [2**32 - 6, 0, 2**31 - 4])
def test_every_byte_is_counted_once_and_missing_ones_when_they_are_acknowledged(ladder, sent, again, missing, isn):
    client = only(ladder, Wrapping(isns=(isn, isn))).client
    assert (client.bytes, client.retransmissions.data, client.missing_bytes) == (sent, again, missing)


@given(
    st.integers(0, 2**32 - 1), st.lists(st.integers(1, 60), min_size=1, max_size=12), st.randoms(use_true_random=False)
)
def test_repeated_and_swapped_segments_give_each_byte_of_the_stream_once(isn, sizes, dice):
    steps = ["open"]
    for size in sizes:
        steps.append(f"DATA({size}) >")
        if dice.random() < 0.3:
            steps.append("DATA again >")
        elif dice.random() < 0.3:
            steps[-1:] = [f"DATA({size}) late >", f"DATA({dice.randint(1, 60)}) >"]
    ladder = "; ".join([*steps, "< ACK"])
    sent = {byte for one in Ladder(ladder).segments for byte in range(one.seq, one.seq + one.length) if one.sender == 0}
    client = only(ladder, Wrapping(isns=(isn, 0))).client
    assert (client.bytes, client.missing_bytes) == (len(sent), 0)


def test_keep_alives_are_told_from_retransmissions():
    connection = only("open; DATA(10) >; < ACK; ACK seq-1 @60 >; < ACK; DATA(1) seq-1 @120 >; < ACK")
    assert (connection.client.retransmissions.data, connection.client.bytes) == (0, 10)
    assert [finding.text for finding in connection.findings] == ["2 keep-alive probes of the client"]


@pytest.mark.parametrize("ladder", ["open; FIN >; < ACK; ACK seq-1 >", "SYN >; < SYN-ACK; ACK seq-1 >"])
def test_an_ack_at_the_number_of_a_syn_or_fin_is_no_keep_alive(ladder):
    assert "keep-alive" not in ids(only(ladder))


@pytest.mark.parametrize(("window", "scale", "limit"), [(100, 7, 12800), (65535, 14, 65535 << 14), (100, 0, 100)])
def test_the_window_is_scaled_as_both_ends_agreed(window, scale, limit):
    opened = f"SYN ws={scale} >; < SYN-ACK ws=0; ACK win={window} >"
    assert "rst-challenged" in ids(only(f"{opened}; < RST seq+{limit - 1}"))
    assert "rst-ignored" in ids(only(f"{opened}; < RST seq+{limit}"))


def track(path: Path) -> Tracker:
    """Return a tracker that has seen a capture."""
    tracker, decoder = Tracker(), Decoder()
    for batch in open_capture(str(path)).batches():
        rows = decoder.decode(batch)
        tracker.track(decoder.segments, rows)
    return tracker


def flood(count: int, step: str) -> list[tuple[int, bytes]]:
    """Return the frames of an open connection, and `count` more segments on its 4-tuple."""
    start = frames("open; DATA(10) >; < ACK")
    time_ns = start[-1][0]
    dice = random.Random(7)
    data = []
    for number in range(count):
        seq = 2**32 - 6 if step == "same SYN" else dice.getrandbits(32)
        flags = 4 if step == "RST" else SYN
        data.append((time_ns + number * 1000, ethernet(ipv4(tcp(flags, seq=seq), ip_id=number % 65535 + 1))))
    return [*start, *data]


@pytest.mark.parametrize("step", ["RST", "same SYN"])
def test_a_hundred_thousand_segments_on_one_connection_take_no_more_memory_and_are_counted(tmp_path, step):
    captured = captures.write_pcap(tmp_path / "flood.pcap", flood(100_000, step))
    tracker = track(captured)
    # A RST takes two rows.
    assert tracker.evidence_count <= 2 * BOUND == 2 * tracker.evidence_bound
    assert tracker.connection_count == 1
    (connection,) = analyse(str(captured)).connections
    assert connection.client.segments == 100_003
    assert states(connection.server) == "LISTEN SYN_RECEIVED ESTABLISHED"


def test_a_hundred_thousand_syns_with_new_isns_are_as_many_incarnations(tmp_path):
    captured = captures.write_pcap(tmp_path / "flood.pcap", flood(100_000, "new SYN"))
    report = analyse(str(captured))
    assert len(report.connections) == 100_001
    assert report.connections[-1].incarnation == 65535
    assert report.summary.openings == {"three-way": 1, "unanswered": 100_000}


def test_the_table_of_connections_grows_and_loses_none(tmp_path):
    ports = [
        (START_NS + port, ethernet(ipv4(tcp(sport=port, dport=dport))))
        for dport in (80, 443)
        for port in range(1, 20_001)
    ]
    answers = [
        (START_NS + 10**6 + port, ethernet(ipv4(tcp(20, src=bytes((198, 51, 100, 2)), dst=bytes((192, 0, 2, 1)), seq=0,
                                                    ack=0xFFFFFFF1, sport=dport, dport=port),
                                                src=bytes((198, 51, 100, 2)), dst=bytes((192, 0, 2, 1)))))
        for dport in (80, 443) for port in range(1, 20_001)
    ]  # fmt: skip
    report = analyse(str(captures.write_pcap(tmp_path / "many.pcap", [*ports, *answers])))
    assert len(report.connections) == 40_000
    assert report.summary.openings == {"refused": 40_000}


def test_several_captures_are_one_and_name_their_frames_in_pairs(tmp_path):
    whole = frames("open; talk; close")
    paths = []
    for number, part in enumerate((whole[:3], whole[3:7], whole[7:])):
        paths.append(str(tmp_path / f"part{number}.pcap"))
        (tmp_path / f"part{number}.pcap").write_bytes(capture_bytes(part))
    (connection,) = analyse(paths).connections
    assert connection.opening.frames == tuple(FrameOf(capture=0, frame=number) for number in (1, 2, 3))
    assert connection.closing.frames == tuple(FrameOf(capture=2, frame=number) for number in (1, 2, 3, 4))
    assert connection.closing.kind == "four-way"


def test_track_refuses_more_rows_than_there_are():
    with pytest.raises(IndexError, match=r"^5 segments asked for, 4 in the column$"):
        Tracker().track(segment_column(4), 5)


def test_no_rows_are_no_connections():
    tracker = Tracker()
    tracker.track(segment_column(1), 0)
    assert (tracker.connection_count, len(tracker.connection_rows()), len(tracker.evidence_rows())) == (0, 0, 0)


def test_numpy_reads_every_column_as_the_c_structs_lie_in_memory(tmp_path):
    tracker = track(captures.write_pcap(tmp_path / "one.pcap", frames("open; talk; close")))
    connections, evidence = np.asarray(tracker.connection_rows()), np.asarray(tracker.evidence_rows())
    for column in (connections, evidence, np.asarray(frame_column(2)), np.asarray(segment_column(2))):
        # The format's size is NumPy's reckoning, the stride is the compiler's.
        assert column.dtype.itemsize == column.strides[0]
    assert connections["flow"]["bytes"].tolist() == [[10, 20]]
    assert sorted(connections["port"][0].tolist()) == [443, 49152]
    assert connections["first_frame"].tolist() == [1]
    assert evidence["frame"].tolist()[:3] == [0, 1, 2]
    assert (evidence["bits"] & 0x1FF).tolist()[:3] == [2, 18, 16]


def test_the_counters_have_their_names_in_order():
    assert numbers("columns.pxd", "COUNT_") == {name.upper(): number for number, name in enumerate(COUNTER_NAMES)}
    assert list(counters()) == [0] * len(COUNTER_NAMES)


def test_the_same_segments_between_neighbouring_addresses_are_no_copies(tmp_path):
    """A capture that was relabelled by one in each address, both halves within 10 ms, holds nothing twice."""
    packets = [
        (
            seq * 1000 + source,
            ipv4(tcp(seq=seq, payload=b"x"), src=bytes((10, 0, 0, source)), dst=bytes((10, 0, 0, target))),
        )
        for seq in (5, 6)
        for source, target in ((8, 15), (11, 12), (12, 11), (13, 10), (14, 9))
    ]
    report = analyse(str(captures.write_pcap(tmp_path / "near.pcap", packets, link_type=101)))
    assert sum(each.client.duplicates + each.server.duplicates for each in report.connections) == 0
