"""The report for a ticket or a pull request: the same facts as the table, as GitHub shows Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from handshake_inspect.render import Style, facts
from handshake_inspect.render.columns import COLUMNS
from handshake_inspect.render.selection import Selection
from handshake_inspect.render.text import counted

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")
"""What could start a mark, a link, HTML or a new cell."""


def escaped(text: str) -> str:
    """The text so that Markdown shows it as it is, also inside a cell of a table."""
    return SPECIAL.sub(r"\\\1", text.replace("\n", " ").replace("&", "&amp;")).replace("@", "&#64;")


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> Iterator[str]:
    """The lines of a table; `right` numbers the columns that are aligned to the right."""
    yield f"| {' | '.join(title.replace(chr(10), ' ') for title in titles)} |"
    yield f"|{'|'.join('---:' if place in right else '---' for place in range(len(titles)))}|"
    for row in rows:
        yield f"| {' | '.join(escaped(cell) for cell in row)} |"


def write(selection: Selection, out: TextIO, style: Style) -> None:
    """Captures, counts, findings, endpoints left over, then at most as many connections as the table shows."""
    for line in _lines(selection, style):
        out.write(line + "\n")


def _lines(selection: Selection, style: Style) -> Iterator[str]:
    yield "## TCP connections"
    yield ""
    for head, faults in facts.captures_in_words(selection, utc=style.utc):
        yield f"- {escaped(head)}"
        yield from (f"  - **fault** {escaped(fault)}" for fault in faults)
    yield ""
    yield f"**{facts.shown_of(selection)}**"
    if not len(selection):
        return
    yield ""
    for name, words in facts.how_they_went(selection.summary):
        yield f"- {name}: {escaped(words)}"
    yield ""
    yield "### Findings"
    yield ""
    rows = facts.finding_rows(selection)
    if rows:
        # GitHub would link "#3" to the third issue.
        cells = [(r.severity, r.id, f"{r.connections:,}", r.example.replace("#", "id "), r.text) for r in rows]
        yield from table(("severity", "finding", "connections", "first", "what it means"), cells, right=(2,))
    else:
        yield "Nothing wrong was found."
    yield from _left_over(selection)
    yield from _connections(selection)


def _left_over(selection: Selection) -> Iterator[str]:
    rows = facts.left_over(selection.summary)
    if not rows:
        return
    yield ""
    yield "### Endpoints left at the end of the capture"
    yield ""
    cells = [(f"{number:,}", state, sentence) for state, number, sentence in rows]
    yield from table(("endpoints", "state", "what it means"), cells, right=(0,))


def _connections(selection: Selection) -> Iterator[str]:
    shown = facts.rows_to_show(selection)
    yield ""
    yield "### Connections"
    yield ""
    right = [place for place, column in enumerate(COLUMNS) if column.align == "right"]
    titles = [column.title for column in COLUMNS]
    yield from table(titles, ([column.cell(connection) for column in COLUMNS] for connection in shown), right)
    if len(selection) > len(shown):
        yield ""
        yield f"{len(shown)} of {counted(len(selection), 'connection')}, the worst first; `--format csv` has all."
