"""Results in every format: each as its schema says, and nothing from a capture or a file name acts in it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema

from handshake_inspect.errors import CaptureError
from handshake_inspect.expect.judge import judge
from handshake_inspect.expect.load import loads
from handshake_inspect.expect.result import Verdict, unreadable, worst
from handshake_inspect.render import Style
from handshake_inspect.render.results import RESULTS, format_of
from handshake_inspect.render.results.github import SHOWN_MAX
from handshake_inspect.render.results.json import schema
from handshake_inspect.render.results.sarif import uri
from wrappings import play

SCHEMAS = Path(__file__).parent / "schemas"
EVIL = 'a\x1b[31m\r\n::error::b%,:c\u202e<x>&"]]>\ud800\ufffe.pcap'
RULE = 'name = "%,:\\u001b[31m ::warning:: <&\\" \\n"'


def verdicts() -> list[Verdict]:
    """One that holds, one broken, one that cannot be judged, one that cannot be read; with hostile names."""
    expectations = loads(
        f'[[expect]]\n{RULE}\nopening = "three-way"\nclosing = "four-way"\nmax.handshake.p95 = "1 ms"\n', EVIL
    )
    return [
        judge(play("open; talk; close"), loads('[[expect]]\nopening = "three-way"'), capture="good.pcap"),
        judge(play("open; talk; < RST"), expectations, capture=EVIL),
        judge(play("mid; talk"), loads('[[expect]]\nopening = "three-way"\ncount = 1'), capture="poor.pcap"),
        unreadable("none.pcap", CaptureError(EVIL, "record says 60 bytes, 12 are left", offset=99, frame=3)),
    ]


def written(format: str, found: list[Verdict], width: int = 100) -> str:
    out = io.StringIO()
    RESULTS[format].load()(found, out, Style(width=width))
    return out.getvalue()


@pytest.mark.parametrize("format", RESULTS)
def test_each_format_is_as_it_was(golden, format):
    golden(f"results.{format}", written(format, verdicts()))


@pytest.mark.parametrize("format", RESULTS)
def test_nothing_that_comes_from_outside_acts(format):
    text = written(format, verdicts())
    text.encode("utf-8")
    unsafe = {character for character in text if not character.isprintable()} - {"\n"}
    assert unsafe == set()


@pytest.mark.parametrize("found", [verdicts(), verdicts()[:1], []], ids=["all", "held", "none"])
def test_junit_is_as_the_schema_says(found):
    document = xmlschema.XMLSchema(SCHEMAS / "JUnit.xsd")
    document.validate(written("junit", found))


def test_junit_counts_what_it_holds():
    suites = list(ElementTree.fromstring(written("junit", verdicts())))
    assert [[suite.get(name) for name in ("tests", "failures", "errors")] for suite in suites] == [
        ["1", "0", "0"], ["3", "2", "0"], ["2", "0", "1"], ["1", "0", "1"],
    ]  # fmt: skip
    for suite in suites:
        assert [len(suite.findall(f".//{what}")) for what in ("testcase", "failure", "error")] == [
            int(suite.get(name)) for name in ("tests", "failures", "errors")
        ]


@pytest.mark.parametrize("found", [verdicts(), verdicts()[:1], []], ids=["all", "held", "none"])
def test_sarif_is_as_the_schema_says(found):
    document = json.loads((SCHEMAS / "sarif-schema-2.1.0.json").read_text())
    jsonschema.Draft4Validator(document, format_checker=jsonschema.FormatChecker()).validate(
        json.loads(written("sarif", found))
    )


def test_sarif_says_open_where_nothing_can_be_judged():
    (run,) = json.loads(written("sarif", verdicts()))["runs"]
    kinds = [(result["ruleId"], result["kind"], result["level"]) for result in run["results"]]
    assert kinds == [
        ("closing", "fail", "error"), ("max.handshake.p95", "fail", "error"), ("opening", "open", "none"),
        ("capture-unreadable", "fail", "error"),
    ]  # fmt: skip
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {kind for kind, _, _ in kinds}
    prints = [result["partialFingerprints"]["expectation/v1"] for result in run["results"][:3]]
    assert len(set(prints)) == 3


def test_a_path_is_a_uri():
    assert uri("a b/c%.pcap") == "a%20b/c%25.pcap"
    assert uri("/a b.pcap") == "file:///a%20b.pcap"
    assert uri("caf\udce9.pcap") == "caf%E9.pcap"
    assert uri("-") == "stdin"


@pytest.mark.parametrize("found", [verdicts(), []], ids=["all", "none"])
def test_json_is_as_its_schema_says(found):
    jsonschema.validate(json.loads(written("json", found)), schema())


def test_the_escapes_of_a_workflow_command_are_undone_by_the_runner():
    """As actions/runner parses them: ActionCommand.TryParseV2, with its two tables of escapes."""
    line = next(line for line in written("github", verdicts()).splitlines() if "closing" in line)
    head, _, message = line[2:].partition("::")
    level, _, properties = head.partition(" ")
    undone = {}
    for pair in properties.split(","):
        name, _, value = pair.partition("=")
        for escaped, plain in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            value = value.replace(escaped, plain)
        undone[name] = value
    assert level == "error"
    assert set(undone) == {"file", "line", "title"}
    assert undone["line"] == "4"
    assert undone["title"] == 'closing (%,:\\x1b[31m ::warning:: <&" \\x0a) broken'
    assert "expected four-way; seen reset by the server in ESTABLISHED" in message
    assert "%25" in message


def test_github_shows_as_many_as_it_can_and_counts_the_others():
    ladder = "; ".join(f"port {50000 + number}; SYN >; < RST-ACK" for number in range(30))
    found = judge(play(ladder), loads('[[expect]]\nopening = "three-way"\n'), capture="x.pcap")
    lines = written("github", [found]).splitlines()
    errors = [line for line in lines if line.startswith("::error")]
    assert len(errors) == SHOWN_MAX
    assert errors[-1] == "::error title=handshake-inspect check::and 21 more, which GitHub would not show"
    assert lines[-1] == "::notice title=handshake-inspect check::1 capture: 1 broken"


def test_many_failures_stay_on_a_screen():
    ladder = "; ".join(f"port {50000 + number}; SYN >; < RST-ACK" for number in range(300))
    found = judge(play(ladder), loads('[[expect]]\nopening = "three-way"\n'), capture="x.pcap")
    text = written("text", [found])
    assert len(text.splitlines()) < 40
    assert "and 295 more cases; --format json has up to 100 of each key\n" in text


def test_the_ending_of_a_file_says_its_format():
    assert [format_of(name) for name in ("a.XML", "b.sarif", "c.json", "d.txt", "e.pcap")] == [
        "junit", "sarif", "json", "text", None,
    ]  # fmt: skip


def test_what_is_broken_is_worse_than_what_cannot_be_known():
    assert worst(["held", "unjudged", "unreadable", "broken"]) == "broken"
    assert worst(["held", "unjudged", "unreadable"]) == "unreadable"
    assert worst(["unjudged", "held"]) == "unjudged"
    assert worst([]) == "held"
