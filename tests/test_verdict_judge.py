"""All connections judged by two threads: the same report as by one."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest

from captures import write_pcap
from frames_by_hand import ACK, B4, RST, SYN, ethernet, ipv4, tcp
from handshake_inspect.analysis import analyse
from handshake_inspect.verdict import judge


def segment(client: bytes, flags: int, *, back: bool = False, **numbers: int) -> bytes:
    """Return a frame between a client and the server, towards it or `back`."""
    ends: dict[str, Any] = {"src": B4, "dst": client} if back else {"src": client, "dst": B4}
    ports = {"sport": 443, "dport": 49152} if back else {"sport": 49152, "dport": 443}
    return ethernet(ipv4(tcp(flags, **ends, **ports, **numbers), ip_id=0, **ends))


def conversations(count: int) -> list[tuple[int, bytes]]:
    """Return the frames of `count` connections: every third opens, and the server's ISNs follow a clock without a
    secret; the others are refused, but for one in three of the second half, which nobody answers."""
    frames = []
    for number in range(count):
        client, isn = struct.pack(">I", 0x0A000000 + number), number * 7919
        found = [segment(client, SYN, seq=isn)]
        if number % 3 == 0:
            found.append(segment(client, SYN | ACK, back=True, seq=number * 250, ack=isn + 1))
            found.append(segment(client, ACK, seq=isn + 1, ack=number * 250 + 1))
        elif number % 3 == 1 or number < count // 2:
            found.append(segment(client, RST | ACK, back=True, seq=0, ack=isn + 1))
        frames += [(number * 1_000_000 + place, frame) for place, frame in enumerate(found)]
    return frames


def test_two_threads_judge_as_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(write_pcap(tmp_path / "many.pcap", conversations(15_000)))
    reports = []
    for cores in (1, 2):
        monkeypatch.setattr(judge, "cores", lambda cores=cores: cores)
        reports.append(analyse(path))
    one, two = reports
    assert one.summary == two.summary
    assert one.summary.openings == {"three-way": 5000, "refused": 7500, "unanswered": 2500}
    assert one.summary.findings["isn-predictable"] == 5000
    for finding in ("isn-predictable", "refused", "unanswered"):
        assert one.first_with(finding) == two.first_with(finding)
    assert (one.first_with("unanswered"), one.first_with("refused")) == (7502, 1)
    assert one.worst(20_000) == two.worst(20_000)
    assert msgspec.json.encode(one.connections[7490:7510]) == msgspec.json.encode(two.connections[7490:7510])
