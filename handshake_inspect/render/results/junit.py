"""Results as JUnit XML: a suite for each capture, a case for each expectation.

The schema is Ant's, as windyroad's JUnit.xsd writes it down, which Jenkins, GitLab and the others read.  A broken
expectation is a failure; one that cannot be judged, and a capture that cannot be read, is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TextIO
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from handshake_inspect.expect.result import Result, Verdict
from handshake_inspect.render import Style
from handshake_inspect.render.results import words
from handshake_inspect.render.text import clean

KINDS = {"broken": "failure", "unjudged": "error"}
SECOND_NS = 1_000_000_000


def write(verdicts: Sequence[Verdict], out: TextIO, style: Style) -> None:
    """One document.  A suite's time stamp is that of the capture's first frame."""
    root = Element("testsuites")
    for number, verdict in enumerate(verdicts):
        _suite(root, number, verdict)
    indent(root)
    out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    ElementTree(root).write(out, encoding="unicode", xml_declaration=False, short_empty_elements=True)
    out.write("\n")


def _suite(root: Element, number: int, verdict: Verdict) -> None:
    name = clean(verdict.capture)
    suite = SubElement(
        root,
        "testsuite",
        name=name,
        package="handshake-inspect",
        id=str(number),
        timestamp=datetime.fromtimestamp((verdict.first_time_ns or 0) // SECOND_NS, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        hostname="localhost",
        tests=str(len(verdict.results) + len(verdict.faults)),
        failures=str(verdict.count("broken")),
        errors=str(verdict.count("unjudged") + len(verdict.faults)),
        skipped="0",
        time="0",
    )
    SubElement(suite, "properties")
    for result in verdict.results:
        case = SubElement(suite, "testcase", name=words.title(result), classname=name, time="0")
        if result.outcome != "held":
            _failure(case, result)
    for fault in verdict.faults:
        case = SubElement(suite, "testcase", name="the capture can be read", classname=name, time="0")
        SubElement(case, "error", message=clean(fault), type="cannot be read").text = clean(fault)
    SubElement(suite, "system-out")
    SubElement(suite, "system-err")


def _failure(case: Element, result: Result) -> None:
    lines = [words.sentence(each, result) for each in result.cases]
    more = words.left_out(result)
    text = "\n".join([f"{words.place(result)}: {result.key}", *lines, *([more] if more else [])])
    failure = SubElement(
        case, KINDS[result.outcome], message=lines[0] if lines else result.expected, type=words.OUTCOMES[result.outcome]
    )
    failure.text = text
