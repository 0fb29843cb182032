"""Instants as people name them."""

from __future__ import annotations

import pytest

from handshake_inspect.errors import UsageError
from handshake_inspect.looks.instant import instant_ns
from looking import recorded

FIRST_NS = 1_772_359_205_250_000_000
"""2026-03-01 10:00:05.25 UTC."""
LOOKS = (
    "--at takes +12.5 (seconds into the capture; +250ms), frame:17 (frame:1:17 of several captures), 10:00:05.25, "
    "'2026-03-01 10:00:05' or seconds since 1970; not "
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+0", FIRST_NS),
        ("+12.5", FIRST_NS + 12_500_000_000),
        ("+250ms", FIRST_NS + 250_000_000),
        ("+0.000000001", FIRST_NS + 1),
        ("+2min", FIRST_NS + 120_000_000_000),
        ("1772359205.25", FIRST_NS),
        ("10:00:05.250000001", FIRST_NS + 1),
        ("9:00:05.25", FIRST_NS - 3_600_000_000_000),
        ("2026-03-01 10:00:05.25", FIRST_NS),
        ("2026-03-01T10:00:05.25Z", FIRST_NS),
        ("2026-03-01 11:00:05.25+01:00", FIRST_NS),
        ("2026-03-01 10:00", FIRST_NS - 5_250_000_000),
    ],
)
def test_times_are_read_to_the_nanosecond(text, expected):
    assert instant_ns(text, ["web.pcap"], FIRST_NS, utc=True) == expected


@pytest.mark.parametrize("text", ["", "12.5", "+", "+1 year", "25:00:00", "2026-02-30 10:00:00", "frame:x", "+-1"])
def test_anything_else_is_refused_with_what_is_possible(text):
    with pytest.raises(UsageError) as refusal:
        instant_ns(text, ["web.pcap"], FIRST_NS, utc=True)
    assert str(refusal.value) == LOOKS + f"'{text}'"


def test_a_frame_is_its_time(tmp_path):
    path, report = recorded(tmp_path, "SYN @0 >; < SYN-ACK @1; ACK @2 >")
    first = report.captures[0].first_time_ns
    assert [instant_ns(f"frame:{n}", [path], 0, utc=True) - first for n in (1, 2, 3)] == [0, 10**9, 2 * 10**9]
    assert instant_ns("frame:1:2", [path, path], 0, utc=True) == first + 10**9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frame:4", "--at frame:4: {path} has 3 frames, counted from 1"),
        ("frame:0", "--at frame:0: {path} has 3 frames, counted from 1"),
        ("frame:1:1", "--at frame:1:1: captures are numbered 0 to 0"),
    ],
)
def test_a_frame_that_is_not_there_is_refused(tmp_path, text, message):
    path, _ = recorded(tmp_path, "open")
    with pytest.raises(UsageError) as refusal:
        instant_ns(text, [path], 0, utc=True)
    assert str(refusal.value) == message.format(path=path)


def test_a_frame_of_standard_input_is_refused():
    with pytest.raises(UsageError) as refusal:
        instant_ns("frame:1", ["-"], 0, utc=True)
    assert str(refusal.value) == "--at frame:N: standard input cannot be read twice; save it to a file first"
