"""One flat row a connection, for spreadsheets and databases."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple, TextIO

from handshake_inspect.render import Style
from handshake_inspect.render.selection import SEVERITIES, Selection, rank
from handshake_inspect.render.text import clean, frame_number

if TYPE_CHECKING:
    from handshake_inspect.report import Connection, Endpoint

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet take a cell for a formula; the last four are the same signs in full width."""


class Column(NamedTuple):
    """One column: an unknown value is an empty cell."""

    name: str
    value: Callable[[Connection], str | int | None]


def _repeats(endpoint: Endpoint) -> int:
    repeats = endpoint.retransmissions
    return repeats.syn + repeats.syn_ack + repeats.fin + repeats.data


def _worst(connection: Connection) -> str:
    worst = rank(connection)
    return SEVERITIES[worst] if worst < len(SEVERITIES) else ""


# fmt: off
COLUMNS = (
    Column("id",                     lambda c: c.id),
    Column("incarnation",            lambda c: c.incarnation),
    Column("roles",                  lambda c: c.roles),
    Column("client_address",         lambda c: c.client.address),
    Column("client_port",            lambda c: c.client.port),
    Column("server_address",         lambda c: c.server.address),
    Column("server_port",            lambda c: c.server.port),
    Column("first_frame",            lambda c: frame_number(c.first_frame)),
    Column("last_frame",             lambda c: frame_number(c.last_frame)),
    Column("first_time_ns",          lambda c: c.first_time_ns),
    Column("last_time_ns",           lambda c: c.last_time_ns),
    Column("opening",                lambda c: c.opening.kind),
    Column("opening_certainty",      lambda c: c.opening.certainty),
    Column("handshake_ns",           lambda c: c.opening.rtt_ns),
    Column("server_side_ns",         lambda c: c.opening.server_side_ns),
    Column("client_side_ns",         lambda c: c.opening.client_side_ns),
    Column("closing",                lambda c: c.closing.kind),
    Column("closed_first",           lambda c: c.closing.first),
    Column("reset_by",               lambda c: c.closing.reset_by),
    Column("client_state",           lambda c: c.client.state),
    Column("server_state",           lambda c: c.server.state),
    Column("client_isn",             lambda c: c.client.isn),
    Column("server_isn",             lambda c: c.server.isn),
    Column("client_segments",        lambda c: c.client.segments),
    Column("server_segments",        lambda c: c.server.segments),
    Column("client_bytes",           lambda c: c.client.bytes),
    Column("server_bytes",           lambda c: c.server.bytes),
    Column("client_retransmissions", lambda c: _repeats(c.client)),
    Column("server_retransmissions", lambda c: _repeats(c.server)),
    Column("failed_checks",          lambda c: sum(not check.ok for check in c.checks)),
    Column("worst",                  _worst),
    Column("findings",               lambda c: ";".join(finding.id for finding in c.findings)),
    Column("community_id",           lambda c: c.interop.community_id),
    Column("client_names",           lambda c: ";".join(c.client.names)),
    Column("server_names",           lambda c: ";".join(c.server.names)),
)
# fmt: on


def cell(value: object) -> object:
    """The value as it may stand in a spreadsheet: text that would be a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    return "'" + clean(value) if value.startswith(FORMULA_STARTS) else clean(value)


class Sheet:
    """Writes lines of cells; they end in a bare newline, as other tools of a pipe expect."""

    def __init__(self, out: TextIO) -> None:
        self._writer = csv.writer(out, lineterminator="\n")

    def writerow(self, values: Iterable[object]) -> None:
        """One line; every cell as `cell` makes it."""
        self._writer.writerow(map(cell, values))


def write(selection: Selection, out: TextIO, style: Style) -> None:
    """A line of names, then one line a connection."""
    sheet = Sheet(out)
    sheet.writerow(column.name for column in COLUMNS)
    for connection in selection:
        sheet.writerow(column.value(connection) for column in COLUMNS)
