"""netns.py: the wire between two real hosts carries, delays, loses and captures as it says."""

from __future__ import annotations

import pytest

from netns import ADDRESSES, SYN, Segment

pytestmark = pytest.mark.root

MILLISECOND = 1_000_000


def words(captured):
    """Spell a capture as (host that it travels to, flags, bytes)."""
    segments = [Segment.of("server" if frame[5] == 2 else "client", frame) for _, frame in captured]
    return [(segment.to, segment.flag_names, segment.length) for segment in segments]


def test_what_one_host_sends_the_other_receives(wire):
    client, server = wire.connect()
    client.sendall(b"question")
    assert server.recv(100) == b"question"
    server.sendall(b"answer")
    assert client.recv(100) == b"answer"
    assert client.getpeername() == (ADDRESSES["server"][client.family], 80)


def test_each_place_captures_every_segment_once_and_a_segment_takes_ten_milliseconds(wire):
    wire.connect()
    wire.stop()
    handshake = [("server", "SYN", 0), ("client", "SYN,ACK", 0), ("server", "ACK", 0)]
    assert [words(frames) for frames in wire.captured.values()] == [handshake] * 3
    syn_at_client, syn_at_middle, syn_at_server = (
        wire.captured[place][0][0] for place in ("client", "middle", "server")
    )
    assert 5 * MILLISECOND <= syn_at_middle - syn_at_client < 9 * MILLISECOND
    assert 10 * MILLISECOND <= syn_at_server - syn_at_client < 19 * MILLISECOND


@pytest.mark.slow
def test_a_lost_segment_is_captured_but_never_arrives(wire):
    wire.drop_once(lambda segment: segment.flags == SYN)
    wire.connect()
    wire.stop()
    syn = ("server", "SYN", 0)
    assert words(wire.captured["server"]) == [syn, syn, ("client", "SYN,ACK", 0), ("server", "ACK", 0)]


def test_a_capture_can_begin_late_and_ends_before_the_sockets_do(wire):
    client, _ = wire.connect()
    wire.forget()
    client.sendall(b"x")
    wire.settle()
    wire.stop()
    client.close()
    assert words(wire.captured["client"]) == [("server", "ACK", 1), ("client", "ACK", 0)]
