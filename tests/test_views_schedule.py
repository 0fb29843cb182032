"""When a SYN is sent again, and whose timetable that is."""

import pytest

from handshake_inspect.views.schedule import TIMETABLES, TOLERANCE, schedule_fits

OLD_LINUX, NEW_LINUX, BSD, OLD_WINDOWS = (table.name for table in TIMETABLES)


@pytest.mark.parametrize("table", TIMETABLES, ids=lambda table: table.name)
def test_every_timetable_fits_itself_and_runs_late_within_the_tolerance(table):
    for factor in (1.0, 1 + TOLERANCE / 2, 1 - TOLERANCE / 2):
        assert table.name in schedule_fits(tuple(round(gap * factor * 1e9) for gap in table.gaps))


@pytest.mark.parametrize("table", TIMETABLES, ids=lambda table: table.name)
def test_a_gap_beyond_the_tolerance_fits_no_more(table):
    gaps = [round(gap * 1e9) for gap in table.gaps]
    gaps[-1] = round(gaps[-1] * (1 + TOLERANCE * 1.1))
    assert table.name not in schedule_fits(tuple(gaps))


@pytest.mark.parametrize(
    ("seconds", "fits"),
    [
        ((1,), (OLD_LINUX, NEW_LINUX, BSD)),
        ((1, 2), (OLD_LINUX,)),
        ((1.03, 2.05, 4.1), (OLD_LINUX,)),
        ((1, 1, 1), (NEW_LINUX, BSD)),
        ((3, 6), (OLD_WINDOWS,)),
        ((3, 6, 12), ()),
        ((0.2,), ()),
        ((1, 2, 4, 8, 16, 32, 64), ()),
    ],
)
def test_gaps_name_the_systems_that_they_fit(seconds, fits):
    assert schedule_fits(tuple(round(second * 1e9) for second in seconds)) == fits
