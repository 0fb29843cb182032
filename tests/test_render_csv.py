"""CSV: one flat row a connection, which a spreadsheet cannot mistake for a formula."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handshake_inspect.render import Style
from handshake_inspect.render.csv import COLUMNS, FORMULA_STARTS, cell, write
from handshake_inspect.render.selection import Selection
from reports import FakeReport, mixed


def rendered(report):
    out = io.StringIO()
    write(Selection(report), out, Style())
    return out.getvalue()


def test_the_rows_are_stable(golden):
    golden("render-mixed.csv", rendered(mixed()))


def test_an_unknown_value_is_an_empty_cell():
    rows = list(csv.DictReader(io.StringIO(rendered(mixed()))))
    assert rows[1]["server_isn"] == ""
    assert rows[1]["handshake_ns"] == ""
    assert rows[3]["findings"] == "half-closed;refused"


def test_no_connection_leaves_the_names_alone():
    assert rendered(FakeReport([])) == ",".join(column.name for column in COLUMNS) + "\n"


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_a_cell_that_would_be_a_formula_gets_an_apostrophe(start):
    assert str(cell(start + "1+1")).startswith("'")


@given(st.text())
def test_no_text_starts_as_a_formula(text):
    assert not str(cell(text)).startswith(FORMULA_STARTS)


def test_a_number_stays_a_number():
    assert cell(-5) == -5
