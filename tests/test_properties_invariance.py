"""What must not matter: how the input is cut up, what the hosts are called, where the numbers and the clock begin.

Each test writes the same conversations in two ways and compares the whole reports, with only that normalised which was
changed on purpose.
"""

from __future__ import annotations

import functools
import importlib
import re
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from captures import write_pcap, write_pcapng
from conversations import profile, worlds
from endpoints import RST
from handshake_inspect import analyse
from handshake_inspect.capture import open_capture
from link import ADDRESSES, START_NS, Ends, World, packet

# The function of the same name hides the module.
journey = importlib.import_module("handshake_inspect.analysis")
SEVERAL = st.lists(worlds(), min_size=1, max_size=3)
Frames = list[tuple[int, bytes]]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as name:
        yield Path(name)


def ends_of(number: int) -> Ends:
    """Return the addresses and ports of conversation `number`."""
    return {"A": (ADDRESSES["A"][0], ADDRESSES["A"][1] + number), "B": ADDRESSES["B"]}


def together(
    conversations: list[World], shift: int = 0, family: int = 4, ends: Callable[[int], Ends] = ends_of
) -> Frames:
    """Return the frames of all conversations, by time."""
    found = [
        (seen.time_ns, number, seen.frame, packet(seen.sent, ends(number), shift, family))
        for number, world in enumerate(conversations)
        for seen in world.captured
    ]
    return [(START_NS + time_ns, data) for time_ns, _, _, data in sorted(found)]


def plain(*paths: Path) -> Any:
    """Return the report's connections and summary as JSON has them."""
    report = analyse([str(path) for path in paths])
    return msgspec.json.decode(msgspec.json.encode([list(report.connections), report.summary]))


def changed(value: Any, change: Callable[[str, Any], Any], key: str = "") -> Any:
    """Return `value` with every leaf replaced by change(key, leaf); `key` is that of the nearest object."""
    if isinstance(value, dict):
        return {name: changed(each, change, name) for name, each in value.items()}
    if isinstance(value, list):
        return [changed(each, change, key) for each in value]
    return change(key, value)


def without_numbers(key: str, leaf: Any) -> Any:
    """Take the numbers out of sentences."""
    return re.sub(r"\d+", "#", leaf) if key == "text" else leaf


@profile(80)
@given(conversations=SEVERAL, chunk=st.integers(1, 200), rows=st.integers(1, 9), ng=st.booleans())
def test_where_the_input_is_cut_into_chunks_and_batches_changes_nothing(folder, conversations, chunk, rows, ng):
    write = write_pcapng if ng else write_pcap
    keywords = {"link_types": (101,)} if ng else {"link_type": 101}
    path = write(folder / "whole", together(conversations), **keywords)
    whole = plain(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journey, "open_capture", functools.partial(open_capture, chunk=chunk, rows=rows))
        assert plain(path) == whole


LOW, HIGH = 0x01020304, 0xFEFDFCFB


@profile(80)
@given(
    conversations=SEVERAL,
    addresses=st.sampled_from(((LOW, HIGH), (HIGH, LOW), (LOW, LOW + 1), (LOW + 1, LOW), (LOW, LOW))),
    ports=st.sampled_from(((50000, 443), (32768, 22), (60000, 80))),
)
def test_what_the_hosts_and_ports_are_called_changes_nothing_else(folder, conversations, addresses, ports):
    def other_ends(number: int) -> Ends:
        return {"A": (addresses[0], ports[0] + number), "B": (addresses[1], ports[1])}

    def nameless(key: str, leaf: Any) -> Any:
        return None if key in ("address", "port", "community_id") else leaf

    first = plain(write_pcap(folder / "a.pcap", together(conversations), link_type=101))
    second = plain(write_pcap(folder / "b.pcap", together(conversations, ends=other_ends), link_type=101))
    assert changed(second, nameless) == changed(first, nameless)


@profile(80)
@given(conversations=SEVERAL, shift=st.sampled_from((1, 5, 6, 7, 1000, 2**31 - 1, 2**31, 2**31 + 9, 123_456_789)))
def test_where_the_sequence_numbers_begin_changes_nothing_else(folder, conversations, shift):
    # A RST that answers a SYN has SEQ 0 wherever the numbers begin, and elsewhere that might lie in a window.
    segments = [sent.segment for world in conversations for sent in world.sent]
    assume(not any(segment.flags & RST and segment.seq == 0 for segment in segments))

    def back(key: str, leaf: Any) -> Any:
        if key in ("isn", "expected", "seen") and leaf is not None:
            return leaf - shift & 0xFFFFFFFF
        return without_numbers(key, leaf)

    first = plain(write_pcap(folder / "a.pcap", together(conversations), link_type=101))
    second = plain(write_pcap(folder / "b.pcap", together(conversations, shift), link_type=101))
    assert changed(second, back) == changed(first, without_numbers)


@profile(80)
@given(conversations=SEVERAL, shift_ns=st.sampled_from((1, 999, -START_NS + 1, 10**18, 86_400 * 10**9)))
def test_when_it_was_changes_nothing_else(folder, conversations, shift_ns):
    absolute = ("first_time_ns", "last_time_ns", "time_ns", "start_ns", "syn_times_ns")

    def back(key: str, leaf: Any) -> Any:
        return leaf - shift_ns if key in absolute else leaf

    frames = together(conversations)
    first = plain(write_pcap(folder / "a.pcap", frames, link_type=101))
    later = [(time_ns + shift_ns, data) for time_ns, data in frames]
    assert changed(plain(write_pcap(folder / "b.pcap", later, link_type=101)), back) == first


# fmt: off
WRAPPINGS = (
    (1, lambda ip: bytes(12) + (b"\x08\x00" if ip[0] >> 4 == 4 else b"\x86\xdd") + ip),
    (1, lambda ip: bytes(12) + b"\x81\x00\x00\x07" + (b"\x08\x00" if ip[0] >> 4 == 4 else b"\x86\xdd") + ip),
    (0, lambda ip: struct.pack("<I", 2 if ip[0] >> 4 == 4 else 30) + ip),
    (12, lambda ip: ip),
    (113, lambda ip: bytes(14) + (b"\x08\x00" if ip[0] >> 4 == 4 else b"\x86\xdd") + ip),
    (276, lambda ip: (b"\x08\x00" if ip[0] >> 4 == 4 else b"\x86\xdd") + bytes(18) + ip),
)
# fmt: on


@profile(80)
@given(
    conversations=st.lists(worlds(doubled=False), min_size=1, max_size=2),
    wrapping=st.sampled_from(WRAPPINGS),
    family=st.sampled_from((4, 6)),
)
def test_what_carries_the_segments_changes_nothing_else(folder, conversations, wrapping, family):
    link_type, wrap = wrapping

    def nameless(key: str, leaf: Any) -> Any:
        return None if key in ("address", "community_id") else leaf

    first = plain(write_pcap(folder / "a.pcap", together(conversations), link_type=101))
    frames = [(time_ns, wrap(data)) for time_ns, data in together(conversations, family=family)]
    second = plain(write_pcap(folder / "b.pcap", frames, link_type=link_type))
    assert changed(second, nameless) == changed(first, nameless)


@profile(80)
@given(conversations=SEVERAL)
def test_pcap_and_pcapng_in_either_byte_order_give_the_same(folder, conversations):
    frames = together(conversations)
    first = plain(write_pcap(folder / "a.pcap", frames, link_type=101))
    assert plain(write_pcap(folder / "b.pcap", frames, link_type=101, order="big")) == first
    assert plain(write_pcapng(folder / "a.pcapng", frames, link_types=(101,))) == first
    numbered = [(time_ns, data, None, 1) for time_ns, data in frames]
    assert plain(write_pcapng(folder / "c.pcapng", numbered, link_types=(1, 101), order="big")) == first


@profile(80)
@given(conversations=SEVERAL, cut=st.integers(1, 40))
def test_a_capture_cut_in_two_files_is_the_same_capture(folder, conversations, cut):
    frames = together(conversations)
    assume(len(frames) > 1 and frames[0][0] < frames[-1][0])
    cut = min(cut, len(frames) - 1)
    assume(frames[cut][0] > frames[0][0])  # else the order of the files is not known

    def as_one(value: Any) -> Any:
        """Number the frames of the second file on from those of the first."""
        if isinstance(value, dict):
            if value.keys() == {"capture", "frame"}:
                return value["frame"] + cut * value["capture"]
            return {name: as_one(each) for name, each in value.items()}
        if isinstance(value, str):
            # A sentence names a frame of several captures as 1:17.
            return re.sub(r"\b([01]):(\d+)\b", lambda found: str(int(found[2]) + cut * int(found[1])), value)
        return [as_one(each) for each in value] if isinstance(value, list) else value

    whole = plain(write_pcap(folder / "whole.pcap", frames, link_type=101))
    first = write_pcap(folder / "first.pcap", frames[:cut], link_type=101)
    second = write_pcap(folder / "second.pcap", frames[cut:], link_type=101)
    for paths in ((first, second), (second, first)):
        assert changed(as_one(plain(*paths)), without_numbers) == changed(whole, without_numbers)
