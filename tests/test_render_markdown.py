"""Markdown: the same facts, and nothing in them can become a mark."""

import io
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_cli import modules
from handshake_inspect.render import Style
from handshake_inspect.render.markdown import escaped, write
from handshake_inspect.render.selection import Selection
from reports import FakeReport, capture, connection, mixed


@pytest.fixture(autouse=True)
def made_up_findings(monkeypatch):
    for name, module in modules().items():
        monkeypatch.setitem(sys.modules, name, module)


def rendered(report, **choice):
    out = io.StringIO()
    write(Selection(report, **choice), out, Style(utc=True))
    return out.getvalue()


def test_the_report_is_stable(golden):
    golden("render-mixed.md", rendered(mixed()))


def test_a_long_report_shows_the_worst_and_says_so():
    text = rendered(FakeReport([connection(id) for id in range(21)]))
    assert text.endswith("\n20 of 21 connections, the worst first; `--format csv` has all.\n")


def test_nothing_chosen_leaves_the_head():
    assert rendered(mixed(), keep=lambda one: False).endswith("\n\n**0 of 4 connections**\n")


def test_a_path_cannot_open_a_cell_a_link_or_a_mention():
    text = rendered(FakeReport([], [capture("a|[b](c)<img>@team.pcap")]))
    assert "- a\\|\\[b\\](c)\\<img\\>&#64;team.pcap: 12 frames" in text


@given(st.text())
def test_no_mark_is_left_unescaped(text):
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_{}\[\]<>|~\n@]", escaped(text))
