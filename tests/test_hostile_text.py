"""Text that others chose (names in a capture, the name of the file) does nothing to what shows it."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import xml.etree.ElementTree as ET
from typing import NamedTuple
from urllib.parse import unquote

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


TERMINAL = [words for words in COMMANDS if not {"json", "html", "csv", "extract", "--expect"} & set(words)]


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


ACTS = "\x1b]0;x\x07\u202e\n::error file=a%0A::b,c:d]]>&amp;<failure> [a](https:b) {0}\x9b"
CLEANED = r"\x1b]0;x\x07\u202e\x0a::error file=a%0A::b,c:d]]>&amp;<failure> [a](https:b) {0}\x9b"
"""A name that acts on a terminal, in the lines of GitHub Actions, in XML and in a SARIF viewer, and how it is shown."""
BROKEN = 1
NOISE = b"no capture at all"
EXPECTATION = """
[[expect]]
name = "{}"
closing = "four-way"
opening = "three-way"
"""
"""Of a capture that begins mid-stream and ends with a RST: the one is broken, the other cannot be judged."""


class Judged(NamedTuple):
    """A broken capture, a file that is none, and the file of expectations, as `check` is given them."""

    capture: str
    noise: str
    expect: str


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Three files in one folder, where the names of all and that of the rule act."""
    folder = tmp_path_factory.mktemp("judged") / f"{ACTS}.d"
    folder.mkdir()
    capture = write_pcap(folder / f"{ACTS}.pcap", frames("talk; RST >"))
    noise, expect = folder / f"{ACTS}.cap", folder / f"{ACTS}.toml"
    noise.write_bytes(NOISE)
    rule = "".join(c if c.isascii() and c.isprintable() else f"\\u{ord(c):04x}" for c in ACTS)
    expect.write_text(EXPECTATION.format(rule), "utf-8")
    return Judged(str(capture), str(noise), str(expect))


@pytest.fixture
def results(judged):
    """Run `check` on them; return what it prints."""

    def print_as(format):
        asked = ("check", judged.capture, judged.noise, "--expect", judged.expect, "--format", format)
        status, out, said = run(asked)
        assert status == BROKEN, said
        is_tame(said, "check")
        is_tame(out.decode(), format)
        return out.decode()

    return print_as


def cleaned(path):
    return path.replace(ACTS, CLEANED)


def test_check_as_text_does_nothing_to_a_terminal(results, judged):
    folded = "".join(results("text").split())
    for path in judged:
        assert "".join(cleaned(path).split()) in folded


@pytest.mark.parametrize("name", ["::error file=a::b.pcap", "\u00a0::add-mask::b.pcap", f"{'a' * 84} ::error::b.pcap"])
def test_no_line_of_check_as_text_is_a_command_to_github(tmp_path, monkeypatch, name):
    """The runner obeys `::command ...::` at the start of any line, behind blanks too."""
    monkeypatch.chdir(tmp_path)
    write_pcap(tmp_path / name, frames("talk; RST >"))
    (tmp_path / f"{name}.cap").write_bytes(NOISE)
    (tmp_path / "expect.toml").write_text(EXPECTATION.format(name), "utf-8")
    status, out, said = run(("check", name, f"{name}.cap"))
    assert (status, said) == (BROKEN, "")
    assert [line for line in out.decode().splitlines() if line.lstrip().startswith("::")] == []
    assert "\\x3a:" in out.decode()


def test_check_as_json_is_whole_and_keeps_what_was_there(results, judged):
    broken, unreadable = json.loads(results("json"))["captures"]
    assert (broken["capture"], unreadable["capture"]) == (judged.capture, judged.noise)
    assert {(result["rule"], result["file"]) for result in broken["results"]} == {(ACTS, judged.expect)}


def test_check_as_junit_is_whole_xml_with_nothing_but_its_own_elements(results, judged):
    root = ET.fromstring(results("junit"))
    assert [suite.get("name") for suite in root] == [cleaned(judged.capture), cleaned(judged.noise)]
    assert [case.get("name") for case in root.iter("testcase")] == [
        f"closing ({CLEANED})", f"opening ({CLEANED})", "the capture can be read",
    ]  # fmt: skip
    (failure,) = root.iter("failure")
    assert failure.text.startswith(f"{cleaned(judged.expect)}:4: closing\n")


def test_check_as_sarif_has_the_names_as_plain_text_and_in_uris(results, judged):
    (ran,) = json.loads(results("sarif"))["runs"]
    closing, opening, unreadable = ran["results"]
    for result, path in ((closing, judged.capture), (opening, judged.capture), (unreadable, judged.noise)):
        text = result["message"]["text"]
        assert text.startswith(cleaned(path).replace("](", "]\\("))
        assert "](" not in text
    for result, path in ((closing, judged.expect), (opening, judged.expect), (unreadable, judged.noise)):
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"file:///[\w.~%/-]+", uri, re.ASCII)
        assert unquote(uri) == f"file://{path}"


def test_check_as_annotations_has_one_line_for_each_and_no_other_property(results, judged):
    lines = results("github").splitlines()
    told = [re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line).groups() for line in lines]
    assert [level for level, _, _ in told] == ["error", "error", "warning", "notice"]
    names = [[word.partition("=")[0] for word in properties.split(",")] for _, properties, _ in told]
    assert names == [["file", "line", "title"], ["file", "title"], ["file", "line", "title"], ["title"]]
    undone = [(unquote(properties), text.replace("%25", "%")) for _, properties, text in told]
    assert undone[0][0] == f"file={cleaned(judged.expect)},line=4,title=closing ({CLEANED}) broken"
    assert undone[0][1].startswith(f"{cleaned(judged.capture)}, #0 ")
    assert undone[1][1].startswith(f"{cleaned(judged.noise)}: not a packet capture")
    assert "%0A" not in "".join(lines)


def test_every_command_that_shows_a_capture_is_among_these():
    """A new command has its text looked at here."""
    elsewhere = {"live", "schema", "findings", "extract"}
    assert {words[0] for words in COMMANDS} | elsewhere >= set(ROWS)
