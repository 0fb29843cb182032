"""The default report: one screen that says what opened, how it closed and what is wrong, then a row a connection.

With one connection, or with the connections of `--stream`, every step of both endpoints is shown as well.
Nothing of the layout is decided by what a terminal happens to be: width and colour come in with the style.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from handshake_inspect.render import Style, detail, facts
from handshake_inspect.render.columns import Column, fitting, width_of, worst_finding
from handshake_inspect.render.grid import tabulate
from handshake_inspect.render.paint import Paint, painter, wrapped
from handshake_inspect.render.selection import SEVERITIES, Selection, rank
from handshake_inspect.render.text import address, clean, counted, frame_list

if TYPE_CHECKING:
    from handshake_inspect.report import CaptureInfo, Connection


def write(selection: Selection, out: TextIO, style: Style) -> None:
    """Write the report; every line ends in a newline and holds no control character but colour."""

    for line in _lines(selection, style, painter(style)):
        out.write(line.rstrip() + "\n")


def _lines(selection: Selection, style: Style, paint: Paint) -> Iterator[str]:
    yield from _captures(selection, style, paint)
    if not len(selection):
        yield ""
        yield paint(facts.shown_of(selection), "title")
        return
    if len(selection) == 1 or selection.by_stream:
        decimals = _decimals(selection.captures)
        start_ns = _start_ns(selection)
        for connection in selection:
            yield ""
            yield from _one(connection, start_ns, decimals, style, paint)
        return
    yield from _summary(selection, style, paint)
    yield from _findings(selection, style, paint)
    yield from _left_over(selection, style, paint)
    yield ""
    yield from _connections(selection, style, paint)


def _captures(selection: Selection, style: Style, paint: Paint) -> Iterator[str]:
    for head, faults in facts.captures_in_words(selection, utc=style.utc):
        yield from wrapped("", "  ", head, style.width)
        for fault in faults:
            yield from wrapped(paint("  fault  ", "error"), " " * 9, fault, style.width, 9)


def _summary(selection: Selection, style: Style, paint: Paint) -> Iterator[str]:
    yield ""
    yield paint(facts.shown_of(selection), "title")
    for name, words in facts.how_they_went(selection.summary):
        yield from wrapped("", " " * 16, f"  {name:<12}  {words}", style.width)


def _findings(selection: Selection, style: Style, paint: Paint) -> Iterator[str]:
    rows = facts.finding_rows(selection)
    yield ""
    if not rows:
        yield paint("nothing wrong was found", "ok")
        return
    wrong = [row for row in rows if row.severity != "note"]
    title, colour = ("findings", "title") if wrong else ("nothing wrong was found; worth a note", "ok")
    where = " (in how many connections, and where first)"
    yield from wrapped(paint(title, colour), "  ", where, style.width, len(title))
    shown = rows[: facts.FINDINGS_MAX]
    cells = [(row.severity, clean(row.id), f"{row.connections:,}", row.example) for row in shown]
    wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left_width = sum(wide) + 2 * (len(wide) + 1)
    if left_width - 2 > style.width:
        wide = [wide[0], 0, 0, 0]
    for row, (severity, id, number, example) in zip(shown, cells, strict=True):
        left = f"  {paint(severity.ljust(wide[0]), severity)}  {id:<{wide[1]}}  {number:>{wide[2]}}"
        left += f"  {example:<{wide[3]}}  "
        yield from wrapped(left, " " * left_width, row.text, style.width, left_width)
    if len(rows) > len(shown):
        yield f"  and {counted(len(rows) - len(shown), 'more kind')} of finding, in --format json"


def _left_over(selection: Selection, style: Style, paint: Paint) -> Iterator[str]:
    rows = facts.left_over(selection.summary)
    if not rows:
        return
    yield ""
    yield paint("endpoints left at the end of the capture", "title")
    width = max(len(f"{number:,}") for _, number, _ in rows)
    for state, number, sentence in rows:
        left = f"  {number:>{width},}  {state:<12}  "
        yield from wrapped(left, " " * len(left), sentence, style.width)


def _connections(selection: Selection, style: Style, paint: Paint) -> Iterator[str]:
    shown = facts.rows_to_show(selection)
    yield from _table(shown, style, paint)
    if len(selection) > len(shown):
        yield ""
        yield from wrapped(
            "", "  ",
            f"{len(shown)} of {counted(len(selection), 'connection')}, the worst first. One in full: --stream N; "
            "some: --filter 'state CLOSE_WAIT'; all: --format csv",
            style.width,
        )  # fmt: skip
    else:
        yield ""
        yield paint("--stream N shows one of them step by step", "aside")


def _table(connections: Sequence[Connection], style: Style, paint: Paint) -> Iterator[str]:
    columns, rows = fitting(connections, style.width)
    painted = [
        [_painted(cell, column, connection, paint) for cell, column in zip(row, columns, strict=True)]
        for row, connection in zip(rows, connections, strict=True)
    ]
    yield from tabulate(
        painted, headers=[column.title for column in columns], tablefmt="simple", disable_numparse=True,
        colalign=[column.align for column in columns],
    ).splitlines()  # fmt: skip


def _painted(cell: str, column: Column, connection: Connection, paint: Paint) -> str:
    if column.cell is not worst_finding or not connection.findings:
        return cell
    return paint(cell, SEVERITIES[rank(connection)])


def _one(connection: Connection, start_ns: int, decimals: int, style: Style, paint: Paint) -> Iterator[str]:
    title = f"#{connection.id} {address(connection.client)} -> {address(connection.server)}"
    again = f" (connection {connection.incarnation} on this 4-tuple)" if connection.incarnation > 1 else ""
    yield from wrapped(paint(title, "title"), "  ", again, style.width, len(title))
    for name, words in detail.story(connection):
        yield from wrapped(f"  {name:<7}  ", " " * 11, words, style.width)
    for finding in sorted(connection.findings, key=lambda finding: SEVERITIES.index(finding.severity)):
        where = f" ({frame_list(finding.frames)})" if finding.frames else ""
        left = f"  {paint(f'{finding.severity:<7}', finding.severity)}  "
        yield from wrapped(left, " " * 11, f"{clean(finding.id)}{where}: {clean(finding.text)}", style.width, 11)
    if not connection.findings:
        yield "  " + paint("nothing wrong was found", "ok")
    yield ""
    yield from _table([connection], style, paint)
    for name, endpoint in (("client", connection.client), ("server", connection.server)):
        yield ""
        yield from wrapped("", "  ", detail.endpoint_head(name, endpoint), style.width)
        if endpoint.transitions:
            cells = [detail.step_cells(step, start_ns, decimals) for step in endpoint.transitions]
            yield from ("  " + line for line in _steps(cells, style.width - 2))
        if endpoint.time_in_state_ns:
            yield from wrapped("  time in each state: ", "    ", detail.time_in_states(endpoint), style.width)
    if connection.checks:
        yield ""
        for line in wrapped("", "  ", "SEQ + 1: a SYN and a FIN take one sequence number each", style.width):
            yield paint(line, "title")
        for check in connection.checks:
            verdict = paint("ok   ", "ok") if check.ok else paint("WRONG", "error")
            yield from wrapped(f"  {verdict}  ", " " * 9, detail.check_in_words(check), style.width, 9)
    if connection.time_wait:
        yield ""
        for line in wrapped("", "  ", "TIME_WAIT: its end sends nothing, so a capture gives bounds", style.width):
            yield paint(line, "title")
        for stay in connection.time_wait:
            yield from wrapped("  ", "    ", detail.time_wait_in_words(stay, start_ns, decimals), style.width)
    yield ""
    for sentence in detail.certainty_legend(connection):
        for line in wrapped("", "  ", sentence, style.width):
            yield paint(line, "aside")


def _steps(cells: list[list[str]], width: int) -> Iterator[str]:
    """One row a transition; two lines each where the width has no room for the columns."""
    folded = detail.folded_steps(cells, width)
    if width_of(detail.STEP_TITLES, folded) > width:
        yield from detail.stacked_steps(cells)
        return
    yield from tabulate(
        folded, headers=detail.STEP_TITLES, tablefmt="simple", disable_numparse=True, colalign=detail.STEP_ALIGN
    ).splitlines()


def _decimals(captures: Sequence[CaptureInfo]) -> int:
    """Decimals of a second that the finest capture has: 6, or 9 below the microsecond."""
    return 9 if any((capture.time_resolution_ns or 1000) < 1000 for capture in captures) else 6


def _start_ns(selection: Selection) -> int:
    """The time of the first frame of all captures: relative times count from it."""
    times = [capture.first_time_ns for capture in selection.captures if capture.first_time_ns is not None]
    return min(times, default=0)
