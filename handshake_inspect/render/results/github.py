"""Results as workflow commands of GitHub Actions, which become annotations of a run and of a pull request.

The runner takes one command a line; it undoes %25, %0D and %0A in a message, and %3A and %2C too in a property
(actions/toolkit, packages/core/src/command.ts).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from handshake_inspect.expect.result import Verdict
from handshake_inspect.render import Style
from handshake_inspect.render.results import words
from handshake_inspect.render.text import clean

SHOWN_MAX = 10
"""GitHub shows ten errors and ten warnings of a step, and drops the others without a word."""
LEVELS = {"broken": "error", "unjudged": "warning"}

Note = tuple[str, dict[str, str], str]


def write(verdicts: Sequence[Verdict], out: TextIO, style: Style) -> None:
    """The first annotations of each level; the last that GitHub would show counts the others."""
    notes = list(_notes(verdicts))
    for level in ("error", "warning"):
        own = [note for note in notes if note[0] == level]
        shown = own if len(own) <= SHOWN_MAX else own[: SHOWN_MAX - 1]
        out.writelines(map(command, shown))
        if len(own) > len(shown):
            text = f"and {len(own) - len(shown):,} more, which GitHub would not show"
            out.write(command((level, {"title": "handshake-inspect check"}, text)))
    out.write(command(("notice", {"title": "handshake-inspect check"}, words.tally(verdicts))))


def _notes(verdicts: Sequence[Verdict]) -> Iterator[Note]:
    for verdict in verdicts:
        capture = clean(verdict.capture)
        for fault in verdict.faults:
            yield "error", {"file": capture, "title": "capture cannot be read"}, clean(fault)
        for result in verdict.results:
            where = {"file": clean(result.file)}
            if result.line is not None:
                where["line"] = str(result.line)
            for case in result.cases:
                what = {"title": f"{words.title(result)} {words.OUTCOMES[case.outcome]}"}
                yield LEVELS[case.outcome], where | what, f"{capture}, {words.sentence(case, result)}"
            more = words.left_out(result)
            if more is not None:
                yield LEVELS[result.outcome], where | {"title": words.title(result)}, f"{capture}: {more}"


def command(note: Note) -> str:
    """One workflow command, with everything escaped that would end it or its properties."""
    level, properties, message = note
    spelled = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {spelled}::{_message(message)}\n"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
