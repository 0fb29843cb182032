"""Connections that leave when they are over: the same ones, under the same ids, and the table stays small."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest

from captures import write_pcap
from frames_by_hand import ACK, FIN, RST, SYN, ethernet, ipv4, tcp
from handshake_inspect import analyse
from handshake_inspect import analysis as analysing
from handshake_inspect.capture import open_capture
from handshake_inspect.columns import segment_column
from handshake_inspect.report import Connection
from handshake_inspect.stream import Passing, Stream
from handshake_inspect.track.tracker import Tracker
from handshake_inspect.verdict.judge import Judge
from handshake_inspect.verdict.leaving import Leaving
from wrappings import START_NS, capture_bytes, frames

SECOND = 10**9


@pytest.fixture(autouse=True)
def few_frames_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there is a look between any few frames, as there is in a capture of many."""
    monkeypatch.setattr(analysing, "open_capture", partial(open_capture, chunk=4096, rows=3))


def saved(folder: Path, ladder: str) -> str:
    path = folder / "ladder.pcap"
    path.write_bytes(capture_bytes(frames(ladder)))
    return str(path)


def passed(path: str, two_msl: str = "linux") -> tuple[list[Connection], Passing]:
    passing = Passing(path, two_msl=two_msl)
    return list(passing), passing


def words(connections: list[Connection]) -> list[tuple[int, int, str, str]]:
    return [(each.id, each.incarnation, each.opening.kind, each.closing.kind) for each in connections]


def test_a_connection_is_given_out_2msl_after_its_end_before_one_that_is_open(tmp_path):
    path = saved(
        tmp_path, "open; port 50000; open; close; port 49152; DATA(5) @62 >; DATA(5) @63 >; DATA(5) @64 >; < ACK"
    )
    found, passing = passed(path)
    assert words(found) == [(1, 1, "three-way", "four-way"), (0, 1, "three-way", "open")]
    assert sorted(found, key=lambda each: each.id) == list(analyse(path).connections)
    assert passing._stream.left == {"over": 1}


def test_the_first_line_is_there_before_the_capture_ends(tmp_path):
    steps = "; ".join(f"DATA(5) @{second} >" for second in range(61, 500))
    passing = Passing(saved(tmp_path, f"port 50000; open; close; port 49152; open; {steps}"))
    first = next(iter(passing))
    assert (first.id, passing.count) == (0, 2)
    assert passing._reading.end_ns < START_NS + 70 * SECOND


@pytest.mark.parametrize(
    "ladder",
    [
        "open; close; SYN isn+5000000 @100 >; < SYN-ACK isn+5000000; ACK >; close",
        "open; close; SYN isn+5000000 @50 >; < SYN-ACK isn+5000000; ACK >; close; quiet @200",
        "SYN >; < RST-ACK; SYN isn+5000000 @100 >; < RST-ACK; SYN isn+9000000 @200 >; < RST-ACK; quiet @300",
        "open; RST >; SYN isn+5000000 @100 >; < SYN-ACK isn+5000000; ACK >; RST >; "
        "SYN isn+9000000 @200 >; < SYN-ACK isn+9000000; ACK >; close; quiet @300",
        "open; talk; SYN isn+5000000 @100 >; < ACK old; RST old >; SYN again @101 >; < SYN-ACK isn+5000000; ACK >; "
        "close; quiet @900",
    ],
)
def test_a_later_incarnation_is_numbered_on_and_names_the_one_before(tmp_path, ladder):
    ticks = "; ".join(f"DATA(1) @{second} >" for second in range(1, 400, 5))
    path = str(write_pcap(tmp_path / "two.pcap", sorted([*frames(ladder), *frames(f"port 50001; open; {ticks}")])))
    found, passing = passed(path)
    whole = list(analyse(path).connections)
    assert sorted(found, key=lambda each: each.id) == whole
    assert max(each.incarnation for each in whole) > 1
    assert passing.late == 0


def test_what_comes_after_it_was_given_out_is_counted_and_makes_no_connection(tmp_path):
    ticks = "; ".join(f"DATA(1) @{second} >" for second in range(1, 400, 5))
    whole = [
        *frames("open; close; FIN again @150 >; < ACK; < RST @160"),
        *frames("port 50000; SYN >; < RST-ACK; SYN again @300 >; SYN isn+5000 @310 >; < RST-ACK"),
        *frames(f"port 50001; open; {ticks}"),
    ]
    path = str(write_pcap(tmp_path / "late.pcap", sorted(whole)))
    found, passing = passed(path)
    assert words(found) == [
        (0, 1, "three-way", "four-way"),
        (1, 1, "refused", "none"),
        (3, 2, "refused", "none"),
        (2, 1, "three-way", "open"),
    ]
    assert passing.late == 4
    assert [each.id for each in analyse(path).connections] == [0, 1, 2, 3]


def thrown(seed: int) -> list[tuple[int, bytes]]:
    """Return segments on few 4-tuples, whose clients begin anew at any time, with pauses around a 2MSL of 1 s.

    Of even seeds, whoever was silent that long begins anew, so that nothing comes late.
    """
    dice = random.Random(seed)
    found, time_ns = [], START_NS
    isns, last_ns = dict.fromkeys(range(40000, 40006), 0), dict.fromkeys(range(40000, 40006), 0)
    for _ in range(400):
        time_ns += dice.choice((1_000_000, 20_000_000, 900_000_000, 1_100_000_000, 5_000_000_000))
        port = dice.choice(list(isns))
        flags = dice.choice((SYN, SYN, SYN | ACK, ACK, ACK, FIN | ACK, RST, RST | ACK))
        anew = seed % 2 == 0 and time_ns - last_ns[port] > SECOND
        if anew:
            flags = SYN
        back = flags == SYN | ACK or (flags != SYN and dice.random() < 0.5)
        if flags == SYN | ACK and not isns[port]:
            continue
        if flags == SYN and (anew or not isns[port] or dice.random() < 0.7):
            isns[port] += 10_000
        last_ns[port] = time_ns
        ends = ((bytes((10, 0, 0, 2)), 80), (bytes((10, 0, 0, 1)), port))
        (source, sport), (target, dport) = ends if back else ends[::-1]
        # Both ends count from the client's ISN, so that nearly everything fits one incarnation.
        seq = isns[port] + (0 if flags & SYN else dice.choice((1, 1, 2, 4)))
        ack = isns[port] + dice.choice((1, 1, 2, 4))
        data = tcp(flags, src=source, dst=target, sport=sport, dport=dport, seq=seq, ack=ack if flags & ACK else 0)
        found.append((time_ns, ethernet(ipv4(data, src=source, dst=target))))
    return found


def begun(connection: Connection) -> tuple[int, int, object, set[int]]:
    """Return what no later segment changes."""
    ends = connection.client, connection.server
    return connection.id, connection.incarnation, connection.first_frame, {end.port for end in ends}


def captured(connection: Connection) -> int:
    """Return how many segments it has, mirrored copies among them."""
    return sum(end.segments + end.duplicates for end in (connection.client, connection.server))


def test_whatever_is_thrown_at_it_the_connections_are_those_of_the_whole(tmp_path):
    left = 0
    for seed in range(150):
        path = str(write_pcap(tmp_path / "thrown.pcap", thrown(seed)))
        found, passing = passed(path, "1s")
        whole = list(analyse(path, two_msl="1s").connections)
        found.sort(key=lambda each: each.id)
        assert [begun(each) for each in found] == [begun(each) for each in whole], seed
        lacking = sum(map(captured, whole)) - sum(map(captured, found))
        assert lacking == passing.late, seed
        if seed % 2 == 0:
            assert found == whole, seed
        left += passing._stream.left.get("over", 0)
    assert left >= 300


class Flood:
    """Columns of SYNs from random 4-tuples, a microsecond apart."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.column = segment_column(rows)
        self.segments = np.asarray(self.column)
        self.segments[:] = np.zeros(1, dtype=self.segments.dtype)
        self.segments["kind"], self.segments["family"], self.segments["flags"] = 1, 4, SYN
        self.segments["dst_low"], self.segments["dst_port"] = 0x0A000001, 80
        self.dice = np.random.default_rng(7)
        self.sent = 0

    def turn(self) -> int:
        """Fill the column anew and return the time of its last row."""
        numbers = np.arange(self.sent, self.sent + self.rows)
        self.segments["src_low"] = self.dice.integers(0x10000000, 0xDF000000, self.rows)
        self.segments["src_port"] = self.dice.integers(1024, 65535, self.rows)
        self.segments["seq"] = self.dice.integers(0, 2**32, self.rows)
        self.segments["time_ns"], self.segments["frame"] = START_NS + numbers * 1000, numbers + 1
        self.sent += self.rows
        return START_NS + self.sent * 1000


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from Linux's /proc")
def test_2_000_000_syns_under_a_limit_take_the_memory_of_a_few():
    tracker = Tracker()
    judge = Judge(tracker, 0, 60 * SECOND)
    leaving = Leaving(tracker, judge, 60 * SECOND, 180 * SECOND, 10_000)
    flood = Flood(10_000)
    taken = early = 0
    while flood.sent < 2_000_000:
        now_ns = flood.turn()
        tracker.track(flood.column, flood.rows)
        for position in leaving.find(now_ns):
            leaving.take(position)
            taken += 1
        if flood.sent == 600_000:
            early = resident_bytes()
    assert resident_bytes() - early < 2_000_000
    assert tracker.connection_count == 2_000_000
    assert 2_000_000 - taken == tracker.connection_count - tracker.left_count
    assert 8_000 <= 2_000_000 - taken <= 10_000
    assert leaving.left == {"oldest": taken}
    assert judge.summary()["openings"] == {"unanswered": taken}


def test_syns_that_nobody_answers_leave_after_their_retries_and_those_seen_least_recently_first():
    stream, flood = Stream(max_connections=100), Flood(50)
    ids = []
    for _ in range(4):
        now_ns = flood.turn()
        stream.add(flood.column, flood.rows)
        ids += [each.id for each in stream.over(now_ns)]
    # Above the limit an eighth leaves at once: from 150 to 88, from 138 to 88.
    assert ids == list(range(112))
    assert (stream.count, stream.there, stream.left) == (200, 88, {"oldest": 112})
    assert list(stream.over(now_ns + 170 * SECOND)) == []
    gone = list(stream.over(now_ns + 181 * SECOND))
    assert [each.id for each in gone] == list(range(112, 200))
    assert {each.client.state for each in gone} == {"SYN_SENT"}
    assert stream.left == {"oldest": 112, "never-opened": 88}
    assert stream.summary.openings == {"unanswered": 200}


def test_the_rest_has_the_ids_and_the_summary_counts_all(tmp_path):
    path = str(write_pcap(tmp_path / "thrown.pcap", thrown(3)))
    passing = Passing(path, two_msl="1s")
    count = sum(1 for _ in passing)
    summary, whole = passing._stream.summary, analyse(path, two_msl="1s").summary
    assert count == summary.connections == whole.connections
    assert sum(summary.openings.values()) == count


def test_several_captures_name_their_frames_in_pairs_from_the_first_line_on(tmp_path):
    whole = frames("open; close; port 50000; SYN @80 >; < SYN-ACK; ACK >; close; quiet @200")
    paths = []
    for number, part in enumerate((whole[:9], whole[9:])):
        paths.append(str(tmp_path / f"part{number}.pcap"))
        (tmp_path / f"part{number}.pcap").write_bytes(capture_bytes(part))
    (tmp_path / "none.pcap").write_bytes(b"no capture")
    paths.append(str(tmp_path / "none.pcap"))
    passing = Passing(paths)
    assert msgspec.to_builtins(list(passing)) == msgspec.to_builtins(list(analyse(paths).connections))
    assert [fault.path for fault in passing.faults] == [paths[2]]
