"""A 4-tuple that showed one SYN is kept small; nobody can tell from the report."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captures import write_pcap
from frames_by_hand import A4, A6, ACK, B4, B6, FIN, PSH, RST, SYN, ethernet, ipv4, ipv6, tcp
from handshake_inspect.analysis import Report, analyse
from handshake_inspect.columns import segment_column
from handshake_inspect.track.tracker import Tracker
from handshake_inspect.verdict.judge import Judge

ISN = 0xFFFFFFF0
URG, ECE, CWR, AE = 0x20, 0x40, 0x80, 0x100
SECOND = 10**9
FULL_SYN = bytes.fromhex("020405b40103030a0402080a0000000100000000")


def segment(family: int, back: bool = False, **settings: Any) -> bytes:
    """Return a frame of one 4-tuple, towards the server or `back`."""
    client, server = (A4, B4) if family == 4 else (A6, B6)
    ports = {"sport": 443, "dport": 49152} if back else {"sport": 49152, "dport": 443}
    source, target = (server, client) if back else (client, server)
    data = tcp(src=source, dst=target, **ports, **settings)
    if family == 4:
        return ethernet(ipv4(data, src=source, dst=target, ip_id=0))
    return ethernet(ipv6(data, src=source, dst=target), 0x86DD)


SYN_1 = {"flags": SYN, "seq": ISN, "options": FULL_SYN}
SECOND_SEGMENTS = {
    "nothing": [],
    "the SYN again": [(SECOND, {**SYN_1})],
    "a mirrored copy": [(1000, {**SYN_1})],
    "a SYN with another ISN": [(SECOND, {"flags": SYN, "seq": 77})],
    "a SYN with data": [(SECOND, {**SYN_1, "payload": b"x"})],
    "a SYN-ACK": [(SECOND, {"back": True, "flags": SYN | ACK, "seq": 5, "ack": ISN + 1, "options": FULL_SYN})],
    "a SYN-ACK, and the rest": [
        (SECOND, {"back": True, "flags": SYN | ACK, "seq": 5, "ack": ISN + 1, "options": FULL_SYN}),
        (SECOND, {"flags": ACK, "seq": ISN + 1, "ack": 6}),
        (SECOND, {"flags": FIN | ACK, "seq": ISN + 1, "ack": 6}),
        (SECOND, {"back": True, "flags": FIN | ACK, "seq": 6, "ack": ISN + 2}),
        (SECOND, {"flags": ACK, "seq": ISN + 2, "ack": 7}),
    ],
    "a wrong SYN-ACK": [(SECOND, {"back": True, "flags": SYN | ACK, "seq": 5, "ack": 99})],
    "a SYN from the other end": [(SECOND, {"back": True, "flags": SYN, "seq": 5})],
    "a refusal": [(SECOND, {"back": True, "flags": RST | ACK, "seq": 0, "ack": ISN + 1})],
    "a RST of its own": [(SECOND, {"flags": RST, "seq": ISN + 1})],
    "an ACK": [(SECOND, {"flags": ACK, "seq": ISN + 1, "ack": 6})],
    "data": [(SECOND, {"flags": PSH | ACK, "seq": ISN + 1, "ack": 6, "payload": b"GET"})],
    "a FIN": [(SECOND, {"flags": FIN | ACK, "seq": ISN + 1, "ack": 6})],
    "a time before": [(-SECOND, {**SYN_1})],
}


def report(path: Path, family: int, steps: list[tuple[int, dict[str, Any]]]) -> Report:
    """Return the report on a capture of `steps`: how long after the step before, and the segment."""
    frames, time_ns = [], 1000 * SECOND
    for wait, settings in steps:
        time_ns += wait
        frames.append((time_ns, segment(family, **settings)))
    return analyse(str(write_pcap(path / f"{family}.pcap", frames)))


def without_addresses(found: Report) -> list[dict[str, Any]]:
    """Return the connections as plain data, without what the family of the addresses changes."""
    import msgspec

    rows = [msgspec.to_builtins(connection) for connection in found.connections]
    for row in rows:
        del row["interop"]["community_id"], row["client"]["address"], row["server"]["address"]
    return rows


@pytest.mark.parametrize("name", SECOND_SEGMENTS)
def test_an_ipv4_syn_gives_the_report_that_ipv6_gives_which_is_never_kept_small(tmp_path: Path, name: str) -> None:
    steps = [(0, SYN_1), *SECOND_SEGMENTS[name]]
    four, six = report(tmp_path, 4, steps), report(tmp_path, 6, steps)
    assert without_addresses(four) == without_addresses(six)
    assert four.summary == six.summary
    assert four.worst(9) == six.worst(9)


def test_an_icmp_error_finds_the_syn_that_it_quotes(tmp_path: Path) -> None:
    syn = segment(4, **SYN_1)
    quote = struct.pack(">BBHI", 3, 13, 0, 0) + syn[14 : 14 + 28]
    error = ethernet(ipv4(quote, protocol=1, src=bytes((192, 0, 2, 254)), dst=A4))
    found = analyse(str(write_pcap(tmp_path / "icmp.pcap", [(0, syn), (SECOND, error)])))
    (connection,) = found.connections
    assert (connection.opening.kind, connection.opening.icmp.frame) == ("failed", 2)
    assert [step.event for step in connection.client.transitions] == ["snd SYN", "rcv ICMP error"]


def flood(count: int) -> list[tuple[int, bytes]]:
    """Return a SYN from each of `count` addresses, a microsecond apart."""
    frames = []
    for number in range(count):
        source = struct.pack(">I", 0x0A000000 + number)
        frames.append((number * 1000, ethernet(ipv4(tcp(src=source, seq=number), src=source, ip_id=0))))
    return frames


def test_connections_keep_the_order_of_their_syns_whatever_comes_later(tmp_path: Path) -> None:
    frames = flood(5000)
    answered = [4999, 7, 2500]
    for wait, number in enumerate(answered):
        target = struct.pack(">I", 0x0A000000 + number)
        answer = tcp(SYN | ACK, src=B4, dst=target, sport=443, dport=49152, seq=1, ack=number + 1)
        frames.append((SECOND + wait, ethernet(ipv4(answer, src=B4, dst=target, ip_id=0))))
    frames += [(2 * SECOND, frame) for _, frame in flood(5001)[5000:]]
    found = analyse(str(write_pcap(tmp_path / "flood.pcap", frames)))
    assert [connection.id for connection in found.connections] == list(range(5001))
    assert [connection.client.isn for connection in found.connections] == list(range(5001))
    assert [c.id for c in found.connections if c.opening.kind == "half-open"] == sorted(answered)
    assert found.summary.openings == {"unanswered": 4998, "half-open": 3}
    assert found.summary.findings["unanswered"] == 4998
    assert found.summary.final_states["SYN_SENT"] == 5001
    assert found.worst(3) == [0, 1, 2]


@pytest.mark.slow
def test_200_000_connections_are_all_there(tmp_path: Path) -> None:
    count = 200_000
    frames = []
    for time_ns, frame in flood(count):
        frames.append((time_ns, frame))
        if time_ns % 2000 == 0:
            # Every second one is answered, so that the tables of both kinds grow.
            source = frame[26:30]
            answer = tcp(SYN | ACK, src=B4, dst=source, sport=443, dport=49152, seq=1, ack=time_ns // 1000 + 1)
            frames.append((time_ns + 500, ethernet(ipv4(answer, src=B4, dst=source, ip_id=0))))
    found = analyse(str(write_pcap(tmp_path / "many.pcap", frames)))
    assert found.summary.openings == {"unanswered": count // 2, "half-open": count // 2}
    for number in (0, 1, 99_999, 131_072, 199_998, 199_999):
        connection = found.connections[number]
        assert (connection.id, connection.client.isn) == (number, number)
        assert connection.opening.kind == ("unanswered" if number % 2 else "half-open")


@pytest.mark.parametrize("bits", [0, PSH, URG, ECE, CWR, AE, PSH | URG | ECE | CWR | AE])
@pytest.mark.parametrize("scale", [0, 14])
def test_a_flood_costs_no_more_with_any_other_control_bit_and_none_is_lost(bits, scale):
    column = segment_column(2)
    rows = np.asarray(column)
    rows.view(np.uint8)[:] = 0
    rows["kind"], rows["family"], rows["flags"], rows["src_port"] = 1, 4, SYN | bits, [5, 6]
    rows["window_scale"], rows["options"], rows["frame"] = scale, 2 | 64, [3 << 40 | 7, 3 << 40 | 8]
    tracker = Tracker()
    tracker.track(column, 2)
    assert (tracker.embryo_count, tracker.row_count) == (2, 0)
    view = Judge(tracker, 0, 1).view(1)
    time_ns, frame, _, _, _, _, _, flags, *_ = view["evidence"][0]
    assert (time_ns, frame, flags) == (0, 3 << 40 | 8, SYN | bits)
    assert (view["flow"][0]["window_scale"], view["flow"][0]["options"]) == (scale, 2 | 64)
