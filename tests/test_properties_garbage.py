"""Segments that no endpoint would send: any flags, numbers around the edges, in any order.

Nothing is known of what is true here, but what the report says must hold together.
"""

from __future__ import annotations

import struct
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from captures import write_pcap
from conversations import profile
from endpoints import LETTERS, ahead
from handshake_inspect import Report, analyse
from handshake_inspect.report import Connection, Endpoint
from handshake_inspect.rfc9293.states import TRANSITIONS

ARROWS = {(arrow.state.name, arrow.event.text, arrow.next_state.name) for arrow in TRANSITIONS}
COMMON = (0x02, 0x12, 0x10, 0x10, 0x18, 0x11, 0x11, 0x04, 0x14)
EDGES = (0, 1, 2, 99, 100, 101, 102, 103, 200, 2**31 - 1, 2**31, 2**31 + 100, 2**32 - 2, 2**32 - 1)
MSS_AND_SCALE = b"\x02\x04\x05\xb4\x01\x03\x03\x07"


class Thrown(NamedTuple):
    """One segment: the endpoint that sends it (False: the one with the lower address), and what it says."""

    upper: bool
    flags: int
    seq: int
    ack: int
    length: int
    window: int
    gap_ms: int
    options: bytes

    def __repr__(self) -> str:
        flags = ",".join(name for bit, name in LETTERS if self.flags & bit) + f" {self.flags:#04x}"
        arrow = "   <-- 80" if self.upper else "40000 -->"
        return (
            f"\n+{self.gap_ms:>5} ms {arrow} {flags:<18} seq={self.seq} ack={self.ack} len={self.length}"
            f" window={self.window} options={self.options.hex()}"
        )

    @property
    def data(self) -> bytes:
        source, destination, ports = (2, 1, (80, 40000)) if self.upper else (1, 2, (40000, 80))
        offset = 5 + len(self.options) // 4
        tcp = struct.pack("!HHIIBBHHH", *ports, self.seq, self.ack, offset << 4, self.flags, self.window, 0, 0)
        tcp += self.options + bytes(self.length)
        return struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, source, destination) + tcp


# fmt: off
THROWN = st.tuples(
    st.booleans(), st.one_of(st.sampled_from(COMMON), st.integers(0, 255)), st.sampled_from(EDGES),
    st.sampled_from(EDGES), st.sampled_from((0, 0, 0, 1, 2, 1000)), st.sampled_from((0, 1, 1000, 65535)),
    st.sampled_from((0, 1, 5, 1000, 30_000, 61_000, -3)), st.sampled_from((b"", MSS_AND_SCALE)),
).map(lambda drawn: Thrown(*drawn))
# fmt: on


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as name:
        yield Path(name)


def report_on(folder: Path, thrown: list[Thrown]) -> Report:
    frames, at_ms = [], 10**12
    for segment in thrown:
        at_ms += segment.gap_ms
        frames.append((at_ms * 1_000_000, segment.data))
    return analyse(str(write_pcap(folder / "thrown.pcap", frames, link_type=101)))


def check_endpoint(endpoint: Endpoint, upper: bool, thrown: list[Thrown]) -> None:
    steps = endpoint.transitions
    for step in steps:
        assert (step.from_, step.event, step.to) in ARROWS
        assert (step.confirmed_by is not None) == (step.certainty == "confirmed")
        assert (step.frame is None) == (step.certainty == "assumed")
        for frame in (step.frame, step.earliest_frame, step.confirmed_by):
            assert frame is None or 1 <= frame <= len(thrown)
        if step.certainty == "observed":
            assert thrown[step.frame - 1].upper == upper
        if step.certainty == "confirmed":
            assert thrown[step.confirmed_by - 1].upper == upper
            assert thrown[step.frame - 1].upper != upper
        if step.earliest_frame is not None:
            assert thrown[step.earliest_frame - 1].upper != upper
    for before, after in pairwise(steps):
        assert before.to == after.from_
    if steps:
        assert steps[-1].to == endpoint.state
    if endpoint.state is None:
        assert not steps and not endpoint.time_in_state_ns
    assert all(time_ns >= 0 for time_ns in endpoint.time_in_state_ns.values())
    passed_through = {step.from_ for step in steps} | {endpoint.state}
    assert endpoint.time_in_state_ns.keys() <= passed_through


def check_connection(connection: Connection, thrown: list[Thrown]) -> None:
    ends = {"client": connection.client, "server": connection.server}
    for endpoint in ends.values():
        check_endpoint(endpoint, endpoint.port == 80, thrown)
    for check in connection.checks:
        assert 1 <= check.frame <= len(thrown)
        assert thrown[check.frame - 1].flags & 16
        if check.name == "ack continues from syn":
            assert check.seen == thrown[check.frame - 1].seq
        else:
            assert check.seen == thrown[check.frame - 1].ack
        assert check.ok or check.seen != check.expected
        assert not check.ok or ahead(check.expected, check.seen) >= 0
    for stay in connection.time_wait:
        assert "TIME_WAIT" in [step.to for step in ends[stay.holder].transitions]
        if stay.at_least_ns is not None and stay.at_most_ns is not None:
            assert stay.at_least_ns <= stay.at_most_ns
    if connection.closing.kind in ("none", "open"):
        assert connection.closing.first is None and connection.closing.reset_by is None
    else:
        assert connection.closing.first is not None
    assert 1 <= connection.first_frame <= connection.last_frame <= len(thrown)
    assert connection.first_time_ns <= connection.last_time_ns


RESET, SYN, FIN_ACK = 4, 2, 17
TIME_WAIT_THAT_BEGINS_AFTER_THE_NEXT_SYN = [
    *(Thrown(False, flags, seq, 0, 0, 0, 0, b"") for flags, seq in [(RESET, 0), (RESET, 0), (FIN_ACK, 2**32 - 2)]),
    *(Thrown(False, SYN, 0, 0, 0, 0, 0, b"") for _ in range(3)),
    Thrown(False, 16, 0, 2**31 + 100, 0, 0, 0, b""),
    Thrown(True, SYN, 0, 0, 0, 0, 0, b""),
    Thrown(False, 18, 2, 0, 0, 0, 0, b""),
    Thrown(False, FIN_ACK, 0, 0, 0, 0, 1, b""),
    Thrown(True, 25, 100, 0, 0, 0, 0, b""),
]


@profile(400)
@given(thrown=st.lists(THROWN, min_size=1, max_size=30))
@example(thrown=TIME_WAIT_THAT_BEGINS_AFTER_THE_NEXT_SYN)
def test_what_the_report_says_of_garbage_holds_together(folder, thrown):
    report = report_on(folder, thrown)
    connections = list(report.connections)
    for connection in connections:
        check_connection(connection, thrown)
    (capture,) = report.captures
    counters = capture.counters
    assert sum(getattr(counters, name) for name in counters.__struct_fields__) == capture.frames == len(thrown)
    ends = [end for connection in connections for end in (connection.client, connection.server)]
    assert sum(end.segments + end.duplicates for end in ends) == counters.tcp == len(thrown)
    summary = report.summary
    assert summary.connections == len(connections)
    assert summary.openings == Counter(connection.opening.kind for connection in connections)
    assert summary.closings == Counter(connection.closing.kind for connection in connections)
    assert summary.final_states == Counter(end.state for end in ends if end.state)
    assert summary.findings == Counter(
        name for connection in connections for name in {finding.id for finding in connection.findings}
    )
