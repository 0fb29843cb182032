"""Single values as people read them."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handshake_inspect.render import text
from handshake_inspect.report import FrameOf
from reports import endpoint

DURATIONS = (
    # ns                      text
    (None,                    "-"),
    (0,                       "0 s"),
    (1,                       "1 ns"),
    (999,                     "999 ns"),
    (1_000,                   "1.00 us"),
    (12_345,                  "12.3 us"),
    (999_499,                 "999 us"),
    (999_500,                 "1.00 ms"),
    (12_345_678,              "12.3 ms"),
    (2_010_000_000,           "2.01 s"),
    (59_990_000_000,          "60.0 s"),
    (60_000_000_000,          "1 min"),
    (83_400_000_000,          "1 min 23 s"),
    (7_500_000_000_000,       "2 h 5 min"),
    (86_400_000_000_000 * 3,  "3 d"),
    (-1_500_000,              "-1.50 ms"),
)  # fmt: skip


@pytest.mark.parametrize(("nanoseconds", "expected"), DURATIONS)
def test_a_duration_has_three_figures_and_a_unit(nanoseconds, expected):
    assert text.duration(nanoseconds) == expected


@given(st.integers(1, 59 * 10**9))
def test_a_short_duration_is_right_to_three_figures(nanoseconds):
    number, unit = text.duration(nanoseconds).split(" ")
    shown = float(number) * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[unit]
    assert abs(shown - nanoseconds) <= nanoseconds * 0.005 + 1e-6


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (1_460_000, "1.46 MB"), (999_999_999_999, "1.00 TB")],
)
def test_a_size_is_in_decimal_units(count, expected):
    assert text.size(count) == expected


@pytest.mark.parametrize(
    ("nanoseconds", "decimals", "expected"),
    [(0, 6, "0.000000"), (12_250_999, 6, "0.012250"), (-1, 9, "-0.000000001"), (61 * 10**9, 6, "61.000000")],
)
def test_seconds_are_cut_as_wireshark_cuts_them(nanoseconds, decimals, expected):
    assert text.seconds(nanoseconds, decimals) == expected


def test_a_clock_in_utc_says_so():
    assert text.clock(1_772_359_200_123_456_789, utc=True) == "2026-03-01 10:00:00.123456 UTC"


def test_a_clock_in_local_time_names_its_offset(monkeypatch):
    if not hasattr(time, "tzset"):
        pytest.skip("this system cannot change its time zone")
    monkeypatch.setenv("TZ", "AAA-05:30")
    time.tzset()
    try:
        assert text.clock(1_772_359_200_000_000_000, utc=False) == "2026-03-01 15:30:00.000000+05:30"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_ipv6_address_stands_in_brackets_and_is_cut_in_the_middle():
    end = endpoint("2001:db8:85a3::8a2e:370:7334", 40000)
    assert text.address(end) == "[2001:db8:85a3::8a2e:370:7334]:40000"
    assert text.address(end, 24) == "[2001:db..70:7334]:40000"
    assert text.address(endpoint("10.0.0.1", 80), 24) == "10.0.0.1:80"


def test_frames_of_several_captures_name_the_capture():
    assert text.frame_number(FrameOf(capture=1, frame=17)) == "1:17"
    assert text.frame_list([3]) == "frame 3"
    assert text.frame_list([1, FrameOf(capture=2, frame=3)]) == "frames 1, 2:3"
    assert text.frame_list(range(1, 12)) == "frames 1, 2, 3, 4, 5, 6, 7, 8 and 3 more"


def test_counts_begin_with_the_most_frequent_and_leave_out_zeros():
    assert text.counts({"refused": 1, "three-way": 1200, "split": 0}) == "1,200 three-way, 1 refused"
    assert text.counts({}) == "-"
    assert text.counts({"none": 2}, {"none": "never opened"}) == "2 none (never opened)"


def test_unsafe_characters_are_spelled_out():
    assert text.clean("a\x1b[31mb\x9bc\u202ed\u2066e\ud800f\x7f\n\u00e9") == (
        r"a\x1b[31mb\x9bc\u202ed\u2066e\ud800f\x7f\x0a" + "\u00e9"
    )


@given(st.text())
def test_nothing_clean_can_act_on_a_terminal(raw):
    assert not {unicodedata.category(character) for character in text.clean(raw)} & text.UNSAFE_CATEGORIES
