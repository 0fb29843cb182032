"""The page as a text: one file, its data safe inside it, its charts counted right."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from pathlib import Path

import pytest

import handshake_inspect.render.page as page
from handshake_inspect.render import Style
from handshake_inspect.render.page import as_json, write
from handshake_inspect.render.page.charts import INSTANTS, Charts
from handshake_inspect.render.page.rows import COLUMNS
from handshake_inspect.render.selection import Selection
from reports import MS, START_NS, FakeReport, capture, connection, mixed, refused

VENDOR = Path(page.__file__).parent / "vendor"


def written(report, **choices):
    out = io.StringIO()
    write(Selection(report), out, Style(utc=True), **choices)
    return out.getvalue()


def data_of(text):
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


@pytest.fixture(autouse=True)
def findings_are_ours(monkeypatch):
    import sys

    import fake_cli

    monkeypatch.setitem(sys.modules, "handshake_inspect.verdict.findings",
                        fake_cli.modules()["handshake_inspect.verdict.findings"])  # fmt: skip


def test_the_page_without_its_assets(golden):
    text = re.sub(r"<(script|style)>.*?</\1>", r"<\1></\1>", written(mixed()), flags=re.DOTALL)
    golden("render-page.html", re.sub(r"'sha256-[^']*'", "HASH", text))


def test_the_page_names_nothing_outside_of_itself():
    text = re.sub(r"<(script|style)>.*?</\1>", "", written(mixed()), flags=re.DOTALL)
    assert re.findall(r'(?:src|href|action|data)="(?!#|data:,")[^"]*"', text) == []


def test_the_policy_allows_exactly_the_scripts_and_styles_of_the_page():
    text = written(mixed())
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    for name in ("script", "style"):
        bodies = re.findall(rf"<{name}>(.*?)</{name}>", text, re.DOTALL)
        hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(b.encode()).digest()).decode()}'" for b in bodies]
        assert f"; {name}-src {' '.join(hashes)};" in policy
    assert policy.startswith("default-src 'none';")


def test_text_cannot_end_the_data():
    text = str(as_json(["</script><!--<script>&\u2028\u2029"]))
    assert text == '["\\u003c/script\\u003e\\u003c!--\\u003cscript\\u003e\\u0026\\u2028\\u2029"]'
    assert json.loads(text) == ["</script><!--<script>&\u2028\u2029"]


def test_a_path_is_escaped():
    text = written(FakeReport([connection()], [capture('</title><script>alert("x")</script>.pcap')]))
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;.pcap") == 2


def test_every_column_has_every_connection():
    columns = data_of(written(mixed()))["columns"]
    assert list(columns) == list(COLUMNS)
    assert {len(column) for column in columns.values()} == {4}


def test_beyond_so_many_the_worst_are_held_and_the_page_says_so():
    text = written(FakeReport([connection(id) for id in range(50)] + [refused(50)]), most=10)
    assert data_of(text)["columns"]["id"] == [*range(9), 50]
    assert "The table has 10 of 51 connections" in text
    assert "The table has" not in written(mixed())


def test_a_finding_whose_connection_is_not_held_is_no_link():
    text = written(FakeReport([refused(0), *(refused(id) for id in range(1, 5))]), most=1)
    assert 'href="#connection-0"' in text
    worst_last = FakeReport([connection(0, findings=refused(0).findings), mixed().connections[2]])
    assert 'href="#connection-0"' not in written(worst_last, most=1)


def test_nothing_at_all_is_a_page_too():
    text = written(FakeReport([], [capture(first_time_ns=None, last_time_ns=None, frames=0)]))
    assert "Nothing wrong was found." in text
    assert data_of(text)["columns"]["id"] == []


def test_states_are_counted_while_they_last():
    charts = Charts(START_NS, START_NS + 2000 * MS)
    charts.add(connection())
    data = charts.data()
    step = 2000 * MS // INSTANTS
    established = data["states"]["ESTABLISHED"]
    assert established[12_250_000 // step - 1 : 12_250_000 // step + 1] == [0, 2]
    assert established[1500 * MS // step : 1500 * MS // step + 2] == [2, 0]
    assert data["states"]["CLOSE_WAIT"][160] == 1
    assert data["time_wait"]["at_most"][-1] == 1
    assert data["traffic"] == {
        "opened": [1] + [0] * (INSTANTS - 1), "failed": [0] * INSTANTS, "closed": [0] * (INSTANTS - 1) + [1],
        "reset": [0] * INSTANTS,
    }  # fmt: skip
    assert data["handshakes"] == [[pytest.approx(10**7), 1]]


def test_bounds_of_time_wait_are_kept_apart():
    charts = Charts(START_NS, START_NS + 120_000 * MS)
    charts.add(connection())
    waits = charts.data()["time_wait"]
    assert sum(waits["at_least"]) == 1
    assert sum(waits["at_most"]) == 60_000 // (120_000 // INSTANTS) + 1


def test_the_library_is_the_version_that_its_notice_says():
    notice = (VENDOR / "README.md").read_text()
    (version,) = re.findall(r"\| ([0-9.]+) \| MIT", notice)
    assert f"uPlot (v{version})" in (VENDOR / "uPlot.iife.min.js").read_text()[:200]
    assert (VENDOR / "LICENSE").read_text().startswith("The MIT License")
