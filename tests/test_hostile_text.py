"""Text that others chose (names in a capture, the name of the file) does nothing to what shows it."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import xml.etree.ElementTree as ET

import pytest

from captures import write_pcap
from frames_by_hand import ethernet, ipv4, udp
from handshake_inspect.cli import COMMANDS as ROWS
from handshake_inspect.render.csv import FORMULA_STARTS
from messages import A, dns_name, dns_response, record
from promises import COMMANDS, is_tame, run
from wrappings import START_NS, frames

FILE = "-1+1 \x1b[31m\x1b]0;x\x07 \u202egpj\u2066 <script>alert(1)</script> | `x` @all [a](b) =1 %3B ]]> --> \x9b.pcap"
NAMES = ("-1-1", "\x1b[31mred", "<script>alert(1)<", "a|b`c@d[e]", "=1+1", "\u00e2\u0080\u00ae")
"""The last one is the bytes of U+202E."""
HOSTS = (bytes((192, 0, 2, 1)), bytes((198, 51, 100, 2)))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A capture with names that act, in a file whose name acts."""
    answers = [
        (START_NS, ethernet(ipv4(udp(dns_response(name, record(dns_name(name), A, host)), 5353, 53), 17)))
        for host in HOSTS
        for name in NAMES
    ]
    folder = tmp_path_factory.mktemp("hostile")
    return str(write_pcap(folder / FILE.replace("/", "\u2044"), [*answers, *frames("open; talk; RST >")]))


@pytest.fixture
def shown(path):
    """Run a command on the capture, with its names where it takes them; return what it prints."""

    def show(*words):
        named = () if words[0] == "doctor" and "json" in words else ("--names",)
        status, out, said = run((words[0], path, *words[1:], *named))
        assert status == 0, said
        is_tame(said, words[0])
        return out if "pcapng" in words else out.decode()

    return show


CSV = [("report",), ("ss",), ("time-wait",), ("why",), ("doctor",)]
"""The commands that write CSV of connections."""


@pytest.mark.parametrize("words", CSV, ids=lambda words: words[0])
def test_no_cell_of_a_spreadsheet_is_a_formula(shown, words):
    text = shown(*words, "--format", "csv")
    rows = list(csv.reader(io.StringIO(text)))
    assert all(len(row) == len(rows[0]) for row in rows)
    assert not [cell for row in rows for cell in row if cell.startswith(FORMULA_STARTS) and not cell.isdigit()]
    if words[0] in ("report", "ss", "why"):
        assert len(rows) > 1 and "'-1-1" in text
    is_tame(text, words[0])


TERMINAL = [words for words in COMMANDS if not {"json", "html", "csv", "extract"} & set(words)]


@pytest.mark.parametrize("words", TERMINAL, ids=" ".join)
def test_nothing_acts_on_a_terminal(path, words):
    status, out, said = run((words[0], path, *words[1:]))
    assert status in (0, 2)
    is_tame(out.decode(), words[0])
    is_tame(said, words[0])


def test_a_file_that_is_not_there_is_named_without_harm(tmp_path):
    status, out, said = run(("report", str(tmp_path / FILE.replace("/", "\u2044"))))
    assert (status, out) == (3, b"")
    is_tame(said, "report")
    assert "\\x1b[31m" in said and "\\u202e" in said


@pytest.mark.parametrize("words", [("html", "-o", "-"), ("walk", "--format", "html", "--explain")], ids=lambda w: w[0])
def test_nothing_in_a_page_becomes_a_tag_or_ends_a_script(shown, words):
    page = shown(*words)
    assert page.count("<script") == page.count("</script>")
    assert "<script>alert" not in page.lower()
    assert "alert(1)</script>" not in page
    is_tame(page, words[0])
    if words[0] == "html":
        assert html.escape("<script>alert(1)") in page or "\\u003c" in page or "\\u003C" in page


def test_a_drawing_is_whole_xml_with_nothing_but_its_own_elements(shown):
    root = ET.fromstring(shown("walk", "--format", "svg"))
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "script" not in names and "foreignObject" not in names
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]


def test_no_mark_of_markdown_is_left(shown):
    text = shown("report", "--format", "markdown")
    told = next(line for line in text.splitlines() if "alert(1)" in line)
    for mark in ("<script", "[a](b)", "@all", "`x`", "| "):
        assert mark not in re.sub(r"\\.", "", told)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        cells = [len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()]
        assert len(set(cells)) == 1


def test_a_diagram_has_no_line_of_its_own_from_a_name(shown):
    lines = shown("walk", "--format", "mermaid").splitlines()
    assert lines[0] == "sequenceDiagram"
    known = re.compile(r"    (%% |participant [CS] as |Note over [CS,]+: |[CS]->>[CS]: )")
    assert [line for line in lines[1:] if not known.match(line)] == []
    assert not any("<script" in line or ";" in line or "#" in line for line in lines[1:] if "%%" not in line)


@pytest.mark.parametrize(
    "words", [("report",), ("walk",), ("ss",), ("why",), ("time-wait",)], ids=lambda words: words[0]
)
def test_json_is_whole_and_keeps_what_was_there(shown, words):
    document = json.loads(shown(*words, "--format", "json"))
    if words[0] == "report":
        assert document["captures"][0]["path"].endswith(FILE.replace("/", "\u2044"))
        assert document["connections"][0]["server"]["names"][0] == "-1-1"


def test_every_command_that_shows_a_capture_is_among_these():
    """A new command has its text looked at here."""
    elsewhere = {"live", "schema", "findings", "check", "extract"}
    assert {words[0] for words in COMMANDS} | elsewhere >= set(ROWS)
