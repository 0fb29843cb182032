"""The table of connections: which columns there are, and which of them a width has room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from handshake_inspect.render.selection import SEVERITIES
from handshake_inspect.render.text import address, clean, duration, size

if TYPE_CHECKING:
    from handshake_inspect.report import Connection, Endpoint


class Column(NamedTuple):
    """One column; when the width is short, the highest `drop` goes first, and 0 never goes.

    A newline in the title folds it, which keeps a column of short words narrow.
    """

    title: str
    drop: int
    align: str
    cell: Callable[[Connection], str]


def worst_finding(connection: Connection) -> str:
    """The first finding of the worst severity, and how many there are beside it."""
    if not connection.findings:
        return "-"
    worst = min(connection.findings, key=lambda finding: SEVERITIES.index(finding.severity))
    others = len(connection.findings) - 1
    return clean(worst.id) + (f" +{others}" if others else "")


def _state(endpoint: Endpoint) -> str:
    return endpoint.state or "-"


# fmt: off
COLUMNS = (
    Column("id",              0, "right", lambda c: str(c.id)),
    Column("client",          0, "left",  lambda c: address(c.client)),
    Column("server",          0, "left",  lambda c: address(c.server)),
    Column("opening",         0, "left",  lambda c: c.opening.kind),
    Column("closing",         2, "left",  lambda c: c.closing.kind),
    Column("closed\nfirst",   5, "left",  lambda c: c.closing.first or "-"),
    Column("client\nends",    1, "left",  lambda c: _state(c.client)),
    Column("server\nends",    1, "left",  lambda c: _state(c.server)),
    Column("handshake",       6, "right", lambda c: duration(c.opening.rtt_ns)),
    Column("duration",        7, "right", lambda c: duration(c.last_time_ns - c.first_time_ns)),
    Column("client\nsent",    8, "right", lambda c: size(c.client.bytes)),
    Column("server\nsent",    8, "right", lambda c: size(c.server.bytes)),
    Column("worst\nfinding",  3, "left",  worst_finding),
)
# fmt: on

GAP = 2
"""Spaces between two columns of tabulate's `simple` format."""
TITLE_PADDING = 2
"""What tabulate adds to the width of a title (its MIN_PADDING)."""
ADDRESS_LENGTHS = (None, 24, 20)
"""How long `address:port` may be: whole, and cut, once a line has become too long for its width."""
SHORTER = (15, 13)
"""How long it may be where not even the states have room."""


def fitting(connections: Sequence[Connection], width: int) -> tuple[tuple[Column, ...], list[list[str]]]:
    """The columns that `width` has room for, and the cells of each connection.

    Whole columns go first.  Only when the most important ones alone are still too wide, long addresses
    are cut in the middle; `--stream N` shows them whole.
    """
    most = max(column.drop for column in COLUMNS)
    # The states are what the reader came for: addresses are cut before these are dropped.
    tries = [(longest, kept) for longest in ADDRESS_LENGTHS for kept in range(most, 0, -1)]
    for longest, kept in (*tries, *((longest, 0) for longest in ADDRESS_LENGTHS + SHORTER)):
        columns = tuple(column for column in COLUMNS if column.drop <= kept)
        rows = [[_cell(column, connection, longest) for column in columns] for connection in connections]
        if width_of([column.title for column in columns], rows) <= width:
            break
    return columns, rows


def _cell(column: Column, connection: Connection, longest: int | None) -> str:
    if longest is not None and column.title in ("client", "server"):
        return address(connection.client if column.title == "client" else connection.server, longest)
    return column.cell(connection)


def width_of(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """How wide tabulate makes these titles and cells in its `simple` format; either may be folded with newlines."""
    widths = [
        max(TITLE_PADDING + longest_line(title), *(longest_line(row[place]) for row in rows))
        for place, title in enumerate(titles)
    ]
    return sum(widths) + GAP * (len(widths) - 1)


def longest_line(text: str) -> int:
    return max(map(len, text.split("\n")))
