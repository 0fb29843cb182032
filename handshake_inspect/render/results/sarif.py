"""Results as SARIF 2.1.0: a result for each case, at the line of the expectation, with the capture beside it.

`kind` is "fail" for a broken expectation and "open" for one that cannot be judged: SARIF's word (section 3.27.9) for
too little information to decide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any, TextIO
from urllib.parse import quote

from handshake_inspect.expect.keys import sentence_of
from handshake_inspect.expect.result import Case, Result, Verdict
from handshake_inspect.render import Style
from handshake_inspect.render.results import words
from handshake_inspect.render.results.json import dumps
from handshake_inspect.render.text import clean, frame_list

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"broken": ("fail", "error"), "unjudged": ("open", "none")}
UNREADABLE = "capture-unreadable"


def write(verdicts: Sequence[Verdict], out: TextIO, style: Style) -> None:
    """One log with one run."""
    results = [result for verdict in verdicts for result in _results(verdict)]
    keys = sorted({result["ruleId"] for result in results})
    driver = {"name": "handshake-inspect", "rules": [_rule(key) for key in keys]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    out.write(dumps(log) + "\n")


def _rule(key: str) -> dict[str, Any]:
    text = "The capture can be read to its end." if key == UNREADABLE else _capital(sentence_of(key))
    return {"id": key, "shortDescription": {"text": text}, "defaultConfiguration": {"level": "error"}}


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _results(verdict: Verdict) -> Iterator[dict[str, Any]]:
    for fault in verdict.faults:
        yield {
            "ruleId": UNREADABLE,
            "kind": "fail",
            "level": "error",
            "message": {"text": plain(fault)},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(verdict.capture)}}}],
        }
    for result in verdict.results:
        for number, case in enumerate(result.cases):
            yield _result(verdict, result, case, number)


def _result(verdict: Verdict, result: Result, case: Case, number: int) -> dict[str, Any]:
    kind, level = LEVELS[case.outcome]
    capture = {"physicalLocation": {"artifactLocation": {"uri": uri(verdict.capture)}}}
    frames = {"message": {"text": frame_list(case.frames) if case.frames else "no frame"}}
    expectation = {"artifactLocation": {"uri": uri(result.file)}, "region": {"startLine": result.line or 1}}
    identity = "\n".join((verdict.capture, result.file, result.rule, result.key, str(number)))
    return {
        "ruleId": result.key,
        "kind": kind,
        "level": level,
        "message": {"text": plain(f"{verdict.capture}, {words.sentence(case, result)}")},
        "locations": [{"physicalLocation": expectation}],
        "relatedLocations": [{"id": 0, **capture, **frames}],
        "partialFingerprints": {
            "expectation/v1": hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()
        },
    }


def plain(text: str) -> str:
    r"""A text without a link: a viewer makes one of `[text](address)` (section 3.11.6), not of `[text]\(address)`."""
    return clean(text).replace("](", "]\\(")


def uri(path: str) -> str:
    """A path as a URI: relative when it is, so that a checkout elsewhere finds it."""
    if path == "-":
        return "stdin"
    place = PurePath(path)
    return place.as_uri() if place.is_absolute() else quote(place.as_posix().encode("utf-8", "surrogateescape"))
