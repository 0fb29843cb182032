"""Results for people: each connection that did not pass once, with what was expected and what was seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TextIO

from handshake_inspect.expect.result import Case, Result, Verdict
from handshake_inspect.render import Style
from handshake_inspect.render.folding import wrap
from handshake_inspect.render.paint import Paint, painter, wrapped
from handshake_inspect.render.results import words
from handshake_inspect.render.text import clean, counted, frame_list

HELD_MAX = 20
"""More captures that pass than this are only counted."""
CAPTURES_MAX = 10
SUBJECTS_MAX = 5
"""Captures that did not pass are shown in full, and connections of each, up to so many."""
ROOMY = 60
"""A terminal with less columns than this has no room for a second indent."""

# fmt: off
HEADS = {
    "held":       ("ok",    "ok"),
    "broken":     ("FAIL",  "error"),
    "unreadable": ("ERROR", "error"),
    "unjudged":   ("?",     "warning"),
}
# fmt: on
COMMAND = re.compile(r"^([^\S\n]*):(?=:[A-Za-z][\w-]*(?: .*)?::)", re.MULTILINE)
"""The start of a line that a runner of GitHub Actions would obey, whatever blanks are before it."""
Told = tuple[Result, Case]


def write(verdicts: Sequence[Verdict], out: TextIO, style: Style) -> None:
    """The captures that passed, a line each; then the others, in full; then how many of each."""
    paint = painter(style)
    held = [verdict for verdict in verdicts if verdict.outcome == "held"]
    others = [verdict for verdict in verdicts if verdict.outcome != "held"]
    blocks: list[list[str]] = []
    if held and len(held) <= HELD_MAX:
        blocks.append([line for verdict in held for line in _head(verdict, style, paint)])
    blocks += [list(_capture(verdict, style, paint)) for verdict in others[:CAPTURES_MAX]]
    if len(others) > CAPTURES_MAX:
        blocks.append([line for verdict in others[CAPTURES_MAX:] for line in _head(verdict, style, paint)])
    if len(verdicts) > 1:
        blocks.append([words.tally(verdicts)])
    text = "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks)
    out.write(COMMAND.sub(r"\1\\x3a", text) + "\n")


def _head(verdict: Verdict, style: Style, paint: Paint) -> Iterator[str]:
    """`FAIL   web.pcap: 2 of 12 expectations broken, 3 cannot be judged`."""
    word, colour = HEADS[verdict.outcome]
    text = f"{clean(verdict.capture)}: {_counts(verdict)}"
    yield from wrapped(paint(f"{word:<5}", colour) + "  ", " " * 7, text, style.width, 7)


def _counts(verdict: Verdict) -> str:
    total = len(verdict.results)
    if not total:
        return "cannot be read"
    over = f"over {counted(verdict.connections, 'connection')}"
    if verdict.outcome == "held":
        return f"{counted(total, 'expectation')} {'holds' if total == 1 else 'hold'} {over}"
    broken, unjudged = verdict.count("broken"), verdict.count("unjudged")
    parts = [f"{broken:,} broken"] * bool(broken) + [f"{unjudged:,} cannot be judged"] * bool(unjudged)
    parts += [f"{total - broken - unjudged:,} held"]
    return f"{', '.join(parts)} of {counted(total, 'expectation')} {over}"


def _capture(verdict: Verdict, style: Style, paint: Paint) -> Iterator[str]:
    yield from _head(verdict, style, paint)
    for fault in verdict.faults:
        yield from wrapped("  ", "    ", clean(fault), style.width)
    subjects: dict[str, list[Told]] = {}
    for result in verdict.results:
        for case in result.cases:
            subjects.setdefault(_subject(result, case), []).append((result, case))
    # What is broken first; within that the order of the file.
    order = sorted(subjects, key=lambda name: all(case.outcome == "unjudged" for _, case in subjects[name]))
    for name in order[:SUBJECTS_MAX]:
        yield ""
        yield from wrapped("  ", "    ", paint(name, "title"), style.width)
        yield from _told(subjects[name], style, paint)
    more = sum(result.broken + result.unjudged for result in verdict.results) - sum(
        len(subjects[name]) for name in order[:SUBJECTS_MAX]
    )
    if more:
        yield ""
        yield from wrapped("  ", "    ", f"and {counted(more, 'more case')}; --format json has up to 100 of each key",
                           style.width)  # fmt: skip


def _subject(result: Result, case: Case) -> str:
    recorded = f", by {clean(result.file)}" if result.line is None else ""
    if case.connection is not None:
        return words.connection(case.connection) + recorded
    return f"all that match {clean(result.rule)}" if result.line is not None else f"not there{recorded}"


def _told(told: Sequence[Told], style: Style, paint: Paint) -> Iterator[str]:
    """The broken ones each with both sides; those that cannot be judged by what is lacking."""
    left = " " * (12 if style.width >= ROOMY else 6)
    for result, case in told:
        if case.outcome == "broken":
            frames = f" [{frame_list(case.frames)}]" if case.frames else ""
            yield f"    {paint('broken', 'error')}  {result.key}{frames}"
            sides = [("expected", case.expected), ("seen", case.seen), ("rule", words.place(result))]
            if result.line is None:
                # A baseline is named with the connection; it has no line to look at.
                sides = [("recorded", case.expected), ("seen", case.seen)]
            for name, text in sides:
                yield from wrap(f"{left}{name:<10}{clean(text)}", style.width, indent=" " * (len(left) + 10))
    reasons: dict[str, list[Told]] = {}
    for result, case in told:
        if case.outcome == "unjudged":
            reasons.setdefault(case.because or "", []).append((result, case))
    for because, unjudged in reasons.items():
        keys = ", ".join(dict.fromkeys(result.key for result, _ in unjudged))
        frames = f" [{frame_list(unjudged[0][1].frames)}]" if unjudged[0][1].frames else ""
        text = f"{keys} cannot be judged: {clean(because)}{frames}"
        first, *others = wrap(f"    ?{'':{len(left) - 5}}{text}", style.width, indent=left)
        yield from (first.replace("?", paint("?", "warning"), 1), *others)
