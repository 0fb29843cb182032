"""The second pass: the segments of chosen connections, as they were captured."""

from __future__ import annotations

from pathlib import Path

import pytest

from handshake_inspect import UsageError, analyse
from handshake_inspect.segments import segments_of

SAMPLES = Path(__file__).resolve().parent.parent / "sample_pcaps"


@pytest.mark.parametrize("capture", sorted(SAMPLES.glob("*/capture.pcap")), ids=lambda path: path.parent.name)
def test_every_segment_is_found_under_its_connections_number(capture):
    report = analyse(str(capture))
    found = list(segments_of(str(capture), range(len(report.connections))))
    for connection in report.connections:
        ends = {connection.client.address, connection.server.address}
        mine = [segment for segment in found if segment.connection == connection.id and not segment.is_icmp]
        sides = (connection.client, connection.server)
        assert len(mine) == sum(side.segments + side.duplicates for side in sides)
        assert all({segment.source, segment.target} == ends for segment in mine)
    assert [segment.frame for segment in found] == sorted(segment.frame for segment in found)


def test_only_the_chosen_connections_segments_come(tmp_path):
    paths = [str(SAMPLES / name / "capture.pcap") for name in ("refused", "reset", "ipv6")]
    connections = analyse(paths).connections
    found = list(segments_of(paths, [1]))
    assert {segment.connection for segment in found} == {1}
    assert len(found) == connections[1].client.segments + connections[1].server.segments


def test_standard_input_is_refused():
    with pytest.raises(UsageError) as refusal:
        list(segments_of("-", [0]))
    assert str(refusal.value) == "standard input cannot be read twice: save it to a file first"
